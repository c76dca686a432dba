/** BOLT 9: bitmaps, dependencies, negotiation; channel types; our own offers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hex, reversed, unhex } from '../../wire/bytes.ts';
import { chainHashOf, chainNameOf } from '../../wire/chains.ts';
import { channelType, channelTypeFeatures } from '../../wire/channeltype.ts';
import { hash256 } from '../../wire/crypto.ts';
import {
  bitmapOf,
  bitsOf,
  describeFeatureFault,
  type FeatureName,
  featureBitmap,
  features,
  hasBit,
  hasFeature,
  joinFeatures,
  missingDependency,
  negotiate,
  ourFeatures,
  requiresFeature,
} from '../../wire/features.ts';
import { chainHash } from '../../wire/units.ts';

const names = Object.keys(features) as FeatureName[];

describe('bitmaps', () => {
  const bits = fc.uniqueArray(fc.nat(400)).map((list) => list.toSorted((a, b) => a - b));
  test('feature bitmaps are minimal and read back to their bits', () => {
    fc.assert(
      fc.property(bits, (list) => {
        const bitmap = bitmapOf(list);
        expect([...bitsOf(bitmap)]).toEqual(list);
        expect(bitmap[0]).not.toBe(0);
        for (const bit of [0, 1, 7, 8, 63, 400, 4000]) expect(hasBit(bitmap, bit)).toBe(list.includes(bit));
      }),
    );
  });
  test('joined feature bitmaps are the union of their bits', () => {
    fc.assert(
      fc.property(bits, bits, (a, b) => {
        expect(joinFeatures(bitmapOf(a), bitmapOf(b))).toEqual(bitmapOf([...a, ...b]));
      }),
    );
  });
  test.each([
    [[], ''],
    [[0], '01'],
    [[8], '0100'],
    [[12], '1000'],
    [[0, 13, 15], 'a001'],
  ])('feature bits %j are the bitmap %s', (list, wire) => {
    expect(hex(bitmapOf(list))).toBe(wire);
  });
  test('feature bitmaps from outside may have leading zeros', () => {
    expect([...bitsOf(unhex('00000002'))]).toEqual([1]);
    expect(hex(joinFeatures(unhex('0000'), unhex('0002')))).toBe('02');
  });
});

describe('the table', () => {
  test('every feature has an even bit of its own', () => {
    const bits = names.map((name) => features[name].bit);
    expect(new Set(bits).size).toBe(bits.length);
    expect(bits.filter((bit) => bit % 2 === 1)).toEqual([]);
  });
  test('features depend only on known ones, without circles', () => {
    const depth = (name: FeatureName, path: readonly FeatureName[] = []): number => {
      expect(path).not.toContain(name);
      const needs: readonly FeatureName[] = features[name].requires;
      return 1 + Math.max(0, ...needs.map((next) => depth(next, [...path, name])));
    };
    for (const name of names) expect(depth(name)).toBeLessThan(names.length);
  });
});

describe('negotiation', () => {
  const local = featureBitmap({
    basic_mpp: 'optional',
    option_scid_alias: 'required',
    option_shutdown_anysegwit: 'optional',
  });
  const agreedWith = (remote: Uint8Array) => {
    const result = negotiate(local, remote);
    return 'agreed' in result ? result.agreed : result.problem;
  };
  test('peers agree on the features that both set, by either bit of the pair', () => {
    const agreed = agreedWith(bitmapOf([features.basic_mpp.bit, features.option_scid_alias.bit + 1]));
    expect(agreed).toContain('basic_mpp');
    expect(agreed).toContain('option_scid_alias');
    expect(agreed).not.toContain('option_shutdown_anysegwit');
  });
  test('assumed features count as set', () => {
    expect(agreedWith(bitmapOf([47]))).toContain('option_static_remotekey');
  });
  test('a feature with both bits set is accepted and counts as required', () => {
    const both = bitmapOf([16, 17, 47]);
    expect(requiresFeature(both, 'basic_mpp')).toBe(true);
    expect(agreedWith(both)).toContain('basic_mpp');
    expect(agreedWith(bitmapOf([18, 19, 47]))).toMatchObject({ code: 'not_offered' });
  });
  test('unknown odd feature bits are ignored, high ones too', () => {
    expect(agreedWith(bitmapOf([47, 55, 1001]))).toContain('option_scid_alias');
  });
  test.each([
    [[47, 1000], { code: 'unknown_even_bit', bit: 1000 }],
    [[28, 47], { code: 'not_offered', feature: 'option_dual_fund' }],
    [[17], { code: 'missing_required', feature: 'option_scid_alias' }],
    [[51], { code: 'missing_dependency', feature: 'option_zeroconf', requires: 'option_scid_alias' }],
    [[47, 61], { code: 'missing_dependency', feature: 'option_simple_close', requires: 'option_shutdown_anysegwit' }],
  ])('negotiation with feature bits %j fails with %j', (bits, problem) => {
    expect(agreedWith(bitmapOf(bits))).toEqual(problem);
  });
  test('a failed negotiation of features says what is wrong', () => {
    expect(describeFeatureFault({ code: 'unknown_even_bit', bit: 1000 })).toBe(
      'feature bit 1000 is required but unknown here',
    );
  });
  test('both peers negotiate the same features, or neither does', () => {
    const offer = fc
      .subarray(names)
      .map((list) => featureBitmap(Object.fromEntries(list.map((name) => [name, 'optional']))));
    fc.assert(
      fc.property(offer, offer, (a, b) => {
        const [here, there] = [negotiate(a, b), negotiate(b, a)];
        if ('agreed' in here && 'agreed' in there) expect(here.agreed).toEqual(there.agreed);
        else expect(missingDependency(a) ?? missingDependency(b)).toBeDefined();
      }),
    );
  });
});

/** init bits of deployed nodes, as seen on regtest. */
const deployed = {
  'lnd 0.20': [0, 5, 7, 8, 12, 14, 17, 23, 25, 27, 31, 35, 45],
  'LDK 0.1.5': [0, 5, 7, 8, 12, 14, 17, 19, 25, 27, 39, 45, 47, 51],
  'Electrum 4.3': [0, 1, 5, 6, 7, 9, 12, 13, 15, 17, 27, 45, 151],
  'eclair 0.13': [0, 5, 7, 8, 12, 14, 17, 19, 23, 25, 27, 29, 35, 37, 39, 44, 47, 49, 61],
};

