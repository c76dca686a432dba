/** Sets of every scheme that meet a reconnect, a restart, another payer, somebody else's invoice, or shares that come too late. */
import { describe, expect, test } from 'vitest';
import type { InvoiceTerms } from '../../amp/io.ts';
import { listSets } from '../../amp/receiving.ts';
import { schemeNames } from '../../amp/schemes.ts';
import {
  at,
  type Htlc,
  keyOf,
  peerOf,
  type ReceiverUnderTest,
  resolutions,
  run,
  settled,
  WRONG,
  whys,
} from './receiver.ts';
import { amp, ampInvoice, blobOf, withBlobs } from './sets.ts';

const over = (htlc: Htlc, peer: number, key: number): Htlc => ({ ...htlc, peer: peerOf(peer), key: keyOf(key) });
/** An HTLC with one more blob behind its frame. */
const withMore = (htlc: Htlc, blob: ReturnType<typeof blobOf>): Htlc => {
  const { payload } = htlc;
  if (payload.kind !== 'eob') throw new RangeError('no HTLC with blobs');
  return { ...htlc, payload: { ...payload, blobs: [...payload.blobs, blob] } };
};
const becomes = (receiver: ReceiverUnderTest, invoice: InvoiceTerms, status: InvoiceTerms['status']): void => {
  receiver.invoices.set(invoice.id, { ...invoice, status });
  receiver.tick(1);
};

