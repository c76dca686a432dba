/**
 * How many channels without a confirmed funding others may have with us. Such a channel costs its opener nothing and us
 * memory and a place on the disk for two weeks, so their number is bounded however many ask.
 */
import { type Entry, isFunded } from './entry.ts';

/** Channels that wait for their funding, of one peer. */
export const MAX_UNFUNDED_OF_PEER = 4;
/** Peers with such channels and none that is confirmed. */
export const MAX_UNFUNDED_PEERS = 50;

/** The peer opened it, and its funding is not in the chain, or not as deep as we asked for. */
export const isUnfunded = ({ machine: { state } }: Entry): boolean => {
  if (state.phase === 'awaiting_funding_created') return true;
  if (!isFunded(state) || state.core.params.role !== 'fundee') return false;
  return state.phase !== 'onchain' && state.phase !== 'closed' && state.core.lockin.scid === undefined;
};

/** Both sides have put money on this peer: its channels waited for their funding before, or we opened them. */
const isSettled = ({ machine: { state } }: Entry): boolean => isFunded(state) && state.core.lockin.scid !== undefined;

/** Why a peer (hex of its node id) may not open another channel with us now; undefined when it may. */
export const tooMany = (entries: Iterable<Entry>, peer: string): string | undefined => {
  const waiting = new Map<string, number>();
  const settled = new Set<string>();
  for (const entry of entries) {
    if (isUnfunded(entry)) waiting.set(entry.peer, (waiting.get(entry.peer) ?? 0) + 1);
    else if (isSettled(entry)) settled.add(entry.peer);
  }
  if ((waiting.get(peer) ?? 0) >= MAX_UNFUNDED_OF_PEER)
    return `at most ${MAX_UNFUNDED_OF_PEER} of your channels may wait for their funding to confirm`;
  if (waiting.has(peer) || settled.has(peer)) return undefined;
  const strangers = [...waiting.keys()].filter((one) => !settled.has(one));
  return strangers.length >= MAX_UNFUNDED_PEERS
    ? 'too many peers have channels with this node that wait for their funding; try later'
    : undefined;
};
