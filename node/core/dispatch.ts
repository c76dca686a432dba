/**
 * Hands each message of a peer to its recipient (`recipients` in wire/message.ts): channel messages to their channel by channel_id,
 * gossip to the graph. A message about a channel that does not exist is answered with an error, so that the peer can stop waiting
 * for us (BOLT 1, BOLT 2).
 */
import type { ChannelMessage } from '../../channel/model/io.ts';
import { equal, hex, zeros } from '../../wire/bytes.ts';
import { encodeMessage, isFor, type Message, type MessageFor, type MessageOf, messages } from '../../wire/message.ts';
import { warningData } from '../../wire/printable.ts';
import { type ChainHash, type ChannelId, channelId } from '../../wire/units.ts';
import type { Channels } from '../channels/channels.ts';
import { fundedChannelsWith } from '../channels/reconnect.ts';
import type { Checked } from '../graph/fundinglookups.ts';
import type { Gossip } from '../graph/gossip.ts';
import { type GossipPeer, nextTurn } from '../graph/gossiprelay.ts';
import type { GossipSync } from '../graph/gossipsync.ts';
import type { Graph } from '../graph/graph.ts';
import type { OwnChannel, OwnChannels } from '../graph/ownchannels.ts';
import { channelRangeReplies, isWellFormed, shortChannelIdReplies } from '../graph/queries.ts';
import type { ReceivedAnnouncement } from '../graph/signaturebatch.ts';
import { sourceOf } from '../peer/connectionslots.ts';
import type { Peer } from '../peer/peer.ts';
import type { Log } from '../ports/ports.ts';
import { AnnouncementQueue } from './announcementqueue.ts';

export interface DispatchParts {
  readonly channels: Pick<Channels, 'channelsWith' | 'byChannelId' | 'receive' | 'receiveForAll'>;
  readonly gossip: Gossip;
  readonly sync: GossipSync;
  readonly graph: Graph;
  readonly own: OwnChannels;
  readonly chainHash: ChainHash;
  readonly log: Log;
  /** Unix seconds. */
  readonly now: () => number;
  /** A peer wants to open a channel. */
  readonly opening: (peer: Peer, message: MessageOf<'open_channel'>) => Promise<void>;
  /** The channel of a peer, for announcements; undefined while it has no short_channel_id. */
  readonly announced: (peer: Peer, id: ChannelId) => OwnChannel | undefined;
}

const ALL = channelId(zeros(32));

/** An `error` or `warning` about all channels with the peer (BOLT 1). */
export const isForAllChannels = (message: Message): boolean =>
  isFor(message, 'channel_or_all') && equal(message.channel_id, ALL);

/** A peer as gossip sees it. */
export const gossipPeer = (peer: Peer): GossipPeer => ({
  id: peer.id,
  send: (raw) => peer.sendRaw(raw),
  flushed: () => peer.flushed(),
});

/** Hands a message on. The promise holds back the peer's next message; it rejects only where the node cannot go on with it. */
export const dispatch = (
  parts: DispatchParts,
  peer: Peer,
  message: Message,
  raw: Uint8Array,
): Promise<void> | undefined => {
  if (isFor(message, 'channel')) return toChannel(parts, peer, message.channel_id, message);
  if (isFor(message, 'temporary_channel')) return toChannel(parts, peer, message.temporary_channel_id, message);
  if (isFor(message, 'opening')) return parts.opening(peer, message);
  if (isFor(message, 'gossip')) return toGraph(parts, peer, message, raw);
  if (isFor(message, 'channel_or_all')) {
    if (isForAllChannels(message)) parts.channels.receiveForAll(peer, message);
    else parts.channels.receive(peer, message.channel_id, message);
    return undefined;
  }
  if (isFor(message, 'unused')) return onUnused(parts, peer, message);
  // The connection has answered these itself. A message without a recipient does not compile here.
  message satisfies MessageFor<'connection'>;
  return undefined;
};

