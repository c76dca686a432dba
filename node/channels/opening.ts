/** Opens channels, and accepts those that peers open: with which terms, and how many may wait for their funding at once. */

import { aliasFrom } from '../../channel/model/alias.ts';
import { type ChannelType, preferredType } from '../../channel/model/channeltype.ts';
import type { AcceptRequest, LocalLimits, OpenRequest } from '../../channel/model/io.ts';
import { acceptChannel, openChannel } from '../../channel/phases/opening.ts';
import type { ChannelSecrets } from '../../channel/tx/keys.ts';
import { hex } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { warningData } from '../../wire/printable.ts';
import { type ChainHash, channelId, type Msat, msat, type Sat, type ShortChannelId, sat } from '../../wire/units.ts';
import type { Rates } from '../base/rates.ts';
import { ChainError } from '../chain/errors.ts';
import { sourceOf } from '../peer/connectionslots.ts';
import type { Peer } from '../peer/peer.ts';
import type { Chain, Entropy, Log } from '../ports/ports.ts';
import type { NodeKeys } from '../wallet/keys.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { AnchorReserve } from './anchorreserve.ts';
import { fundingOwner } from './chaineffects.ts';
import type { Channels } from './channels.ts';
import type { PublishedFunding } from './entry.ts';
import { channelFeatures } from './features.ts';
import type { ChannelHost } from './host.ts';
import { hasAnchors, reserveOf, shortageOf, warnOfShortage } from './reserve.ts';
import { type Admission, admissionOf, displaceUnfunded, isUnfunded } from './unfundedlimits.ts';

/** Bytes of a funding output's script (P2WSH). */
const FUNDING_SCRIPT_BYTES = 34;
/** BOLT 2: without option_support_large_channel a channel is smaller than 2^24 sat. */
const MAX_SMALL_CHANNEL = sat(16_777_215n);
/** The smallest channel accepted from peers, sat. */
const MIN_CHANNEL = sat(20_000n);

/** A channel could not be opened; the message says why. */
export class OpeningError extends Error {
  override readonly name = 'OpeningError';
}

export interface OpeningParts {
  readonly host: Pick<ChannelHost, 'create'>;
  readonly channels: Channels;
  readonly wallet: Wallet;
  readonly keys: NodeKeys;
  readonly entropy: Entropy;
  readonly chainHash: ChainHash;
  readonly minimumDepth: number;
  /** The reserve for channels with anchors. */
  readonly reserve: AnchorReserve;
  /** Whether peers that know anchors may open channels without. */
  readonly allowStaticRemotekey: boolean;
  /** Secrets that an experiment on regtest gives every new channel. */
  readonly forcedSecrets: ChannelSecrets | undefined;
  readonly log: Log;
  /** For lines that strangers can cause: few of a kind. */
  readonly limitedLog: Log;
  readonly chain: Pick<Chain, 'unspent'>;
  /** Unix seconds. */
  readonly now: () => number;
  /** How often a source may have channels of others forgotten. */
  readonly displacements: Rates;
}

/** Confirmations that a channel waits for: twice as many for a large one, which is worth a deeper reorganization. */
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

/** An alias that no channel of ours uses. */
const newAlias = ({ entropy, channels }: Pick<OpeningParts, 'entropy' | 'channels'>): ShortChannelId => {
  let alias = aliasFrom(entropy.bytes(8));
  while (channels.byShortId(alias) !== undefined) alias = aliasFrom(entropy.bytes(8));
  return alias;
};

