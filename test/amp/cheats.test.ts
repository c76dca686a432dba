/** What a payer, a forwarder or a stranger can try with the shares of a set, and that it gains nothing and harms nobody's else. */
import { describe, expect, test } from 'vitest';
import { child } from '../../amp/shares.ts';
import { msat } from '../../wire/units.ts';
import { bytes32, type Htlc, keyOf, ReceiverUnderTest } from './receiver.ts';
import { amp, ampInvoice, schemeNamed, withBlobs } from './sets.ts';

const WRONG = 'incorrect_or_unknown_payment_details';
const at = (htlcs: readonly Htlc[], i: number): Htlc => htlcs[i] ?? expect.fail(`no HTLC ${i}`);
const run = (htlcs: readonly Htlc[]): ReceiverUnderTest => {
  const receiver = new ReceiverUnderTest();
  for (const htlc of htlcs) receiver.arrive(htlc);
  return receiver;
};
const resolutions = (receiver: ReceiverUnderTest, ...ids: readonly number[]): readonly string[] =>
  ids.map((id) => receiver.resolution(id));
const whys = (receiver: ReceiverUnderTest): readonly string[] =>
  receiver.events.flatMap((event) => ('why' in event ? [event.why] : []));
const worth = (htlc: Htlc, amount: bigint): Htlc => ({
  ...htlc,
  amount: msat(amount),
  payload: { ...htlc.payload, amount: msat(amount) },
});

