/** The largest and smallest values that callers and strangers' invoices may give: what is taken fits every record and timer of a whole node. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { CallParams } from '../../node/api/table.ts';
import { table } from '../../node/api/table.ts';
import { ourFeatures } from '../../wire/features.ts';
import { encodeInvoice } from '../../wire/invoice.ts';
import { msat, paymentHash } from '../../wire/units.ts';
import { bytes32 } from '../amp/receiver.ts';
import { sign } from '../support/invoices.ts';
import { type LocalPair, startPair } from '../support/pair.ts';

let pair: LocalPair;
let labels = 0;
beforeAll(async () => {
  pair = await startPair();
  await pair.endow('alice', 1_100_000n);
  await pair.open(1_000_000n);
});
afterAll(() => pair?.stop());

const said = async (answer: Promise<{ status?: string } | object>): Promise<string> => {
  try {
    const found = await answer;
    return 'status' in found && found.status !== undefined ? found.status : 'done';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
const bill = (given: Partial<CallParams<'invoice'>> = {}) =>
  pair.nodes.bob.call('invoice', { amount_msat: 1_000_000n, label: `bill ${++labels}`, description: 'd', ...given });
/** Nothing has stopped, and nothing that was refused is left behind. */
const goesOn = async (): Promise<void> => {
  const { bolt11 } = await bill();
  expect(await said(pair.nodes.alice.call('pay', { bolt11 }))).toBe('complete');
  expect((await pair.nodes.alice.call('listpays', { status: 'pending' })).pays).toEqual([]);
};

const ALL = '21000000btc';
const most = { retry_for: 1_209_600, maxdelay: 2016 } as const;
const wide = [
  { ...most, maxfeepercent: 100, exemptfee: ALL },
  { ...most, maxfee: ALL },
  { maxfeepercent: '100', exemptfee: 0 },
  { label: '🍵'.repeat(512) },
  { label: Number.MAX_SAFE_INTEGER },
] as const;

describe('the most that a caller may give', () => {
  test.each(wide)('to pay: %j', async (given) => {
    const { bolt11 } = await bill();
    expect(await said(pair.nodes.alice.call('pay', { bolt11, ...given }))).toBe('complete');
    const amp = await bill({ amp: 'eob' });
    // As many as may be, with the widest limits.
    const shards = { shards: 'retry_for' in given ? 255 : 16, scheme: 'fixed' } as const;
    expect(await said(pair.nodes.alice.call('pay', { bolt11: amp.bolt11, ...given, ...shards }))).toBe('complete');
    await goesOn();
  });

  test.each(wide)('to keysend: %j', async (given) => {
    const terms = { destination: pair.nodes.bob.id, amount_msat: 1_000_000n, ...given };
    expect(await said(pair.nodes.alice.call('keysend', terms))).toBe('complete');
    const all = await said(pair.nodes.alice.call('keysend', { ...terms, amount_msat: ALL }));
    expect(all).toContain('can send at most');
    await goesOn();
  });

  test.each([
    { expiry: 315_360_000, cltv: 1008 },
    { amount_msat: ALL },
    { amount_msat: 'any' },
    { description: 'é'.repeat(319) },
    { description: 'x'.repeat(65_535), deschashonly: true },
    { label: '🍵'.repeat(512) },
  ] as const)('to invoice: %j', async (given) => {
    const { bolt11 } = await bill(given);
    const shown = await pair.nodes.alice.call('decode', { string: bolt11 });
    expect(shown.valid).toBe(true);
    const asked = { bolt11, ...('amount_msat' in given && given.amount_msat === 'any' && { amount_msat: ALL }) };
    const limited = { ...asked, maxdelay: 2016 };
    expect(await said(pair.nodes.alice.call('pay', limited))).toMatch(/^complete$|can send at most/);
    await goesOn();
  });

  test('to pay with a description of the full length', async () => {
    const description = 'y'.repeat(65_535);
    const { bolt11 } = await bill({ description, deschashonly: true });
    expect(await said(pair.nodes.alice.call('pay', { bolt11, description }))).toBe('complete');
    await goesOn();
  });
});

describe('an invoice of a stranger', () => {
  const strange = (given: {
    amount?: bigint;
    expiry?: number;
    minFinalCltvExpiryDelta?: number;
    metadata?: Uint8Array;
  }) =>
    encodeInvoice(
      {
        ...{ network: 'regtest', timestamp: pair.nodes.alice.node.now(), paymentSecret: bytes32(2) },
        ...{ paymentHash: paymentHash(bytes32(++labels)), features: ourFeatures('9'), description: 'd', ...given },
        amount: msat(given.amount ?? 1_000n),
      },
      sign,
    );

  test.each([
    ['wants more blocks than a record holds', { minFinalCltvExpiryDelta: 0xffff_ffff }, 'more than maxdelay, 2016'],
    ['wants more blocks than a payment may last', { minFinalCltvExpiryDelta: 2014 }, 'more than maxdelay, 2016'],
    ['wants as many as may be', { minFinalCltvExpiryDelta: 2013 }, 'no route'],
    ['holds for ever', { expiry: 2 ** 50 - 1 }, 'no route'],
    ['asks for all there is', { amount: 2_100_000_000_000_000_000n }, 'can send at most'],
    ['brings as much metadata as an invoice holds', { metadata: new Uint8Array(639) }, 'no route'],
  ] as const)('that %s stops nothing', async (_, given, answer) => {
    expect(await said(pair.nodes.alice.call('pay', { bolt11: strange(given) }))).toContain(answer);
    await goesOn();
  });
});