/** Terms that both ways of opening a channel have in common. */
const common = async (parts: OpeningParts, peer: Peer, capacity: Sat, shutdownScript?: Uint8Array) => {
  const { entropy, keys, wallet, chainHash, minimumDepth, forcedSecrets } = parts;
  const id = entropy.bytes(16);
  return {
    key: hex(id),
    seed: keys.channelSeed(id),
    forced: forcedSecrets,
    peer: peer.id,
    chainHash,
    features: channelFeatures(peer),
    limits: limits(capacity, minimumDepth),
    shutdownScript: shutdownScript ?? (await wallet.spareScript()),
    upfront: shutdownScript !== undefined,
    alias: newAlias(parts),
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
  /** The channel_type; undefined: the best one that the peer supports. */
  readonly channelType: ChannelType | undefined;
  /** Whether it may use the reserve for claims. */
  readonly useReserve: boolean;
}

/** A channel that this node opened. */
export interface OpenedChannel extends PublishedFunding {
  readonly key: string;
  /** A warning where the wallet has less than the reserve, for operators. */
  readonly shortage: string | undefined;
}

/**
 * Opens a channel; resolves once its funding transaction was broadcast, with bitcoind's answer. Throws WalletError where the wallet has
 * too few coins, and OpeningError where the peer refuses, terms of one side are not met, or bitcoind rejects the funding before the peer
 * has signed; the reserved coins are then free again.
 */
export const openChannelTo = async (parts: OpeningParts, opening: Opening): Promise<OpenedChannel> => {
  const { host, channels, wallet, entropy } = parts;
  const { peer, push, announce, fundingFeerate, channelType } = opening;
  const draft = await common(parts, peer, MAX_SMALL_CHANNEL, opening.closeTo);
  const owner = fundingOwner(draft.key);
  const { minDepth, amount } = opening;
  const { format } = channelType ?? preferredType(draft.features);
  const anchors = format === 'anchors_zero_fee_htlc_tx';
  const more = anchors ? 1 : 0;
  const leave = opening.useReserve
    ? sat(0n)
    : reserveOf(parts.reserve, channels.entries.values(), channels.openingWithAnchors + more);
  const want = { amount, scriptLength: FUNDING_SCRIPT_BYTES, feerate: fundingFeerate, minDepth, leave };
  // The reserve of this channel counts for everybody who spends meanwhile.
  channels.openingWithAnchors += more;
  let isComing = true;
  const isThere = (): void => {
    if (isComing) channels.openingWithAnchors -= more;
    isComing = false;
  };
  try {
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
    const step = openChannel(request, channels.context());
    const published = await new Promise<PublishedFunding & { readonly key: string }>((resolve, reject) => {
      const entry = host.create(draft.key, peer.id, step, {
        plan,
        onFundingPublished: (opened) => resolve({ key: draft.key, ...opened }),
        onRefused: (why) => reject(new OpeningError(why)),
      });
      isThere();
      if (peer.closed) entry.machine.push({ type: 'disconnected' });
    });
    const shortage = anchors ? shortageOf(parts.reserve, channels.entries.values(), wallet) : undefined;
    warnOfShortage(parts.log, shortage);
    return { ...published, shortage };
  } catch (error) {
    isThere();
    await wallet.release(owner);
    throw error instanceof Error && error.name === 'ChannelError' ? new OpeningError(error.message) : error;
  }
};

const CROWDED = 'too many peers have channels with this node that wait for their funding; try later';

/** Makes room for a peer's channel by forgetting others' channels without a funding. Returns the outcome, or why there is no room. */
const makeRoomFor = async (
  { chain, channels, now, displacements }: OpeningParts,
  peer: Peer,
  room: Admission,
): Promise<'made' | 'enough' | { readonly why: string }> => {
  if (room.room === 'free') return 'made';
  if (room.room === 'none') return room;
  const source = sourceOf(peer.remote.host);
  if (!displacements.allows(source, now())) return { why: CROWDED };
  displacements.count(source, now());
  const made = await displaceUnfunded(room.peers, chain, channels.context().height).catch((error: unknown) => {
    if (error instanceof ChainError) return 'none' as const;
    throw error;
  });
  return made === 'none' ? { why: CROWDED } : made;
};

/** Answers a peer's `open_channel`: accepts the channel, or sends an error with the reason. */
export const acceptChannelFrom = async (
  parts: OpeningParts,
  peer: Peer,
  message: MessageOf<'open_channel'>,
): Promise<void> => {
  const { host, channels, log, limitedLog, reserve, wallet } = parts;
  const refuse = (why: string, detail?: string) => {
    limitedLog.info({ peer: peer.key.slice(0, 16), why, ...(detail !== undefined && { detail }) }, 'refused a channel');
    return peer.answer({ name: 'error', channel_id: message.temporary_channel_id, data: warningData(why) });
  };
  if (channels.byChannelId(peer.id, message.temporary_channel_id) !== undefined)
    return refuse('temporary_channel_id: expected one that no other channel of yours uses');
  const way = await makeRoomFor(parts, peer, admissionOf(channels.entries.values(), peer.key));
  if (typeof way === 'object') return refuse(way.why);
  const request: AcceptRequest = {
    ...(await common(parts, peer, message.funding_satoshis)),
    minimumAmount: MIN_CHANNEL,
    allowStaticRemotekey: parts.allowStaticRemotekey,
  };
  if (peer.closed) return;
  // Other openings may have been accepted while the address was made.
  const late = admissionOf(channels.entries.values(), peer.key);
  if (late.room === 'none') return refuse(late.why);
  if (late.room === 'crowded' && way !== 'enough') return refuse(CROWDED);
  const step = acceptChannel(message, request, channels.context());
  const [begun] = step;
  if ('params' in begun && begun.params.format === 'anchors_zero_fee_htlc_tx') {
    const waiting = [...channels.entries.values()].filter(
      (one) => one.peer === peer.key && hasAnchors(one) && isUnfunded(one),
    );
    const shortage = shortageOf(reserve, channels.entries.values(), wallet, waiting.length + 1);
    if (shortage !== undefined && reserve.perChannel > 0n)
      return refuse(
        'this node has too few coins in its wallet to pay for the claims of a channel with anchors',
        shortage,
      );
    warnOfShortage(log, shortage);
  }
  host.create(request.key, peer.id, step, { source: sourceOf(peer.remote.host) });
};
