/** Cases of channels that are closed by force, HTLCs under way in both directions. */
import { expect } from 'vitest';
import { until } from '../../../node/regtest/demo/wait.ts';
import type { Case, Way } from './case.ts';
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
  /** Whether our process, and the peer's where it keeps anything, is killed and started again at every turn. */
  readonly killed?: boolean;
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

const byForce = ({ text, openerOf, anchors, ways = ['out', 'in'], killed = false }: Closing): Case<Pair> => ({
  text,
  ways,
  needs: [...(['force close', 'hold invoices'] as const), anchors ? 'anchors' : 'static_remotekey'],
  run: async (pair, way) => {
    const { ours, peer } = pair;
    const channelId = await pair.open(openerOf(way), { sat, pushMsat: 500_000_000n, anchors });
    await pair.firstPayment();
    const before = (await pair.rest([channelId])) / 1000n;
    const [paid, lost] = [await pair.hold('out', 30_000_000n), await pair.hold('out', 20_000_000n)];
    const dust = await pair.hold('out', 300_000n);
    const back = await pair.hold('in', 25_000_000n);
    const funding = await fundingOf(pair, channelId);
    const had = await coinsOf(pair);
    const cut = async (): Promise<void> => {
      if (!killed) return;
      const isKept = peer.kind.cannot.restart === undefined;
      if (isKept) await peer.kill();
      await ours.kill();
      await Promise.all([ours.start(), isKept ? peer.restart() : undefined]);
    };
    if (way === 'out') await ours.call('close', { id: channelId, unilateraltimeout: 1 });
    else await peer.forceClose(channelId);
    const commitment = await spender(pair, funding);
    await cut();
    await pair.mine(1);
    await pair.settle('out', paid);
    await pair.settle('in', back);
    await cut();
    await claimed(pair, commitment, [30_000n, 25_000n]);
    const { gained } = await swept(pair, channelId, funding, {
      between: async (mined) => {
        // While nothing is left but what has to mature.
        if (mined === 60) await cut();
      },
    });
    expect(await fateOf(pair, paid)).toBe('complete');
    for (const one of [lost, dust]) expect(await fateOf(pair, one)).toBe('failed');
    const { invoices } = await ours.call('listinvoices', { payment_hash: back.paymentHash });
    expect(invoices).toMatchObject([{ status: 'paid' }]);
    if (!killed) expect(await back.end).toBe('paid');
    const mine = before - 30_000n + 25_000n;
    const has = (await coinsOf(pair)) - had;
    expect(has).toBe(gained.get('ours'));
    expect(has).toBeLessThanOrEqual(mine);
    expect(has).toBeGreaterThan(mine - losses);
  },
});

export const forced: readonly Case<Pair>[] = [
  byForce({
    text: 'A closes by force a channel with anchors that it opened, HTLCs under way, and all is swept',
    openerOf: own,
    anchors: true,
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
    killed: true,
  }),
];

/** With a peer that was told not to ask for anchors, or knows none. */
export const forcedWithout: readonly Case<Pair>[] = [
  byForce({
    text: 'A closes by force a channel that it opened, HTLCs under way, and all is swept',
    openerOf: own,
    anchors: false,
  }),
  byForce({
    text: 'A closes by force a channel that B opened, HTLCs under way, processes are killed meanwhile, and all is swept',
    openerOf: other,
    anchors: false,
    killed: true,
  }),
];