describe('beyond it', () => {
  type Case = readonly [method: keyof typeof table, name: string, given: unknown, bound: string];
  const huge = 2 ** 32 - 1;
  const cases: readonly Case[] = [
    ['pay', 'retry_for', huge, '0 to 1209600'],
    ['pay', 'maxdelay', 2017, '1 to 2016'],
    ['pay', 'maxdelay', 0, '1 to 2016'],
    ['pay', 'maxfeepercent', 1e300, '0 to 100'],
    ['pay', 'maxfee', '21000001btc', '21 million bitcoin'],
    ['pay', 'exemptfee', 2n ** 64n, '21 million bitcoin'],
    ['pay', 'amount_msat', 2n ** 64n, '21 million bitcoin'],
    ['pay', 'shards', 256, '1 to 255'],
    ['pay', 'label', 'x'.repeat(1025), '1024 characters'],
    ['pay', 'description', 'é'.repeat(32_768), '65535 bytes'],
    ['pay', 'bolt11', 'x'.repeat(65_536), '65535 bytes'],
    ['keysend', 'retry_for', huge, '0 to 1209600'],
    ['keysend', 'maxdelay', huge, '1 to 2016'],
    ['keysend', 'maxfeepercent', Number.POSITIVE_INFINITY, '0 to 100'],
    ['invoice', 'expiry', huge, '1 to 315360000'],
    ['invoice', 'expiry', 0, '1 to 315360000'],
    ['invoice', 'cltv', 21, '22 to 1008'],
    ['invoice', 'cltv', huge, '22 to 1008'],
    ['invoice', 'amount_msat', 2n ** 64n, '21 million bitcoin'],
    ['invoice', 'description', 'x'.repeat(65_536), '65535 bytes'],
    ['close', 'unilateraltimeout', huge, '0 to 2073600'],
    ['withdraw', 'feerate', '999999999perkw', '2500000perkw'],
    ['withdraw', 'feerate', '1009blocks', '1 to 1008'],
    ['withdraw', 'minconf', 2 ** 32, '0 to 4294967295'],
    ['fundchannel', 'push_msat', 2n ** 64n, '21 million bitcoin'],
    ['connect', 'port', 65_536, '1 to 65535'],
    ['listpays', 'start', 2 ** 60, `0 to ${Number.MAX_SAFE_INTEGER}`],
  ];
  test.each(cases)('%s refuses %s=%s and names the bound: %s', (method, name, given, bound) => {
    const schema = (table[method].params.shape as Record<string, z.ZodType>)[name];
    const { success, error } = schema?.safeParse(given) ?? {};
    expect(success).toBe(false);
    expect(error?.issues[0]?.message).toContain(bound);
  });

  test('a description that no invoice holds is refused, and its label stays free', async () => {
    const label = `bill ${++labels}`;
    await expect(bill({ label, description: 'x'.repeat(640) })).rejects.toThrow('at most 639 bytes');
    await bill({ label });
  });

  test('maxfee and what it stands in the place of are not both taken', async () => {
    const { bolt11 } = await bill();
    const { alice } = pair.nodes;
    for (const given of [{ maxfeepercent: 1 }, { exemptfee: 1 }])
      await expect(alice.call('pay', { bolt11, maxfee: 1, ...given })).rejects.toThrow('leave those out');
  });

  test('a description that is not the one whose hash was signed is refused', async () => {
    const { alice } = pair.nodes;
    const hashed = await bill({ deschashonly: true, description: 'two cups' });
    await expect(alice.call('pay', { bolt11: hashed.bolt11, description: 'x' })).rejects.toThrow('the hash of another');
    const plain = await bill();
    await expect(alice.call('pay', { bolt11: plain.bolt11, description: 'x' })).rejects.toThrow('one of its own');
    expect(await said(alice.call('pay', { bolt11: plain.bolt11, description: 'd' }))).toBe('complete');
  });
});

test('an invoice of a peer with the hash of one of our own is not paid', async () => {
  const { alice, bob } = pair.nodes;
  const known = '99'.repeat(32);
  await alice.call('invoice', { amount_msat: 1_000n, label: 'mine', description: 'd', preimage: known });
  const { bolt11 } = await bob.call('invoice', {
    amount_msat: 1_000n,
    label: 'theirs',
    description: 'd',
    preimage: known,
  });
  await expect(alice.call('pay', { bolt11 })).rejects.toThrow('an invoice of this node has the same payment_hash');
});
