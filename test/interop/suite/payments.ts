/** Cases of payments between two nodes with a channel from each to the other. */
import { expect } from 'vitest';
import { until } from '../../../node/regtest/demo/wait.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { hasFeature } from '../../../wire/features.ts';
import type { Kind } from '../peers/peer.ts';
import type { Case, Way } from './case.ts';
import { Pair } from './pair.ts';

const capacity = 5_000_000n;
const pushMsat = 2_000_000_000n;
const amount = 20_000_000n;

/** Two channels, one opened by each, with more on the opener's side. */
export const startPayments = async (kind: Kind, anchors = true): Promise<Pair> => {
  const pair = await Pair.start(kind, { anchors });
  for (const way of ['out', 'in'] as const) await pair.begin(way, { sat: capacity, pushMsat });
  await pair.mine(6);
  await until('two channels to be usable', async () => {
    const { channels } = await pair.ours.call('listpeerchannels');
    return channels.filter(({ state }) => state === 'CHANNELD_NORMAL').length === 2 ? true : undefined;
  });
  await pair.rest();
  return pair;
};

/** What each channel carries once that no longer changes: an HTLC may be listed no more while its removal is not committed by both. */
export const room = async (pair: Pair, way: Way): Promise<readonly bigint[]> => {
  let before = '';
  return until(
    'what channels carry to stay as it is',
    async () => {
      const { channels } = await pair.ours.call('listpeerchannels');
      const rooms = channels.map((one) => (way === 'out' ? one.spendable_msat : one.receivable_msat));
      const now = rooms.join(' ');
      const isSteady = now === before;
      before = now;
      return isSteady ? rooms : undefined;
    },
    { every: 150 },
  );
};
/** How a peer says that the payee has refused its payment. */
export const refusedByPayee = /INCORRECT_(OR_UNKNOWN_)?PAYMENT_DETAILS|RecipientRejected/;
const rising = (amounts: readonly bigint[]): readonly bigint[] => [...amounts].sort((a, b) => (a < b ? -1 : 1));
const least = (amounts: readonly bigint[]): bigint => rising(amounts)[0] ?? 0n;
const most = (amounts: readonly bigint[]): bigint => rising(amounts).at(-1) ?? 0n;
const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => a + b, 0n);
const wholeSat = (msat: bigint): bigint => msat - (msat % 1000n);

/** What a case moves, it moves back, so that the next finds about what this one found. */
export const movingBack = async (pair: Pair, way: Way, payment: () => Promise<bigint>): Promise<void> => {
  const before = await pair.rest();
  const moved = await payment();
  expect(await pair.rest()).toBe(way === 'out' ? before - moved : before + moved);
  const back = way === 'out' ? 'in' : 'out';
  for (let left = moved; left > 0n; await pair.rest()) {
    const next = least([left, wholeSat((most(await room(pair, back)) * 9n) / 10n)]);
    await pair.pay(back, next);
    left -= next;
  }
  await pair.level();
};

