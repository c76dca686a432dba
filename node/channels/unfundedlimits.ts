/**
 * Limits of channels that peers open and whose funding is unconfirmed. Such a channel costs its opener nothing, and us memory and disk
 * for two weeks, so their number is bounded. Since strangers could take all places with fundings that do not exist, a channel whose
 * funding nobody has seen is forgotten in favour of a new one. One whose funding is in the mempool or in a block has cost its opener
 * something, and stays.
 */
import { fundingScriptOf } from '../../channel/phases/opening.ts';
import { equal } from '../../wire/bytes.ts';
import type { Chain } from '../ports/ports.ts';
import { coreOf, type Entry, isFunded } from './entry.ts';

/** Channels of one peer that wait for their funding, at most. */
export const MAX_UNFUNDED_OF_PEER = 4;
/** Peers with such channels and no confirmed one, at most; and further ones where all their fundings are in the mempool. */
export const MAX_UNFUNDED_PEERS = 50;
const MAX_SEEN_PEERS = 500;
/** How often peers of one source may have other channels forgotten: an opening costs us signatures and records. */
export const DISPLACEMENTS = { burst: 20, seconds: 10 } as const;

/** The peer opened it, and its funding is not in the chain, or not as deep as we asked for. */
export const isUnfunded = ({ machine: { state } }: Entry): boolean => {
  if (state.phase === 'awaiting_funding_created') return true;
  if (!isFunded(state) || state.core.params.role !== 'fundee') return false;
  return state.phase !== 'onchain' && state.phase !== 'closed' && state.core.lockin.scid === undefined;
};

/** A channel whose funding is confirmed, or was before a reorg. */
const isSettled = ({ machine: { state } }: Entry): boolean => isFunded(state) && state.core.lockin.scid !== undefined;

/** The channels of one peer that wait for their funding. */
type Waiting = readonly Entry[];

export type Admission =
  | { readonly room: 'free' }
  | { readonly room: 'none'; readonly why: string }
  /** The peers in the order in which their channels are forgotten: the oldest of the source that has most of them first. */
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

/** The height at which the first unfunded channel of the peer was opened. */
const sinceOf = (channels: Waiting): number =>
  Math.min(...channels.map(({ machine: { state } }) => ('params' in state ? state : coreOf(state))?.params.since ?? 0));

const inOrder = (peers: readonly Waiting[]): readonly Waiting[] => {
  const sizes = new Map<string, number>();
  for (const one of peers) sizes.set(sourceOf(one), (sizes.get(sourceOf(one)) ?? 0) + 1);
  const sizeOf = (one: Waiting): number => sizes.get(sourceOf(one)) ?? 0;
  // Sorting is stable: equal ones keep their order of arrival, or of loading after a restart.
  return [...peers].sort((a, b) => sizeOf(b) - sizeOf(a) || sinceOf(a) - sinceOf(b));
};

/**
 * Whether a funding is in the mempool or in a block of any depth. Amount and script of its output must be the agreed ones: naming somebody
 * else's output costs nothing. Throws ChainError.
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
 * Forgets the channels of the first of these peers none of whose fundings is in the chain or the mempool. `enough`: every peer has one,
 * and there is room for more such peers. Throws ChainError where bitcoind does not answer.
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
