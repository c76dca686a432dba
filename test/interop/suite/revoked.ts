/** Cases of old commitment transactions: whoever publishes one loses the channel to the last output. */
import { expect } from 'vitest';
import type { Kind } from '../peers/peer.ts';
import type { Case, Way } from './case.ts';
import { claimed, fundingOf, spender, swept } from './onchain.ts';
import type { Pair } from './pair.ts';

const sat = 1_000_000n;
/** What taking it all may cost. */
const cost = 40_000n;
/** Of those that wait in the old commitment, either way, in satoshi: who pays much for what takes one has no use for a small one. */
const amountsOf = ({ feerate }: Kind): readonly [there: bigint, back: bigint] =>
  feerate === undefined ? [30_000n, 25_000n] : [120_000n, 100_000n];

/**
 * A channel with HTLCs in both directions, of which the side that is going to publish it remembers the state; then these are settled and
 * more is paid, so that the state is long revoked. Gives the channel's id.
 */
const outlived = async (pair: Pair, thief: Way, anchors: boolean, remember: (id: string) => Promise<void>) => {
  const channelId = await pair.open(thief, { sat, pushMsat: 500_000_000n, anchors });
  await pair.firstPayment();
  await pair.rest();
  const held: Awaited<ReturnType<Pair['hold']>>[] = [];
  const hold = async (): Promise<void> => {
    const [outSat, backSat] = amountsOf(pair.peer.kind);
    held.push(await pair.hold('out', outSat * 1000n), await pair.hold('in', backSat * 1000n));
  };
  if (thief === 'out') {
    await hold();
    await remember(channelId);
  } else {
    await pair.peer.remembering(hold);
    await pair.connect('out');
  }
  const [there, back] = held;
  if (there === undefined || back === undefined) throw new Error('nothing is held');
  await pair.settle('out', there);
  await pair.settle('in', back);
  await pair.rest();
  await pair.pay('out', 2_000_000n);
  await pair.rest();
  return channelId;
};

const stolen = (anchors: boolean, ways: readonly Way[]): Case<Pair> => ({
  text: `A publishes an old commitment of a channel ${anchors ? 'with' : 'without'} anchors, HTLCs in it, and B takes it all`,
  needs: {
    out: ['hold invoices', anchors ? 'anchors' : 'static_remotekey'],
    in: ['hold invoices', 'old states', anchors ? 'anchors' : 'static_remotekey'],
  },
  ways,
  run: async (pair, way) => {
    const { ours, peer } = pair;
    let number = 0;
    const channelId = await outlived(pair, way, anchors, async (id) => {
      number = (await ours.call('dev-remember-commitment', { id })).commitment_number;
    });
    const funding = await fundingOf(pair, channelId);
    if (way === 'out') {
      await ours.call('dev-broadcast-commitment', { id: channelId, number });
    } else {
      // It would be told what it has forgotten as soon as it is connected.
      await ours.kill();
      await peer.publishOld(channelId);
    }
    const commitment = await spender(pair, funding);
    if (way === 'in') await ours.start();
    await pair.mine(1);
    await claimed(pair, commitment, amountsOf(peer.kind));
    const honest = way === 'out' ? 'theirs' : 'ours';
    const { gained } = await swept(pair, channelId, funding, { weSaySo: way === 'in' });
    const most = peer.kind.feerate === undefined ? cost : 4n * cost;
    expect(gained.get(honest)).toBeGreaterThan(sat - most);
    expect(gained.get(way === 'out' ? 'ours' : 'theirs') ?? 0n).toBeLessThanOrEqual(0n);
  },
});

export const revoked: readonly Case<Pair>[] = [
  // Without anchors we open.
  stolen(false, ['out']),
  stolen(true, ['out', 'in']),
];

/** With a peer that was told not to ask for anchors, or knows none. */
export const revokedWithout: readonly Case<Pair>[] = [stolen(false, ['out', 'in'])];
