/** Opening channels from here, and taking those that peers open: what we ask for, and how many may be half-open at once. */

import type { ChannelType } from '../../channel/channeltype.ts';
import type { AcceptRequest, Context, LocalLimits, OpenRequest } from '../../channel/io.ts';
import type { ChannelSecrets } from '../../channel/keys.ts';
import { acceptChannel, openChannel } from '../../channel/opening.ts';
import { hex, utf8 } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import {
  type ChainHash,
  channelId,
  type Msat,
  msat,
  type Sat,
  sat,
  shortChannelId,
  type Txid,
} from '../../wire/units.ts';
import type { Peer } from '../peer/peer.ts';
import type { Clock, Entropy, Log } from '../ports.ts';
import type { NodeKeys } from '../wallet/keys.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { isFunded } from './entry.ts';
import { channelFeatures } from './features.ts';
import type { ChannelHost } from './host.ts';
import { fundingOwner } from './perform.ts';

/** Openings that have no funding transaction yet, from one peer and from all. */
const MAX_PENDING = { peer: 4, all: 50 } as const;
/** A peer that has not done its part of an opening by then is given up. */
const PATIENCE_MS = 60_000;
/** Bytes of a funding output's script (P2WSH). */
const FUNDING_SCRIPT_BYTES = 34;
/** BOLT 2: without option_support_large_channel a channel is smaller than 2^24 sat. */
const MAX_SMALL_CHANNEL = sat(16_777_215n);
/** Of channels that others open to us. */
const MIN_CHANNEL = sat(20_000n);

/** A channel that could not be opened, with the reason in words. */
export class OpeningError extends Error {
  override readonly name = 'OpeningError';
}

export interface OpeningParts {
  readonly host: ChannelHost;
  readonly wallet: Wallet;
  readonly keys: NodeKeys;
  readonly entropy: Entropy;
  readonly clock: Clock;
  readonly chainHash: ChainHash;
  readonly minimumDepth: number;
  /** Secrets that a lab gives every new channel. */
  readonly forced: ChannelSecrets | undefined;
  readonly context: () => Context;
  readonly log: Log;
}

/** A large channel is worth a deeper reorganization, so it waits twice as long. */
const depthFor = (capacity: Sat, minimumDepth: number): number =>
  capacity > MAX_SMALL_CHANNEL ? 2 * minimumDepth : minimumDepth;

const limits = (capacity: Sat, minimumDepth: number): LocalLimits => ({
  dustLimit: sat(354n),
  maxHtlcValueInFlight: msat(capacity * 1000n),
  htlcMinimum: msat(1n),
  toSelfDelay: 144,
  maxAcceptedHtlcs: 483,
  minimumDepth: depthFor(capacity, minimumDepth),
});

/** What both ways of beginning a channel have in common. */
const common = async (parts: OpeningParts, peer: Peer, capacity: Sat, shutdownScript?: Uint8Array) => {
  const { entropy, keys, wallet, chainHash, minimumDepth, forced } = parts;
  const id = entropy.bytes(16);
  return {
    key: hex(id),
    seed: keys.channelSeed(id),
    forced,
    peer: peer.id,
    chainHash,
    features: channelFeatures(peer),
    limits: limits(capacity, minimumDepth),
    shutdownScript: shutdownScript ?? (await wallet.newAddress()).script,
    upfront: shutdownScript !== undefined,
    alias: shortChannelId(new DataView(Uint8Array.from(entropy.bytes(8)).buffer).getBigUint64(0) >> 1n),
  };
};

export interface Opening {
  readonly peer: Peer;
  readonly amount: Sat | 'all';
  readonly push: Msat;
  readonly announce: boolean;
  /** Of the funding transaction, sat per 1,000 weight. */
  readonly fundingFeerate: number;
  readonly minDepth: number;
  readonly closeTo: Uint8Array | undefined;
  /** The kind of channel; undefined: the best that the peer knows too. */
  readonly channelType: ChannelType | undefined;
}

export interface Opened {
  readonly key: string;
  readonly tx: Uint8Array;
  readonly txid: Txid;
  readonly output: number;
}

/**
 * Opens a channel; resolves when its funding transaction is published. Throws WalletError when the coins do not suffice, and
 * OpeningError when the peer, or either side's terms, say no; coins set aside are free again then.
 */
export const open = async (parts: OpeningParts, opening: Opening): Promise<Opened> => {
  const { host, wallet, entropy, context } = parts;
  const { peer, push, announce, fundingFeerate, channelType } = opening;
  const draft = await common(parts, peer, MAX_SMALL_CHANNEL, opening.closeTo);
  const owner = fundingOwner(draft.key);
  const { minDepth } = opening;
  const want = { amount: opening.amount, scriptLength: FUNDING_SCRIPT_BYTES, feerate: fundingFeerate, minDepth };
  let plan = await wallet.reserve(owner, want);
  if (opening.amount === 'all' && plan.amount > MAX_SMALL_CHANNEL && !draft.features.largeChannel) {
    await wallet.release(owner);
    plan = await wallet.reserve(owner, { ...want, amount: MAX_SMALL_CHANNEL });
  }
  const request: OpenRequest = {
    ...draft,
    limits: limits(plan.amount, parts.minimumDepth),
    temporaryChannelId: channelId(entropy.bytes(32)),
    amount: plan.amount,
    push,
    fundingFeerate,
    announce,
    channelType,
  };
  try {
    const step = openChannel(request, context());
    return await new Promise<Opened>((resolve, reject) => {
      const cancel = parts.clock.after(PATIENCE_MS, () => host.push(draft.key, { type: 'disconnected' }));
      const entry = host.create(draft.key, peer.id, step, {
        plan,
        opened: (opened) => {
          cancel();
          resolve({ key: draft.key, ...opened });
        },
        refused: (why) => {
          cancel();
          reject(new OpeningError(why));
        },
      });
      if (peer.closed) entry.machine.push({ type: 'disconnected' });
    });
  } catch (error) {
    await wallet.release(owner);
    throw error instanceof Error && error.name === 'ChannelError' ? new OpeningError(error.message) : error;
  }
};

/** Answers a peer's `open_channel`: with a channel, or with an error that says why not. */
export const accept = async (parts: OpeningParts, peer: Peer, message: MessageOf<'open_channel'>): Promise<void> => {
  const { host, context, log } = parts;
  const pending = [...host.entries.values()].filter((entry) => !isFunded(entry.machine.state));
  const ofPeer = pending.filter((entry) => entry.peer === peer.key);
  const refuse = (why: string) => {
    log.info({ peer: peer.key.slice(0, 16), why }, 'refused a channel');
    peer.send({ name: 'error', channel_id: message.temporary_channel_id, data: utf8(why) });
  };
  if (ofPeer.length >= MAX_PENDING.peer) return refuse(`at most ${MAX_PENDING.peer} channels may be opening at once`);
  if (pending.length >= MAX_PENDING.all) return refuse('too many channels are being opened with this node; try later');
  if (host.byChannelId(peer.id, message.temporary_channel_id) !== undefined)
    return refuse('temporary_channel_id: expected one that no other channel of yours has');
  const request: AcceptRequest = {
    ...(await common(parts, peer, message.funding_satoshis)),
    minimumAmount: MIN_CHANNEL,
  };
  // The address took a moment: the peer may be gone, or have asked twice.
  if (peer.closed || host.byChannelId(peer.id, message.temporary_channel_id) !== undefined) return;
  host.create(request.key, peer.id, acceptChannel(message, request, context()));
};