describe.each(['fixed', 'dynamic'] as const)('in scheme %s', (scheme) => {
  const other = scheme === 'fixed' ? 'dynamic' : 'fixed';

  test('a stranger who knows the payment_id begins sets of its own beside an honest one, which is paid all the same', () => {
    const invoice = ampInvoice(3000n);
    const honest = amp({ scheme, parts: 3, invoice });
    const strange = amp({ scheme: other, parts: 2, seed: 2, firstKey: 10, amount: 1n, invoice });
    const spoiling = { ...at(amp({ scheme, parts: 4, seed: 3, firstKey: 20, amount: 2900n, invoice }), 0) };
    const receiver = run([at(strange, 0), at(honest, 0), spoiling, at(honest, 1), at(honest, 2), at(strange, 1)]);
    expect(resolutions(receiver, 0, 1, 2)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(resolutions(receiver, 10, 11, 20)).toEqual([WRONG, WRONG, WRONG]);
    expect(receiver.paid).toMatchObject([{ received: 3000n }]);
  });

  test('a stranger who knows the set_id, too, can have the set fail, and never have it claimed for less', () => {
    const invoice = ampInvoice(2000n);
    const honest = amp({ scheme, parts: 2, invoice });
    const share = withBlobs({ ...at(honest, 1), key: keyOf(9), paymentHash: child(bytes32(5), 1).paymentHash }, () => ({
      share: bytes32(6),
    }));
    const receiver = run([at(honest, 0), share, at(honest, 1)]);
    expect(receiver.paid).toEqual([]);
    for (const id of [0, 1, 9]) expect(receiver.resolution(id)).not.toBe('fulfilled');
  });

  test('an HTLC with the payment_id and set_id of a set but another scheme never touches it', () => {
    const invoice = ampInvoice(2000n);
    const honest = amp({ scheme, parts: 2, invoice });
    const named = at(honest, 0).payload;
    const setId = named.kind === 'eob' ? (named.blobs[0]?.setId ?? bytes32(0)) : bytes32(0);
    const guest = withBlobs(at(amp({ scheme: other, parts: 2, firstKey: 10, invoice }), 0), () => ({ setId }));
    const receiver = run([at(honest, 0), guest]);
    expect(receiver.resolution(10)).toBe(WRONG);
    expect(receiver.resolution(1)).not.toBe('fulfilled');
  });

  test('a set completed by a share of 1 msat brings less than its invoice asks, and is failed whole', () => {
    const htlcs = amp({ scheme, parts: 3, amount: 1000n, invoice: ampInvoice(3000n) });
    const receiver = run([at(htlcs, 0), at(htlcs, 1), worth(at(htlcs, 2), 1n)]);
    expect(resolutions(receiver, 0, 1, 2)).toEqual([WRONG, WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['below_amount_asked']);
    expect(receiver.paid).toEqual([]);
  });

  test('a second HTLC with a payment hash of the set adds nothing to what was paid', () => {
    const htlcs = amp({ scheme, parts: 3, amount: 1000n, invoice: ampInvoice(4000n) });
    const again = { ...at(htlcs, 0), key: keyOf(10) };
    const receiver = run([at(htlcs, 0), again, at(htlcs, 1), at(htlcs, 2)]);
    expect(resolutions(receiver, 0, 1, 2, 10)).toEqual([WRONG, WRONG, WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['duplicate_hash', 'below_amount_asked']);
  });

  test('a set with one wrong share is failed whole, whichever share it is, and no preimage is told', () => {
    for (const spoilt of [0, 1, 2]) {
      const htlcs = amp({ scheme, parts: 3, invoice: ampInvoice(3000n) });
      const receiver = run(
        htlcs.map((htlc, i) => (i === spoilt ? withBlobs(htlc, () => ({ share: bytes32(9) })) : htlc)),
      );
      expect(resolutions(receiver, 0, 1, 2)).toEqual([WRONG, WRONG, WRONG]);
      expect(receiver.paid).toEqual([]);
    }
  });

  test.each([
    [21, 'fulfilled'],
    [20, WRONG],
  ])('a set completed %d blocks before its first HTLC must be claimed is %s', (left, resolution) => {
    const [first, second] = amp({ scheme, parts: 2, invoice: ampInvoice(2000n), expiry: 542 });
    if (first === undefined || second === undefined) throw new Error('expected two HTLCs');
    const receiver = run([first]);
    // The height has moved on and nobody has looked at the sets since: what counts is the moment of completion.
    receiver.context = { ...receiver.context, height: 542 - 1 - left };
    receiver.arrive({ ...second, expiry: 600, payload: { ...second.payload, expiry: 600 } });
    expect(resolutions(receiver, 0, 1)).toEqual([resolution, resolution]);
  });
});

test('few HTLCs that carry many shares pay no less: the amounts that arrived are counted, not the shares', () => {
  const entropy = bytes32(1);
  const invoice = ampInvoice(5000n);
  const htlcs = amp({ scheme: 'fixed', parts: 2, shares: 5, amount: 1000n, invoice });
  const receiver = run(htlcs);
  expect(resolutions(receiver, 0, 1)).toEqual([WRONG, WRONG]);
  expect(whys(receiver)).toEqual(['below_amount_asked']);
  const enough = run(amp({ scheme: 'fixed', parts: 2, shares: 5, amount: 2500n, invoice }));
  expect(enough.paid).toMatchObject([{ received: 5000n }]);
  // And in scheme dynamic, where the last blob of one HTLC says how many there are.
  const scheme = schemeNamed('dynamic');
  let sender = scheme.begin(entropy, 3);
  const shards = [false, false, true].map((last) => {
    const [shard, next] = scheme.nextShard(sender, entropy, last);
    sender = next;
    return shard;
  });
  const [one] = amp({ scheme: 'dynamic', parts: 1, amount: 2000n, invoice: ampInvoice(3000n) });
  if (one?.payload.kind !== 'eob') throw new Error('expected an AMP');
  const blobs = shards.flatMap(({ shares }) => shares.map((share) => ({ setId: sender.setId, ...share })));
  const alone = run([{ ...one, paymentHash: child(sender.root, 1).paymentHash, payload: { ...one.payload, blobs } }]);
  expect([alone.resolution(0), whys(alone)]).toEqual([WRONG, ['below_amount_asked']]);
});