export const payments: readonly Case<Pair>[] = [
  {
    text: 'A connects to B, and each reads of the other that it knows what channels of today need',
    run: async (pair, way) => {
      await pair.disconnect(way);
      await pair.connect(way);
      const { peers } = await pair.ours.call('listpeers', { id: pair.peer.id });
      const features = unhex(peers[0]?.features ?? '');
      for (const name of ['option_data_loss_protect', 'option_static_remotekey', 'payment_secret'] as const)
        expect({ name, has: hasFeature(features, name) }).toEqual({ name, has: true });
      await pair.rest();
    },
  },
  {
    text: 'A pays an invoice of B over 1 sat',
    run: async (pair, way) => {
      expect(await pair.gained(() => pair.pay(way, 1000n))).toBe(way === 'out' ? -1000n : 1000n);
    },
  },
  {
    text: 'A pays an invoice of B over half of what a channel carries',
    run: (pair, way) =>
      movingBack(pair, way, async () => {
        const half = wholeSat(most(await room(pair, way)) / 2n);
        await pair.pay(way, half);
        return half;
      }),
  },
  {
    text: 'A pays an invoice of B over all that a channel carries, in one HTLC',
    needs: { out: [], in: ['all of a channel'] },
    run: (pair, way) =>
      movingBack(pair, way, async () => {
        const all = wholeSat(most(await room(pair, way)));
        expect(await pair.used(() => pair.pay(way, all, 1))).toBe(1);
        return all;
      }),
  },
  {
    text: 'A pays an invoice of B in several HTLCs over both channels, more than either carries',
    needs: ['multipart'],
    run: (pair, way) =>
      movingBack(pair, way, async () => {
        const rooms = await room(pair, way);
        // Half of what the fuller channel leaves to the other: what each carries has changed with the cases before.
        const both = wholeSat((most(rooms) + sum(rooms)) / 2n);
        expect(await pair.used(() => pair.pay(way, both))).toBe(2);
        return both;
      }),
  },
  {
    text: 'A pays itself through B',
    needs: ['forwarding'],
    ways: ['out'],
    run: async (pair) => {
      const { channels } = await pair.ours.call('listpeerchannels');
      const [first, second] = channels;
      if (first === undefined || second === undefined) throw new Error('there are no two channels');
      for (const [from, to] of [
        [first, second],
        [second, first],
      ] as const) {
        // Which of its channels with us it takes in the end is its own choice (BOLT 4, "Non-strict Forwarding").
        const gained = await pair.gained(() => pair.circle(from, to, amount));
        expect(gained).toBeLessThan(0n);
        expect(gained).toBeGreaterThan(-5_000n);
      }
    },
  },
  {
    text: 'A pays B without an invoice, and a further record arrives',
    needs: ['keysend'],
    run: async (pair, way) => {
      const { ours, peer } = pair;
      if (way === 'out') {
        const extratlvs = { 65537: 'abcd' };
        const params = { destination: peer.id, amount_msat: amount, scheme: 'single', extratlvs };
        const paid = await ours.call('keysend', params);
        expect(paid).toMatchObject({ status: 'complete', amount_sent_msat: amount, parts: 1 });
        expect(hex(sha256(unhex(paid.payment_preimage ?? '')))).toBe(paid.payment_hash);
        const got = await until('the payment to have come', () => peer.received(paid.payment_hash));
        expect(got).toMatchObject({
          amountMsat: amount,
          ...(got.parts !== undefined && { parts: 1 }),
          ...(got.isSpontaneous !== undefined && { isSpontaneous: true }),
          records: extratlvs,
        });
        return;
      }
      let hash = '';
      const gained = await pair.gained(async () => {
        const { paymentHash, preimage } = await peer.keysend(ours.id, amount, { 65537: 'ef' });
        if (preimage !== undefined) expect(hex(sha256(unhex(preimage)))).toBe(paymentHash);
        hash = paymentHash;
      });
      expect(gained).toBe(amount);
      const { invoices } = await ours.call('listinvoices', { payment_hash: hash });
      const extratlvs = [{ type: 65537n, value: 'ef' }];
      expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: amount, extratlvs }]);
    },
  },
  {
    text: 'A pays an invoice of B twice what it asks for, and B takes it',
    needs: ['amounts of choice'],
    ways: ['in'],
    run: async (pair) => {
      const { bolt11, payment_hash } = await pair.invoice(amount);
      expect(await pair.gained(() => pair.peer.pay(bolt11, 2n * amount))).toBe(2n * amount);
      const { invoices } = await pair.ours.call('listinvoices', { payment_hash });
      expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: 2n * amount }]);
    },
  },
  {
    text: 'B refuses less than its invoice asks for and more than twice that, A has it back, and the invoice can still be paid',
    needs: ['amounts of choice'],
    ways: ['in'],
    run: async (pair) => {
      for (const wrong of [amount - 1n, 2n * amount + 1n]) {
        const { bolt11, payment_hash } = await pair.invoice(amount);
        const refused = () => expect(pair.peer.pay(bolt11, wrong)).rejects.toThrow(refusedByPayee);
        expect(await pair.gained(refused)).toBe(0n);
        const { invoices } = await pair.ours.call('listinvoices', { payment_hash });
        expect(invoices).toMatchObject([{ status: 'unpaid' }]);
        expect(await pair.gained(() => pair.peer.pay(bolt11))).toBe(amount);
      }
    },
  },
  {
    text: 'A cannot pay an invoice of B that asks for an AMP over frames, and nothing moves',
    ways: ['in'],
    run: async (pair) => {
      const { bolt11, payment_hash } = await pair.invoice(amount, 'eob');
      const refused = () => expect(pair.peer.pay(bolt11)).rejects.toThrow();
      expect(await pair.gained(refused)).toBe(0n);
      const { invoices } = await pair.ours.call('listinvoices', { payment_hash });
      expect(invoices).toMatchObject([{ status: 'unpaid' }]);
    },
  },
  {
    text: 'A and B pay each other 20 times at once',
    ways: ['out'],
    run: async (pair) => {
      const step = pair.peer.kind.cannot['millisatoshi invoices'] === undefined ? 1n : 1000n;
      const gained = await pair.gained(() =>
        Promise.all(
          Array.from({ length: 20 }, (_, i) => [
            pair.pay('out', 1_000_000n + BigInt(i) * step),
            pair.pay('in', 1_000_000n + BigInt(i + 1) * step),
          ]).flat(),
        ),
      );
      expect(gained).toBe(20n * step);
    },
  },
  {
    text: 'a payment of A that B refuses comes back, and A is told that it was B who refused it',
    run: async (pair, way) => {
      let [reason, hash] = ['', ''];
      const gained = await pair.gained(async () => {
        const { paymentHash, end } = await pair.refused(way, amount);
        hash = paymentHash;
        reason = await end;
      });
      expect(gained).toBe(0n);
      expect(reason).toMatch(way === 'out' ? /incorrect_or_unknown_payment_details/ : refusedByPayee);
      const told = way === 'in' ? await pair.peer.failure?.(hash) : undefined;
      if (told !== undefined) expect(told).toEqual({ isFinal: true, isOnWay: true });
    },
  },
  {
    text: 'a payment of A that waits at B is settled over a new connection',
    needs: ['hold invoices'],
    run: async (pair, way) => {
      for (const caller of ['out', 'in'] as const) {
        const held = await pair.hold(way, amount);
        await pair.disconnect(caller);
        await pair.settle(way, held);
        await pair.connect(caller);
        expect(await held.end).toBe('paid');
      }
      await pair.rest();
    },
  },
  {
    text: 'a payment of A that waits at B outlives the end of our process',
    needs: ['hold invoices'],
    run: async (pair, way) => {
      const before = await pair.rest();
      const held = await pair.hold(way, amount);
      await pair.cutPower('ours');
      await pair.settle(way, held);
      if (way === 'in') expect(await held.end).toBe('paid');
      expect(await pair.rest()).toBe(way === 'out' ? before - amount : before + amount);
      if (way === 'in') return;
      const { pays } = await pair.ours.call('listpays', { payment_hash: held.paymentHash });
      expect(pays).toMatchObject([{ status: 'complete' }]);
    },
  },
  {
    text: 'a payment of A that waits at B outlives the end of the process of the peer',
    needs: ['hold invoices', 'restart'],
    run: async (pair, way) => {
      const before = await pair.rest();
      const held = await pair.hold(way, amount);
      await pair.cutPower('theirs');
      await pair.settle(way, held);
      if (way === 'out') expect(await held.end).toBe('paid');
      expect(await pair.rest()).toBe(way === 'out' ? before - amount : before + amount);
    },
  },
];
