/** What the HTLC switch needs of the rest of the node. */

import type { HtlcKey } from '../../amp/events.ts';
import type { ArrivedHtlc, AtStake, Outcome } from '../../amp/io.ts';
import type { EobAmp } from '../../amp/payload.ts';
import type { Input } from '../../channel/model/io.ts';
import type { Htlc } from '../../channel/model/state.ts';
import type { Registry } from '../../onion/eobprotocols.ts';
import type { Change } from '../../wire/change.ts';
import type { Msat, Point, SecretKey, ShortChannelId } from '../../wire/units.ts';
import type { OwnOrigin } from '../pay/origin.ts';
import type { Clock, Log } from '../ports/ports.ts';
import type { OutgoingChannel } from './forwardingpolicy.ts';
import type { ForwardLinks } from './forwardlinks.ts';
import type { ForwardLog } from './forwardlog.ts';
import type { FinalNoteHandler, ForwardNoteHandler } from './forwardnotes.ts';
import type { HtlcFailures } from './htlcfailures.ts';
import type { ReplayLog } from './replayprotection.ts';

/** What the HTLC switch needs of the channels. */
export interface ChannelDirectory {
  push(channel: string, input: Input): void;
  /** The channel that an onion names by this id, which may be an alias of ours. */
  outgoing(scid: ShortChannelId): (OutgoingChannel & { readonly key: string }) | undefined;
  /** An HTLC the peer offered, while the channel still has it. */
  incoming(channel: string, id: bigint): Htlc | undefined;
  /** An HTLC we offered, while the channel still has it or its resolution. */
  offered(channel: string, id: bigint): Htlc | undefined;
  allOffered(): Iterable<{ readonly channel: string; readonly htlc: Htlc }>;
  peerOf(channel: string): Point;
  /** The short_channel_id of a channel, or an alias where it has none. */
  shortIdOf(channel: string): ShortChannelId | undefined;
  /** Whether a channel is being force-closed, or on chain already. */
  isEnding(channel: string): boolean;
  /** Our channel_update of this channel, under the id that an onion named it by. */
  updateOf(channel: string, named: ShortChannelId): Uint8Array | undefined;
}

/** What the HTLC switch needs of our own payments. */
export interface PaymentDirectory {
  /** The result of an HTLC of ours. Resolves once the payment has stored it; at once when there is no such payment any more. */
  outcome(origin: OwnOrigin, outcome: Outcome): Promise<void>;
}

/** What the HTLC switch needs of the receiving machine. */
export interface ReceivingDirectory {
  htlc(htlc: ArrivedHtlc): void;
  /** Whether the receiving machine has the HTLC already: its resolution then no longer depends on the height. */
  isOnRecord(key: HtlcKey): boolean;
  resolved(key: HtlcKey): void;
}

export interface HtlcSwitchParts {
  readonly key: SecretKey;
  readonly registry: Registry<EobAmp, unknown>;
  readonly channels: ChannelDirectory;
  readonly payments: PaymentDirectory;
  readonly receiver: ReceivingDirectory;
  readonly links: ForwardLinks;
  readonly failures: HtlcFailures;
  readonly forwards: ForwardLog;
  readonly replays: ReplayLog;
  /** Stores changes with the next synced write, in order, so there is no need to wait. */
  readonly save: (changes: readonly Change[]) => void;
  readonly height: () => number;
  /** Whether that is the height of the chain, as far as anybody can know. */
  readonly isSynced: () => boolean;
  /** Whether it has not been for so long that no HTLC is taken any more. */
  readonly isHalted: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** For lines that senders of HTLCs can cause: few of a kind. */
  readonly limitedLog: Log;
  /** Whether the wallet can pay for one more claim on chain besides those of all pending forwards and sets. */
  readonly canPayForClaims: (one: AtStake) => boolean;
  /** Called with the fee of a forward that succeeded. */
  readonly onFeeEarned: (fee: Msat) => void;
  /** Asked about an HTLC of which an EOB protocol of the program read the blobs, before it is forwarded. */
  readonly onForwardNote: ForwardNoteHandler;
  /** Told of blobs that an EOB protocol of the program read at the destination. */
  readonly onFinalNote: FinalNoteHandler;
}