const toGraph = (
  parts: DispatchParts,
  peer: Peer,
  message: MessageFor<'gossip'>,
  raw: Uint8Array,
): Promise<void> | undefined => {
  switch (message.name) {
    case 'announcement_signatures':
      return onAnnouncementSignatures(parts, peer, message);
    case 'channel_update':
      // The peer's policy of a channel with us: our invoices' route hints need it while the channel is not announced.
      if (parts.channels.channelsWith(peer.id).length > 0) parts.own.peerUpdate(message, raw, peer.id);
      return queueAnnouncement(parts, peer, message, raw);
    case 'channel_announcement':
    case 'node_announcement':
      return queueAnnouncement(parts, peer, message, raw);
    case 'gossip_timestamp_filter':
      // Not waited for: the graph may be large, and the peer's channel messages must not wait behind it.
      parts.gossip.filter(gossipPeer(peer), message).catch((error) => {
        parts.log.error(
          { internal: 'gossip', peer: peer.key.slice(0, 16), error },
          'the gossip that a peer asked for could not be sent; the peer is disconnected',
        );
        peer.close('internal error at gossip_timestamp_filter');
      });
      return undefined;
    case 'query_channel_range':
      return answerChannelRange(parts, peer, message);
    case 'query_short_channel_ids':
      return answerShortChannelIds(parts, peer, message);
    case 'reply_channel_range': {
      const fault = parts.sync.rangeReply(peer.id, message);
      return fault === undefined ? undefined : peer.warn(fault);
    }
    case 'reply_short_channel_ids_end':
      return onIdsEnd(parts, peer);
    default:
      return message satisfies never;
  }
};

/** The peer has sent all that it was asked for. */
const onIdsEnd = ({ sync, log }: DispatchParts, peer: Peer): undefined => {
  const handled = announcementQueues.get(peer)?.handled ?? Promise.resolve();
  sync.idsEnd(peer.id, handled).catch((error) => {
    log.error({ internal: 'gossip', peer: peer.key.slice(0, 16), error }, 'gossip is not asked for any more');
  });
};

/** A message of a feature that was not negotiated: an odd one is ignored, for an even one the peer is disconnected (BOLT 1). */
const onUnused = ({ log }: DispatchParts, peer: Peer, { name }: MessageFor<'unused'>): undefined => {
  if (messages[name].type % 2 === 1) {
    log.debug(
      { peer: peer.key.slice(0, 16), message: name },
      'a message of a feature that was not negotiated; ignored',
    );
    return;
  }
  peer.warn(`${name}: its feature was not negotiated`);
  peer.close(`the peer sent ${name}, whose feature was not negotiated`);
};

/** Peers whose gossip query is being answered, with the promise of the answer's end. */
const answering = new WeakMap<Peer, Promise<void>>();

/**
 * Answers a gossip query as fast as the peer reads, while the peer's channels go on. BOLT 7: a peer waits for the whole answer before
 * its next query; one that does not wait is not read from until then.
 */
const answerQuery = (
  { log }: DispatchParts,
  peer: Peer,
  name: string,
  answers: Iterable<Uint8Array>,
): Promise<void> | undefined => {
  const begin = (): void => {
    const done = sendInSlices(peer, answers)
      .catch((error) => {
        log.error(
          { internal: 'gossip', peer: peer.key.slice(0, 16), error },
          `${name} could not be answered; the peer is disconnected`,
        );
        peer.close(`internal error at ${name}`);
      })
      .finally(() => answering.delete(peer));
    answering.set(peer, done);
  };
  const before = answering.get(peer);
  if (before !== undefined) return before.then(begin);
  begin();
  return undefined;
};

/** Messages, and bytes, of an answer after which the node waits until the peer has read them, and serves others. */
const SLICE = { messages: 30, bytes: 8 * 1024 } as const;

const sendInSlices = async (peer: Peer, answers: Iterable<Uint8Array>): Promise<void> => {
  let sent = 0;
  let bytes = 0;
  for (const raw of answers) {
    if (peer.closed) return;
    peer.sendRaw(raw);
    bytes += raw.length;
    if (++sent < SLICE.messages && bytes < SLICE.bytes) continue;
    [sent, bytes] = [0, 0];
    await peer.flushed();
    await nextTurn();
  }
  await peer.flushed();
  await nextTurn();
};

function* encoded(replies: Iterable<Message>): Generator<Uint8Array> {
  for (const reply of replies) yield encodeMessage(reply);
}

const answerChannelRange = (
  parts: DispatchParts,
  peer: Peer,
  query: MessageOf<'query_channel_range'>,
): Promise<void> | undefined =>
  answerQuery(parts, peer, query.name, encoded(channelRangeReplies({ ...parts, now: parts.now() }, query)));