describe.each(schemeNames)('of a %s set', (scheme) => {
  test('HTLCs that come again with a reconnect and a restart count once, and the set is claimed when it is complete', () => {
    const invoice = ampInvoice(3000n);
    const htlcs = amp({ scheme, parts: 3, invoice });
    const receiver = run([at(htlcs, 0), at(htlcs, 0), at(htlcs, 1)]);
    receiver.restart();
    receiver.arrive(at(htlcs, 0));
    receiver.arrive(at(htlcs, 1));
    expect(listSets(receiver.state)).toMatchObject([{ shares: 2, total: 2000n }]);
    receiver.arrive(at(htlcs, 2));
    receiver.restart();
    expect(resolutions(receiver, 3)).toEqual(settled(3));
    expect(receiver.paid).toMatchObject([{ received: 3000n }]);
  });

  test('parts over several peers, with a restart after each, are one set', () => {
    const receiver = run([]);
    for (const [i, htlc] of amp({ scheme, parts: 4 }).entries()) {
      receiver.arrive(over(htlc, 1 + i, i));
      receiver.restart();
    }
    expect(resolutions(receiver, 4)).toEqual(settled(4));
  });

  test.each([1, 2])(
    'the set_id, taken by another payer after %d HTLCs, gets that one nothing, and the set is claimed whole or not at all',
    (after) => {
      const htlcs = amp({ scheme, parts: 3 });
      const { setId } = blobOf(at(htlcs, 0));
      const strange = amp({ scheme, parts: 3, seed: 2, firstKey: 10 }).map((htlc) =>
        withBlobs(htlc, () => ({ setId })),
      );
      const receiver = run(htlcs.slice(0, after));
      receiver.arrive({ ...at(strange, 0), peer: peerOf(2) });
      receiver.restart();
      for (const htlc of [...htlcs.slice(after), ...strange.slice(1)]) receiver.arrive(htlc);
      receiver.tick(61);
      const claimed = resolutions(receiver, 3).filter((resolution) => resolution === 'fulfilled').length;
      expect([0, 3]).toContain(claimed);
      for (const id of [0, 1, 2, 10, 11, 12]) expect(receiver.resolution(id)).not.toBe('held');
      for (const id of [10, 11, 12]) expect(receiver.resolution(id)).not.toBe('fulfilled');
    },
  );

  test.each(schemeNames.filter((other) => other !== scheme))(
    'a blob beside one of scheme %s in one frame ends that HTLC or the set, and gets nobody a preimage',
    (other) => {
      const htlcs = amp({ scheme, parts: 3 });
      const strange = blobOf(at(amp({ scheme: other, parts: 3, seed: 2 }), 1));
      const mixed = withMore(at(htlcs, 1), { ...strange, setId: blobOf(at(htlcs, 0)).setId });
      const receiver = run([at(htlcs, 0), mixed, at(htlcs, 2)]);
      receiver.restart();
      receiver.tick(61);
      const ended = resolutions(receiver, 3);
      expect(ended).not.toContain('held');
      expect(ended).not.toContain('fulfilled');
      expect(receiver.paid).toEqual([]);
    },
  );

  test("a share that names somebody else's invoice is failed alone, and neither invoice is paid by it", () => {
    const [invoice, other] = [ampInvoice(2000n, 7), ampInvoice(1000n, 8)];
    const htlcs = amp({ scheme, parts: 2, invoice });
    const { payload, ...rest } = at(htlcs, 1);
    if (payload.kind !== 'eob') throw new Error('expected an AMP');
    const paymentId = other.paymentSecret.slice(0, 11);
    const receiver = run([
      at(htlcs, 0),
      { ...rest, key: keyOf(9), invoice: other, payload: { ...payload, paymentId } },
    ]);
    expect([receiver.resolution(0), receiver.resolution(9), whys(receiver)]).toEqual(['held', WRONG, ['set_mismatch']]);
    receiver.restart();
    receiver.arrive(at(htlcs, 1));
    expect(receiver.paid).toMatchObject([{ invoice: invoice.id, received: 2000n }]);
    expect(receiver.invoices.get(other.id)?.status).toBe('open');
  });

  test('a payment_id under which another invoice was found opens no set', () => {
    const htlcs = amp({ scheme, parts: 2, invoice: ampInvoice(2000n, 7) });
    const receiver = run([{ ...at(htlcs, 0), invoice: ampInvoice(2000n, 8) }]);
    expect([receiver.resolution(0), whys(receiver)]).toEqual([WRONG, ['no_open_invoice']]);
    expect(listSets(receiver.state)).toEqual([]);
  });

  test('a share that comes after the set was claimed and has left the record is failed, also after a restart', () => {
    const htlcs = amp({ scheme, parts: 2, invoice: ampInvoice(2000n) });
    const receiver = run(htlcs);
    receiver.resolve();
    receiver.restart();
    receiver.arrive(over(at(htlcs, 1), 2, 9));
    expect([receiver.resolution(9), whys(receiver)]).toEqual([WRONG, ['already_settled']]);
    expect([receiver.paid.length, listSets(receiver.state)]).toEqual([1, []]);
  });

  test.each(['cancelled', 'expired'] as const)(
    'a share that comes after its invoice is %s is failed as those before it were, also after a restart',
    (status) => {
      const invoice = ampInvoice(3000n);
      const htlcs = amp({ scheme, parts: 3, invoice });
      const receiver = run(htlcs.slice(0, 1));
      becomes(receiver, invoice, status);
      expect(receiver.resolution(0)).toBe(WRONG);
      receiver.arrive(at(htlcs, 1));
      receiver.resolve();
      receiver.restart();
      receiver.arrive(at(htlcs, 2));
      expect(resolutions(receiver, 3).slice(2)).toEqual([WRONG]);
      expect(whys(receiver)).toEqual(['no_open_invoice', 'already_failed', 'already_failed']);
      expect([receiver.paid, listSets(receiver.state)]).toEqual([[], []]);
    },
  );

  test('a share that comes after the time of its set is over, and a restart, completes nothing', () => {
    const htlcs = amp({ scheme, parts: 2 });
    const receiver = run(htlcs.slice(0, 1));
    receiver.restart();
    receiver.tick(61);
    receiver.restart();
    receiver.arrive(at(htlcs, 1));
    expect(resolutions(receiver, 2)).toEqual(['mpp_timeout', WRONG]);
    expect(whys(receiver)).toEqual(['timeout', 'already_failed']);
  });
});
