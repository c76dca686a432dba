/** Cases of AMP as lnd deploys it, between two nodes with a channel from each to the other. */
import { expect } from 'vitest';
import { deployedChild } from '../../../amp/deployed.ts';
import { joined } from '../../../amp/shares.ts';
import { hex } from '../../../wire/bytes.ts';
import type { DeployedAmp } from '../peers/peer.ts';
import type { Case } from './case.ts';
import type { Pair } from './pair.ts';
import { movingBack, room } from './payments.ts';

/** What each of the small payments is, in satoshi. */
const sat = 160_000n;
const amount = sat * 1000n;
const bytes = (n: number): Uint8Array => new Uint8Array(32).fill(n);

const ampOf = ({ peer }: Pair): DeployedAmp => {
  if (peer.amp === undefined) throw new Error(`${peer.name} has no AMP`);
  return peer.amp;
};

const invoiceOf = async ({ ours }: Pair, payment_hash: string) =>
  (await ours.call('listinvoices', { payment_hash })).invoices[0];

const spontaneous = (parts: number): Case<Pair> => ({
  text: `A pays B without an invoice by an AMP in ${parts} ${parts === 1 ? 'HTLC' : 'HTLCs'}`,
  needs: ['deployed AMP'],
  run: async (pair, way) => {
    const { ours, peer } = pair;
    if (way === 'out') {
      const params = { destination: peer.id, amount_msat: amount, scheme: 'deployed', shards: parts };
      expect(await ours.call('keysend', params)).toMatchObject({ status: 'complete', parts });
      const got = { sets: [{ settled: true, amountMsat: amount }], htlcs: parts };
      expect(await ampOf(pair).received()).toEqual(got);
      return;
    }
    const gained = await pair.gained(async () =>
      expect(await ampOf(pair).spontaneous(ours.id, amount, amount / BigInt(parts))).toBe(parts),
    );
    expect(gained).toBe(amount);
  },
});

/** Two HTLCs of one set, as a payer of the test's own making has the peer send them. */
const twoShares = (text: string, isWrong: boolean): Case<Pair> => ({
  text,
  needs: ['deployed AMP'],
  ways: ['in'],
  run: async (pair) => {
    const [setId, paymentSecret, left, root] = [bytes(isWrong ? 1 : 2), bytes(3), bytes(4), bytes(5)];
    const children = [
      { share: left, childIndex: 9 },
      { share: joined([root, left]), childIndex: 2 ** 31 + 1 },
    ].map((one) => ({ ...one, ...deployedChild(root, one.share, one.childIndex) }));
    const ends = await Promise.all(
      children.map(({ preimage: _preimage, ...one }, i) => {
        const paymentHash = isWrong && i === 1 ? bytes(6) : one.paymentHash;
        const shard = { ...one, paymentHash, sat, totalSat: 2n * sat, setId, paymentSecret };
        return ampOf(pair).send(pair.ours.id, shard);
      }),
    );
    expect(ends).toEqual(
      isWrong ? Array(2).fill('INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS') : children.map(({ preimage }) => hex(preimage)),
    );
    await pair.rest();
  },
});

export const deployedAmp: readonly Case<Pair>[] = [
  ...[1, 4, 16].map(spontaneous),
  twoShares('a set of two shares that A sends to B is claimed where its hashes follow from them', false),
  twoShares('a set of two shares that A sends to B fails in both HTLCs where one hash does not follow', true),
  {
    text: 'A pays an AMP invoice of B twice, in 1 HTLC and in several, and each payment is a set of its own',
    needs: ['deployed AMP'],
    run: async (pair, way) => {
      if (way === 'out') {
        const bolt11 = await ampOf(pair).invoice(amount);
        for (const shards of [1, 4])
          expect(await pair.ours.call('pay', { bolt11, shards })).toMatchObject({ status: 'complete', parts: shards });
        const { sets, htlcs } = await ampOf(pair).received();
        expect(sets).toEqual(Array(2).fill({ settled: true, amountMsat: amount }));
        expect(htlcs).toBe(5);
        return;
      }
      const { bolt11, payment_hash } = await pair.invoice(amount, 'deployed');
      expect(await ampOf(pair).pay(bolt11)).toBe(1);
      expect(await ampOf(pair).pay(bolt11, amount / 5n)).toBe(5);
      expect(await invoiceOf(pair, payment_hash)).toMatchObject({
        status: 'paid',
        times_paid: 2,
        sets: [
          { state: 'settled', amount_received_msat: amount, parts: 1 },
          { state: 'settled', amount_received_msat: amount, parts: 5 },
        ],
      });
    },
  },
  {
    text: 'A pays B by an AMP over both channels more than either carries',
    needs: ['deployed AMP'],
    run: (pair, way) =>
      movingBack(pair, way, async () => {
        const both = ((await room(pair, way)).reduce((a, b) => a + b, 0n) / 10_000n) * 9_000n;
        if (way === 'out') {
          const params = { destination: pair.peer.id, amount_msat: both, scheme: 'deployed' };
          expect((await pair.ours.call('keysend', params)).parts).toBeGreaterThan(1);
          expect((await ampOf(pair).received()).sets).toEqual([{ settled: true, amountMsat: both }]);
          return both;
        }
        const { bolt11, payment_hash } = await pair.invoice(both, 'deployed');
        expect(await ampOf(pair).pay(bolt11)).toBeGreaterThan(1);
        expect(await invoiceOf(pair, payment_hash)).toMatchObject({ amount_received_msat: both });
        return both;
      }),
  },
];
