/** Cases of channels that bear much: payments by the hundred, connections that end in their middle, feerates that change. */
import { expect } from 'vitest';
import { sleep, until } from '../../../node/regtest/demo/wait.ts';
import type { Case, Way } from './case.ts';
import { outcome, type Pair } from './pair.ts';

/** Where a run is to take more payments of a channel, how many each way. */
export const paymentsVariable = 'AMPERE_INTEROP_PAYMENTS';
const payments = Number(process.env[paymentsVariable] ?? 100);
/** Payments under way at once, each way. */
const atOnce = 10;

/** Makes payments, a few at once, until there were enough. */
const many = async (count: number, pay: (i: number) => Promise<void>): Promise<void> => {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await pay(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
};

/** The channel that one side opened. */
const openedBy = async ({ ours }: Pair, way: Way): Promise<string> => {
  const { channels } = await ours.call('listpeerchannels');
  const found = channels.find(({ opener, state }) => (opener === 'local') === (way === 'out') && state !== 'ONCHAIN');
  if (found === undefined) throw new Error(`there is no channel that ${way === 'out' ? 'we' : 'the peer'} opened`);
  return found.channel_id;
};

/** Has both sides of a channel pay each other many times, and gives what we have of it then, in msat. */
export const payMuch = async (pair: Pair, channelId: string): Promise<bigint> => {
  const count = pair.peer.kind.payments ?? payments;
  const step = pair.peer.kind.cannot['millisatoshi invoices'] === undefined ? 1n : 1000n;
  const before = await pair.rest([channelId]);
  const amount = 1_000_000n;
  await Promise.all([
    many(count, (i) => pair.pay('out', amount + BigInt(i) * step)),
    many(count, (i) => pair.pay('in', amount + BigInt(i + 1) * step)),
  ]);
  const after = await pair.rest([channelId]);
  expect(after).toBe(before + BigInt(count) * step);
  return after;
};

/** Between two nodes with a channel from each to the other. */
export const endurance: readonly Case<Pair>[] = [
  {
    text: 'A changes the feerate of a channel that it opened, up and down, and payments go on',
    needs: { out: [], in: ['update_fee'] },
    run: async (pair, way) => {
      const channelId = await openedBy(pair, way);
      for (const perKw of [6000, 1500, 2500]) {
        if (way === 'out') await pair.ours.call('dev-feerate', { id: channelId, feerate: perKw });
        else await pair.peer.feerate(perKw);
        await until(`the channel's feerate to be ${perKw}`, async () =>
          (await pair.channel(channelId)).feerate?.perkw === perKw ? true : undefined,
        );
        const gained = await pair.gained(async () => {
          await pair.pay('out', 1_000_000n);
          await pair.pay('in', 2_000_000n);
        });
        expect(gained).toBe(1_000_000n);
      }
    },
  },
  {
    text: 'payments of A and B at once, their connection cut at any moment, end the same on both sides',
    ways: ['out'],
    run: async (pair) => {
      const { ours, peer } = pair;
      for (let round = 0; round < 12; round++) {
        const before = await pair.rest();
        const [out, into] = [2_000_000n, 1_000_000n];
        const asked = await peer.invoice(out);
        const { bolt11 } = await pair.invoice(into);
        const both = [ours.call('pay', { bolt11: asked.bolt11 }), peer.pay(bolt11)].map(outcome);
        await sleep(2 * round); // no wait: how far the payments come is what the rounds differ in
        await pair.disconnect(round % 2 === 0 ? 'in' : 'out');
        await pair.connect(round % 4 < 2 ? 'out' : 'in');
        const [paid, received] = (await Promise.all(both)).map((end) => end === 'paid');
        expect(await pair.rest()).toBe(before - (paid ? out : 0n) + (received ? into : 0n));
      }
    },
  },
];