describe('our offer', () => {
  test.each(['I', 'N', 'C', '9'] as const)(
    'in context %s holds only features of that context, dependencies included',
    (context) => {
      const bitmap = ourFeatures(context);
      expect(missingDependency(bitmap)).toBeUndefined();
      for (const bit of bitsOf(bitmap)) {
        const name = names.find((one) => features[one].bit === bit - (bit % 2));
        expect(name && features[name].contexts).toContain(context);
      }
    },
  );
  test('our feature bits of each context are as listed', () => {
    expect([...bitsOf(ourFeatures('I'))]).toEqual([0, 5, 7, 8, 11, 12, 14, 17, 19, 23, 27, 31, 45, 47, 171]);
    expect([...bitsOf(ourFeatures('N'))]).toEqual([0, 5, 7, 8, 11, 12, 14, 17, 19, 23, 27, 31, 45, 47, 171]);
    expect([...bitsOf(ourFeatures('C'))]).toEqual([]);
    expect([...bitsOf(ourFeatures('9'))]).toEqual([8, 14, 17]);
  });
  test('an invoice can add features, and none appears in a context that is not its own', () => {
    expect([...bitsOf(ourFeatures('9', { option_eob_amp: 'required' }))]).toEqual([8, 14, 17, 170]);
    expect([...bitsOf(ourFeatures('9', { option_anchors: 'optional' }))]).toEqual([8, 14, 17]);
  });
  test.each(Object.entries(deployed))('our features can be negotiated with %s', (_, bits) => {
    const result = negotiate(ourFeatures('I'), bitmapOf(bits));
    expect(result).toHaveProperty('agreed');
    expect(hasFeature(bitmapOf(bits), 'basic_mpp')).toBe(true);
  });
});

describe('channel types', () => {
  test('channel types are written as listed', () => {
    expect(hex(channelType('option_static_remotekey'))).toBe('1000');
    expect(hex(channelType('option_static_remotekey', 'option_anchors'))).toBe('401000');
  });
  test('channel types are read back to their features', () => {
    const type = channelType('option_anchors', 'option_static_remotekey', 'option_zeroconf');
    expect(channelTypeFeatures(type)).toEqual(
      new Set(['option_static_remotekey', 'option_anchors', 'option_zeroconf']),
    );
  });
  test.each(['2000', '001000', '1001', '801000', '01'.padEnd(400, '0')])(
    'the bytes %s are no known channel type',
    (type) => {
      expect(channelTypeFeatures(unhex(type))).toBeUndefined();
    },
  );
});

describe('chains', () => {
  const merkle = '3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a';
  const header = (time: string, bits: string, nonce: string) =>
    `01000000${'00'.repeat(32)}${merkle}${time}${bits}${nonce}`;
  test.each([
    ['bitcoin', header('29ab5f49', 'ffff001d', '1dac2b7c')],
    ['testnet', header('dae5494d', 'ffff001d', '1aa4ae18')],
    ['signet', header('008f4d5f', 'ae77031e', '8ad22203')],
    ['regtest', header('dae5494d', 'ffff7f20', '02000000')],
  ] as const)('chain %s is named by the hash of its genesis header', (name, genesis) => {
    expect(hex(chainHashOf[name])).toBe(hex(hash256(unhex(genesis))));
    expect(chainNameOf(chainHashOf[name])).toBe(name);
  });
  test('a genesis hash in display order names no chain', () => {
    expect(chainNameOf(chainHash(reversed(chainHashOf.regtest)))).toBeUndefined();
  });
});
