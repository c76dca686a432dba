/** Cases of channels that are closed by force, HTLCs under way in both directions. */
import { expect } from 'vitest';
import { until } from '../../../node/regtest/demo/wait.ts';
import { type Beyond, behind, feeOf } from './beyond.ts';
import type { Case, Way } from './case.ts';
import { holdOut } from './held.ts';
import { claimed, coinsOf, fundingOf, spender, swept } from './onchain.ts';
import type { Pair, Waiting } from './pair.ts';

const sat = 1_000_000n;
/** At most this much, in satoshi, may fees, dust and anchors take from us. */
const losses = 60_000n;

const own = (way: Way): Way => way;
const other = (way: Way): Way => (way === 'out' ? 'in' : 'out');

interface Closing {
  readonly text: string;
  readonly openerOf: (closer: Way) => Way;
  readonly anchors: boolean;
  readonly ways?: readonly Way[];
  /** Whose processes are killed and started again at every turn: the peer's, too, for `both`, where it keeps anything. */
  readonly killed?: 'ours' | 'both';
}

/** How one of our payments ended by our own books, once it has: those of a process that was killed are told nobody else. */
const fateOf = (pair: Pair, { paymentHash }: Waiting): Promise<string> =>
  until(
    'our payment to end',
    async () => {
      const { pays } = await pair.ours.call('listpays', { payment_hash: paymentHash });
      const status = pays[0]?.status;
      if (status !== undefined && status !== 'pending') return status;
      // What was swept last may not lie deep enough yet.
      await pair.mine(1);
      return undefined;
    },
    { timeout: 90_000, every: 500 },
  );

/** Payments of every kind and fate that are under way when a channel is closed, in millisatoshi: they take 78 and 60 parts of it. */
const amountsOf = (unit: bigint) => ({
  paid: 30n * unit,
  lost: 20n * unit,
  passed: 15n * unit,
  passedLost: 13n * unit,
  back: 25n * unit,
  passedBack: 19n * unit,
  refusedBack: 16n * unit,
  dust: 300_000n,
});

/** Has them wait. Of what the peer offers no two may have the same expiry where it cannot take such back one by one. */
const under = async (pair: Pair, beyond: Beyond, channelId: string, unit: bigint) => {
  const amounts = amountsOf(unit);
  const isApart = pair.peer.kind.cannot['HTLCs of one expiry'] !== undefined;
  const apart = async (waiting: Promise<Waiting>): Promise<Waiting> => {
    const one = await waiting;
    if (isApart) await pair.mine(1);
    return one;
  };
  // What waits at our node itself comes last: until it is settled, nothing of the peer's goes on from there.
  return {
    amounts,
    paid: await holdOut(pair, channelId, amounts.paid),
    lost: await holdOut(pair, channelId, amounts.lost, true),
    passed: await beyond.hold(channelId, amounts.passed),
    passedLost: await beyond.hold(channelId, amounts.passedLost, true),
    dust: await holdOut(pair, channelId, amounts.dust, true),
    passedBack: await apart(beyond.holdBack(amounts.passedBack)),
    refusedBack: await apart(beyond.holdBack(amounts.refusedBack)),
    back: await apart(pair.hold('in', amounts.back)),
    dustBack: await apart(pair.hold('in', amounts.dust)),
  };
};