const answerShortChannelIds = (
  parts: DispatchParts,
  peer: Peer,
  query: MessageOf<'query_short_channel_ids'>,
): Promise<void> | undefined => {
  if (isWellFormed(query))
    return answerQuery(parts, peer, query.name, shortChannelIdReplies({ ...parts, now: parts.now() }, query));
  peer.warn('query_short_channel_ids: query_flags must hold one flag for each id');
  peer.close('the peer asked for channels with flags that do not fit them');
  return undefined;
};

const toChannel = (
  { channels, log }: DispatchParts,
  peer: Peer,
  id: ChannelId,
  message: ChannelMessage,
): Promise<void> | undefined => {
  const taken = channels.receive(peer, id, message);
  if (taken !== undefined) return taken.wait;
  log.info(
    { peer: peer.key.slice(0, 16), channel: hex(id), message: message.name },
    'a message of the peer is about a channel that we do not have; answered with an error',
  );
  // Some implementations do not force-close for an error, but all do for a channel_reestablish with commitment number 0 (BOLT 2). One
  // with number 0 is not answered so, or two nodes without the channel would answer each other for ever.
  if (message.name === 'channel_reestablish' && message.next_commitment_number !== 0n)
    peer.answer({
      name: 'channel_reestablish',
      channel_id: message.channel_id,
      next_commitment_number: 0n,
      next_revocation_number: 0n,
      your_last_per_commitment_secret: zeros(32),
      my_current_per_commitment_point: message.my_current_per_commitment_point,
    });
  return peer.answer({ name: 'error', channel_id: id, data: warningData('no such channel with you') });
};

const onAnnouncementSignatures = async (
  { own, announced, channels, log }: DispatchParts,
  peer: Peer,
  message: MessageOf<'announcement_signatures'>,
): Promise<void> => {
  const channel = announced(peer, message.channel_id);
  if (channel === undefined) {
    if (channels.byChannelId(peer.id, message.channel_id) !== undefined) own.keepSignatures(peer.id, message);
    return;
  }
  const wrong = await own.signatures(channel, message);
  if (wrong === undefined) return;
  log.warn(
    { peer: peer.key.slice(0, 16), why: wrong },
    'announcement_signatures of the peer are not valid; the channel is not announced',
  );
  await peer.warn(wrong);
};

const announcementQueues = new WeakMap<Peer, AnnouncementQueue>();

/** Handles the announcements of a peer in order, beside all else. A peer that announces faster than that is not read from. */
const queueAnnouncement = (
  parts: DispatchParts,
  peer: Peer,
  message: ReceivedAnnouncement['message'],
  raw: Uint8Array,
): Promise<void> | undefined => {
  let queue = announcementQueues.get(peer);
  if (queue === undefined) {
    queue = new AnnouncementQueue({
      check: (batch) => parts.gossip.check(batch, peer.id, unknownSource(parts, peer)),
      handle: (one, verdict) => handleAnnouncement(parts, peer, one, verdict),
      nextTurn,
      onError: (error, one) => {
        parts.log.error(
          { internal: 'gossip', peer: peer.key.slice(0, 16), error },
          `${one.message.name} could not be handled; the peer is disconnected`,
        );
        peer.close(`internal error at ${one.message.name}`);
      },
    });
    announcementQueues.set(peer, queue);
  }
  parts.sync.heard(peer.id, true);
  return queue.add({ message, raw });
};

/** Where a peer connected from that may have made up its node id: rate limits count by it. */
const unknownSource = ({ channels }: DispatchParts, peer: Peer): string | undefined =>
  peer.direction === 'in' && fundedChannelsWith(channels, peer.id) === 0 ? sourceOf(peer.remote.host) : undefined;

/** Handles an announcement of a peer; false where it is not valid, and the peer is let go. */
const handleAnnouncement = async (
  parts: DispatchParts,
  peer: Peer,
  { message, raw }: ReceivedAnnouncement,
  verdict: Checked | undefined,
): Promise<boolean> => {
  const result = await parts.gossip.handle(message, raw, peer.id, unknownSource(parts, peer), verdict);
  parts.sync.heard(peer.id, false);
  if (result !== 'bad') return true;
  peer.warn(`${message.name}: a signature or a key is not valid`);
  peer.close(`the peer passed on a ${message.name} that is not valid`);
  return false;
};
