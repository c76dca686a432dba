/**
 * How many channels without a confirmed funding others may have with us. Such a channel costs its opener nothing and us
 * memory and a place on the disk for two weeks, so their number is bounded however many ask; and since strangers could take all
 * places with fundings that do not exist, such a channel gives its place to who comes later. One whose funding is in the mempool,
 * or in a block, has cost its opener something, and stays.
 */
import { fundingScriptOf } from '../../channel/phases/opening.ts';
import { equal } from '../../wire/bytes.ts';
import type { Chain } from '../ports/ports.ts';
import { coreOf, type Entry, isFunded } from './entry.ts';

/** Channels that wait for their funding, of one peer. */
export const MAX_UNFUNDED_OF_PEER = 4;
/** Peers with such channels and none that is confirmed; where all of their fundings are in the mempool, so many more. */
export const MAX_UNFUNDED_PEERS = 50;
const MAX_SEEN_PEERS = 500;
/** How often peers of one source may have others give way: an opening costs us signatures and records. */
export const DISPLACEMENTS = { burst: 20, seconds: 10 } as const;

/** The peer opened it, and its funding is not in the chain, or not as deep as we asked for. */
export const isUnfunded = ({ machine: { state } }: Entry): boolean => {
  if (state.phase === 'awaiting_funding_created') return true;
  if (!isFunded(state) || state.core.params.role !== 'fundee') return false;
  return state.phase !== 'onchain' && state.phase !== 'closed' && state.core.lockin.scid === undefined;
};

/** Both sides have put money on this peer: its channels waited for their funding before, or we opened them. */
const isSettled = ({ machine: { state } }: Entry): boolean => isFunded(state) && state.core.lockin.scid !== undefined;

/** The channels of one peer that wait for their funding. */
type Waiting = readonly Entry[];

export type Admission =
  | { readonly room: 'free' }
  | { readonly room: 'none'; readonly why: string }
  /** Of these peers one has to go first, in this order: of the source that has most of them the oldest. */
  | { readonly room: 'crowded'; readonly peers: readonly Waiting[] };

/** Whether a peer (hex of its node id) may open another channel with us now. */
export const admissionOf = (entries: Iterable<Entry>, peer: string): Admission => {
  const waiting = new Map<string, Entry[]>();
  const settled = new Set<string>();
  for (const entry of entries) {
    if (isUnfunded(entry)) waiting.set(entry.peer, [...(waiting.get(entry.peer) ?? []), entry]);
    else if (isSettled(entry)) settled.add(entry.peer);
  }
  if ((waiting.get(peer)?.length ?? 0) >= MAX_UNFUNDED_OF_PEER)
    return {
      room: 'none',
      why: `at most ${MAX_UNFUNDED_OF_PEER} of your channels may wait for their funding to confirm`,
    };
  if (waiting.has(peer) || settled.has(peer)) return { room: 'free' };
  const strangers = [...waiting].filter(([one]) => !settled.has(one)).map(([, channels]) => channels);
  return strangers.length < MAX_UNFUNDED_PEERS ? { room: 'free' } : { room: 'crowded', peers: inOrder(strangers) };
};

const sourceOf = ([first]: Waiting): string => first?.source ?? '';

/** The height at which the peer's first channel that waits was opened. */
const sinceOf = (channels: Waiting): number =>
  Math.min(...channels.map(({ machine: { state } }) => ('params' in state ? state : coreOf(state))?.params.since ?? 0));

const inOrder = (peers: readonly Waiting[]): readonly Waiting[] => {
  const sizes = new Map<string, number>();
  for (const one of peers) sizes.set(sourceOf(one), (sizes.get(sourceOf(one)) ?? 0) + 1);
  const sizeOf = (one: Waiting): number => sizes.get(sourceOf(one)) ?? 0;
  // Sorting keeps the order of those that are alike, in which they came unless the node was started since.
  return [...peers].sort((a, b) => sizeOf(b) - sizeOf(a) || sinceOf(a) - sinceOf(b));
};

/**
 * Whether a funding is in the mempool or a block, also where that is not as deep yet as we asked for. It has to be what it should: another
 * output costs whoever names it nothing. Throws ChainError.
 */
const isSeen = async (entry: Entry, chain: Pick<Chain, 'unspent'>, height: number): Promise<boolean> => {
  if (entry.fundingBlock !== undefined || entry.seenAt === height) return true;
  const core = coreOf(entry.machine.state);
  if (core === undefined) return false;
  const { params, funding } = core;
  const output = await chain.unspent({ txid: funding.txid, vout: funding.index }, 'low', 'mempool');
  if (output?.amount !== params.capacity || !equal(output.script, fundingScriptOf(params))) return false;
  entry.seenAt = height;
  return true;
};

/**
 * Has the first of those that stand in the way forget its channels whose fundings nobody has seen. `enough`: all were seen, and there
 * is room for more of that kind. Throws ChainError when the chain cannot tell.
 */
export const displaceUnfunded = async (
  peers: readonly Waiting[],
  chain: Pick<Chain, 'unspent'>,
  height: number,
): Promise<'made' | 'enough' | 'none'> => {
  for (const channels of peers) {
    const seen = [];
    for (const entry of channels) seen.push(await isSeen(entry, chain, height));
    if (seen.includes(true)) continue;
    for (const { machine } of channels) machine.push({ type: 'displaced' });
    await Promise.all(channels.map(({ machine }) => machine.settled()));
    return 'made';
  }
  return peers.length < MAX_SEEN_PEERS ? 'enough' : 'none';
};