const byForce = ({ text, openerOf, anchors, ways = ['out', 'in'], killed }: Closing): Case<Pair> => ({
  text,
  ways,
  needs: [...(['force close', 'hold invoices'] as const), anchors ? 'anchors' : 'static_remotekey'],
  run: async (pair, way) => {
    const { ours, peer } = pair;
    const beyond = await behind(pair);
    const channelId = await pair.open(openerOf(way), { sat, pushMsat: 500_000_000n, anchors });
    await pair.firstPayment();
    const before = (await pair.rest([channelId])) / 1000n;
    // Whoever pays so much for what claims an HTLC has no use for a small one.
    const isDear = peer.kind.feerate !== undefined;
    const [unit, most] = isDear ? [4_000_000n, 6n * losses] : [1_000_000n, losses];
    const { amounts, ...held } = await under(pair, beyond, channelId, unit);
    const funding = await fundingOf(pair, channelId);
    const had = await coinsOf(pair);
    const isPeerKilled = killed === 'both' && peer.kind.cannot.restart === undefined;
    const cut = async (): Promise<void> => {
      if (killed === undefined) return;
      if (isPeerKilled) await peer.kill();
      await ours.kill();
      await Promise.all([ours.start(), isPeerKilled ? peer.restart() : undefined]);
      await beyond.connect();
    };
    if (way === 'out') await ours.call('close', { id: channelId, unilateraltimeout: 1 });
    else await peer.forceClose(channelId);
    const commitment = await spender(pair, funding);
    await cut();
    // The payees decide now, so all of it happens on the chain. We do before the next block: with it, an HTLC of a payer that adds none to
    // the blocks that an invoice asks for would be too near its end.
    await pair.settle('in', held.back);
    await beyond.settle([held.refusedBack]);
    await pair.mine(1);
    for (const one of [held.paid, held.passed]) await pair.settle('out', one);
    await cut();
    const passedBack = amounts.passedBack + feeOf(amounts.passedBack);
    const taken = [amounts.paid, amounts.passed, amounts.back, passedBack].map((msat) => msat / 1000n);
    await claimed(pair, commitment, taken);
    // The preimage that the peer's claim shows is enough for the payer, long before the claim lies deep.
    expect(await held.passed.end).toBe('paid');
    await cut();
    let isCutDue = true;
    const { gained, fees, left } = await swept(pair, channelId, funding, {
      between: async (mined) => {
        if (mined < 60 || !isCutDue) return;
        isCutDue = false;
        await cut();
      },
    });
    expect(await fateOf(pair, held.paid)).toBe('complete');
    for (const one of [held.lost, held.dust]) expect(await fateOf(pair, one)).toBe('failed');
    expect(await held.passedLost.end).not.toBe('paid');
    for (const one of [held.refusedBack, held.dustBack]) expect(await one.end).not.toBe('paid');
    // A call of a process that was killed ended with it.
    if (!isPeerKilled) for (const one of [held.passedBack, held.back]) expect(await one.end).toBe('paid');
    const { invoices } = await ours.call('listinvoices', { payment_hash: held.back.paymentHash });
    expect(invoices).toMatchObject([{ status: 'paid' }]);
    await beyond.rested();

    const [mine, has] = [
      before + (amounts.back + passedBack - amounts.paid - amounts.passed) / 1000n,
      gained.get('ours') ?? 0n,
    ];
    const theirs = gained.get('theirs') ?? 0n;
    expect((await coinsOf(pair)) - had).toBe(has);
    expect(has + theirs + fees + left.reduce((sum, one) => sum + one.sat, 0n)).toBe(sat);
    for (const [due, got] of [
      [mine, has],
      [sat - mine, theirs],
    ] as const) {
      expect(got).toBeLessThanOrEqual(due + 1n); // shares with a part of a satoshi
      expect(got).toBeGreaterThan(due - most);
    }
    if (killed === undefined) return;
    // 100 blocks after the last of it the channel is over.
    await pair.mine(100);
    await until('our node to forget the channel', async () => {
      const { channels } = await ours.call('listpeerchannels', { channel_id: channelId });
      return channels.length === 0 ? true : undefined;
    });
  },
});

export const forced: readonly Case<Pair>[] = [
  byForce({
    text: 'A closes by force a channel with anchors that it opened, HTLCs under way, our process is killed meanwhile, and all is swept',
    openerOf: own,
    anchors: true,
    killed: 'ours',
  }),
  byForce({
    text: 'A closes by force a channel without anchors that B opened, HTLCs under way, and all is swept',
    openerOf: other,
    anchors: false,
    ways: ['in'],
  }),
  byForce({
    text: 'A closes by force a channel with anchors that B opened, HTLCs under way, processes are killed meanwhile, and all is swept',
    openerOf: other,
    anchors: true,
    killed: 'both',
  }),
];

/** With a peer that was told not to ask for anchors, or knows none. */
export const forcedWithout: readonly Case<Pair>[] = [
  byForce({
    text: 'A closes by force a channel that it opened, HTLCs under way, our process is killed meanwhile, and all is swept',
    openerOf: own,
    anchors: false,
    killed: 'ours',
  }),
  byForce({
    text: 'A closes by force a channel that B opened, HTLCs under way, processes are killed meanwhile, and all is swept',
    openerOf: other,
    anchors: false,
    killed: 'both',
  }),
];
