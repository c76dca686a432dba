/** `signmessage` and `checkmessage`: signatures go back and forth between this node and others. */
import { describe, expect, test } from 'vitest';
import { checkmessage } from '../../../node/api/methods/messages/checkmessage.ts';
import { signmessage } from '../../../node/api/methods/messages/signmessage.ts';
import type { Node } from '../../../node/core/running.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { pointOf } from '../../../wire/crypto.ts';
import { point, secretKey } from '../../../wire/units.ts';
import { decodeZbase32, encodeZbase32 } from '../../../wire/zbase32.ts';
import { ids, patient } from '../../support/api.ts';

const identity = secretKey(new Uint8Array(32).fill(7));
const nodeId = pointOf(identity);
const keys = { identity, nodeId } as Node['keys'];
/** A graph that knows these nodes. */
const check = (given: { message: string; zbase: string; pubkey?: string }, known: readonly string[] = []) =>
  checkmessage.handler(
    { keys, graph: { node: () => undefined, hasChannel: (key) => known.includes(key) } },
    checkmessage.params.parse(given),
    patient,
  );
const sign = (message: string) => signmessage.handler({ keys }, { message }, patient);

/** Made by lnd and shown in public. */
const FOREIGN = [
  [
    'is this compatible?',
    'rbgfioj114mh48d8egqx8o9qxqw4fmhe8jbeeabdioxnjk8z3t1ma1hu1fiswpakgucwwzwo6ofycffbsqusqdimugbh41n1g698hr9t',
    '02b80cabdf82638aac86948e4c06e82064f547768dcef977677b9ea931ea75bab5',
  ],
  [
    'hi',
    'rnrphcjswusbacjnmmmrynh9pqip7sy5cx695h6mfu64iac6qmcmsd8xnsyczwmpqp9shqkth3h4jmkgyqu5z47jfn1q7gpxtaqpx4xg',
    '02de60d194e1ca5947b59fe8e2efd6aadeabfb67f2e89e13ae1a799c1e08e4a43b',
  ],
] as const;

describe('a signed message', () => {
  test.each(FOREIGN)(
    '%j that lnd signed is checked, alone where the graph knows the node',
    async (message, zbase, id) => {
      expect(await check({ message, zbase, pubkey: id })).toEqual({ verified: true, pubkey: id });
      expect(await check({ message, zbase }, [id])).toEqual({ verified: true, pubkey: id });
      await expect(check({ message, zbase })).rejects.toMatchObject({ code: 1301, data: { claimed_key: id } });
      expect(await check({ message: `${message}!`, zbase, pubkey: id })).toMatchObject({ verified: false });
    },
  );

  test('of this node is checked by this node, whose signature is 64 bytes behind a recovery id', async () => {
    const { signature, recid, zbase } = await sign('this is a test');
    expect(zbase).toBe(encodeZbase32(unhex(`${(31 + Number(recid)).toString(16)}${signature}`)));
    expect(await check({ message: 'this is a test', zbase })).toEqual({ verified: true, pubkey: hex(nodeId) });
    expect(await check({ message: 'this is a test', zbase, pubkey: ids.bob })).toEqual({
      verified: false,
      pubkey: hex(nodeId),
    });
  });

  test.each([
    ['letters that are none of the alphabet', 'L'.repeat(104), 'z-base-32'],
    ['half a signature', 'y'.repeat(52), '104 letters'],
    ['a first byte that no signature has', 'y'.repeat(104), '104 letters'],
    ['a signature of no key', encodeZbase32(unhex(`1f${'ff'.repeat(64)}`)), 'no key'],
  ])('with %s is refused, naming zbase', async (_, zbase, words) => {
    await expect(check({ message: 'm', zbase })).rejects.toMatchObject({
      code: -32602,
      message: expect.stringMatching(new RegExp(`^zbase: .*${words}`)),
      data: { field: 'zbase' },
    });
  });

  test('in letters comes back as the bytes it was, whatever their number', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 73 + length) & 255);
      expect(decodeZbase32(encodeZbase32(bytes))).toEqual(bytes);
    }
    // A letter too many, and bits that stand for nothing.
    expect(decodeZbase32(`${encodeZbase32(Uint8Array.of(1))}y`)).toBeUndefined();
    expect(decodeZbase32('yb')).toBeUndefined();
    expect(point(nodeId)).toHaveLength(33);
  });
});
