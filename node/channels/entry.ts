/** One channel in the node: its machine, and what the node knows about it beside the machine's state. */

import type { ChannelEvent, Effect, Input } from '../../channel/model/io.ts';
import type { ChannelState, Core, Funded, Htlc } from '../../channel/model/state.ts';
import type { Txid } from '../../wire/units.ts';
import type { Machine } from '../base/machine.ts';
import type { Peer } from '../peer/peer.ts';
import type { Plan } from '../wallet/plans.ts';
import { channelName } from './naming.ts';

/** Where the funding transaction is in the chain. */
export interface FundingBlock {
  readonly height: number;
  readonly txIndex: number;
}

/** What the network said to a transaction. */
export type BroadcastResult =
  | { readonly given: 'taken' }
  /** It gets it once it answers. */
  | { readonly given: 'unanswered' }
  | { readonly given: 'refused'; readonly reason: string };

/** A funding transaction that both sides have signed for. */
export interface PublishedFunding {
  readonly tx: Uint8Array;
  readonly txid: Txid;
  readonly output: number;
  readonly answer: BroadcastResult;
}

export interface Entry {
  readonly key: string;
  /** Hex of the peer's node id. */
  readonly peer: string;
  /** What its name in logs was: an opening that came to nothing has none any more. */
  lastName?: string | undefined;
  readonly machine: Machine<ChannelState, Input, Effect>;
  /** The connection that its machine knows of, perhaps lost already; undefined before the first. */
  connection?: Peer | undefined;
  /** Coins set aside for its funding. */
  plan?: Plan;
  fundingBlock?: FundingBlock;
  /** Where the peer that opened it came from, as it counts for shares of room; undefined after a restart. */
  source?: string;
  /** The height at which its funding was seen in the mempool last. */
  seenAt?: number;
  /** What the network said last to the closing that both signed. */
  lastClosing?: { readonly tx: Uint8Array; readonly answer: BroadcastResult };
  /** Why the channel is in the state it is in, latest first, for `listpeerchannels`. */
  status: readonly string[];
  /** The time that the peer has for what it is to say next, on this connection. */
  waiting?: { readonly id: string; readonly connection: Peer | undefined; readonly cancel: () => void };
  /** What waits for the opening to come to something. */
  onFundingPublished?: (result: PublishedFunding) => void;
  onRefused?: (why: string) => void;
  /** Who waits for the next event. */
  readonly listeners: Set<(event: ChannelEvent) => void>;
}

/** A channel that somebody opened and that has not confirmed yet: no money of ours is in it. */
export const isStrangersUnconfirmed = ({ source, machine: { state } }: Entry): boolean =>
  source !== undefined && coreOf(state)?.lockin.scid === undefined;

/** States that have a funding transaction. */
export const isFunded = (state: ChannelState): state is Funded => 'core' in state;

/** What every funded channel has; undefined before. */
export const coreOf = (state: ChannelState): Core | undefined => (isFunded(state) ? state.core : undefined);

/** Whether peer and channel are in step: connected, and past channel_reestablish. */
export const isOnline = (state: ChannelState): boolean => coreOf(state)?.link.status === 'online';

/** An HTLC the peer offered, unless it is gone for good: one that ended on chain stays in the state for its transaction's sake. */
export const incomingOf = (state: ChannelState, id: bigint): Htlc | undefined => {
  const htlc = coreOf(state)?.incoming.get(id);
  return htlc?.over ? undefined : htlc;
};

/** Whether a channel can only end, or is gone: nothing is passed on any more for what arrived in it. */
export const isEnding = (entry: Entry | undefined): boolean => {
  const phase = entry?.machine.state.phase ?? 'closed';
  return phase === 'failed' || phase === 'onchain' || phase === 'closed';
};

/** Lines of status that are remembered. */
const STATUS_LINES = 8;

const ENDED = 'we ended the connection: ';
const BACK = 'connected again, after we ended the connection: ';

/** A line of status about a connection that we end; and what it comes to once the peer is there again. */
export const noteDisconnecting = (entry: Entry, why: string): void => {
  entry.status = entry.status.filter((line) => line !== BACK + why);
  noteStatus(entry, ENDED + why);
};
export const noteReconnected = (entry: Entry): void => {
  entry.status = entry.status.map((line) => (line.startsWith(ENDED) ? BACK + line.slice(ENDED.length) : line));
};
/** What held a close up does not any more. */
export const noteClosing = (entry: Entry): void => {
  entry.status = entry.status.filter((line) => !line.startsWith(ENDED) && !line.startsWith(BACK));
};

/** A line of status, as the latest; what happens again and again is said once. */
export const noteStatus = (entry: Entry, line: string): void => {
  entry.status = [line, ...entry.status.filter((known) => known !== line)].slice(0, STATUS_LINES);
};

/** How a channel is named in logs. */
export const logFields = (entry: Entry): object => {
  const { state } = entry.machine;
  const channel = channelName(state) ?? entry.lastName;
  return { ...(channel !== undefined && { channel }), peer: entry.peer.slice(0, 16) };
};
