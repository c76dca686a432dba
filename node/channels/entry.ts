/** One channel of the node: its machine, and what the node knows of it beside the machine's state. */

import type { ChannelEvent, Effect, Input } from '../../channel/model/io.ts';
import type { ChannelState, Core, Funded, Htlc } from '../../channel/model/state.ts';
import type { Txid } from '../../wire/units.ts';
import type { Machine } from '../base/machine.ts';
import type { Peer } from '../peer/peer.ts';
import type { Plan } from '../wallet/plans.ts';
import { channelName } from './naming.ts';

/** Where the chain has the funding transaction. */
export interface FundingBlock {
  readonly height: number;
  readonly txIndex: number;
}

/** What bitcoind answered to a broadcast. */
export type BroadcastResult =
  | { readonly given: 'taken' }
  /** It did not answer yet. */
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
  /** Its name in logs, kept for an opening that was abandoned. */
  lastName?: string | undefined;
  readonly machine: Machine<ChannelState, Input, Effect>;
  /** The connection that its machine knows of, which may be lost by now; undefined before the first. */
  connection?: Peer | undefined;
  /** Coins reserved for its funding. */
  plan?: Plan;
  fundingBlock?: FundingBlock;
  /** The source address of the peer that opened it, for limits per source; undefined after a restart. */
  source?: string;
  /** The height at which its funding was last seen in the mempool. */
  seenAt?: number;
  /** bitcoind's last answer to the mutual closing transaction. */
  lastClosing?: { readonly tx: Uint8Array; readonly answer: BroadcastResult };
  /** Why the channel is in the state it is in, latest first, for `listpeerchannels`. */
  status: readonly string[];
  /** The timer for the message that the peer owes next, on this connection. */
  waiting?: { readonly id: string; readonly connection: Peer | undefined; readonly cancel: () => void };
  /** Callers that wait for the opening to succeed or fail. */
  onFundingPublished?: (result: PublishedFunding) => void;
  onRefused?: (why: string) => void;
  /** Callers that wait for the next event. */
  readonly listeners: Set<(event: ChannelEvent) => void>;
}

/** A channel that a peer opened and whose funding is unconfirmed: none of our money is in it. */
export const isStrangersUnconfirmed = ({ source, machine: { state } }: Entry): boolean =>
  source !== undefined && coreOf(state)?.lockin.scid === undefined;

/** Whether a state has a funding transaction. */
export const isFunded = (state: ChannelState): state is Funded => 'core' in state;

/** The core of a funded channel; undefined before it is funded. */
export const coreOf = (state: ChannelState): Core | undefined => (isFunded(state) ? state.core : undefined);

/** Whether the peer is connected and channel_reestablish is exchanged. */
export const isOnline = (state: ChannelState): boolean => coreOf(state)?.link.status === 'online';

/** An HTLC that the peer offered, unless it is resolved: one that ended on chain stays in the state because of its output. */
export const incomingOf = (state: ChannelState, id: bigint): Htlc | undefined => {
  const htlc = coreOf(state)?.incoming.get(id);
  return htlc?.over ? undefined : htlc;
};

/** Whether a channel is failing, on chain or gone: HTLCs that arrived in it are not forwarded any more. */
export const isEnding = (entry: Entry | undefined): boolean => {
  const phase = entry?.machine.state.phase ?? 'closed';
  return phase === 'failed' || phase === 'onchain' || phase === 'closed';
};

/** Status lines kept for a channel. */
const STATUS_LINES = 8;

const ENDED = 'we ended the connection: ';
const BACK = 'connected again, after we ended the connection: ';

/** The status line of a connection that this node ended, and the line that replaces it once the peer is connected again. */
export const noteDisconnecting = (entry: Entry, why: string): void => {
  entry.status = entry.status.filter((line) => line !== BACK + why);
  noteStatus(entry, ENDED + why);
};
export const noteReconnected = (entry: Entry): void => {
  entry.status = entry.status.map((line) => (line.startsWith(ENDED) ? BACK + line.slice(ENDED.length) : line));
};
/** Removes the status line of a delayed close. */
export const noteClosing = (entry: Entry): void => {
  entry.status = entry.status.filter((line) => !line.startsWith(ENDED) && !line.startsWith(BACK));
};

/** Adds the latest status line; one that repeats an earlier line replaces it. */
export const noteStatus = (entry: Entry, line: string): void => {
  entry.status = [line, ...entry.status.filter((known) => known !== line)].slice(0, STATUS_LINES);
};

/** The fields that name a channel in logs. */
export const logFields = (entry: Entry): object => {
  const { state } = entry.machine;
  const channel = channelName(state) ?? entry.lastName;
  return { ...(channel !== undefined && { channel }), peer: entry.peer.slice(0, 16) };
};
