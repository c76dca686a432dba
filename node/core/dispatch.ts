/**
 * Hands each message of a peer to who gets it by `recipients` (wire/message.ts): channel messages to their channel by channel_id,
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
import type { Gossip } from '../graph/gossip.ts';
import { type GossipPeer, nextTurn } from '../graph/gossiprelay.ts';
import type { Graph } from '../graph/graph.ts';
import type { OwnChannel, OwnChannels } from '../graph/ownchannels.ts';
import { channelRangeReplies, isWellFormed, shortChannelIdReplies } from '../graph/queries.ts';
import { sourceOf } from '../peer/connectionslots.ts';
import type { Peer } from '../peer/peer.ts';
import type { Log } from '../ports/ports.ts';

export interface DispatchParts {
  readonly channels: Pick<Channels, 'channelsWith' | 'byChannelId' | 'receive' | 'receiveForAll'>;
  readonly gossip: Gossip;
  readonly graph: Graph;
  readonly own: OwnChannels;
  readonly chainHash: ChainHash;
  readonly log: Log;
  /** Unix seconds. */
  readonly now: () => number;
  /** A peer wants to open a channel. */
  readonly opening: (peer: Peer, message: MessageOf<'open_channel'>) => Promise<void>;
  /** The channel of a peer as announcing sees it; undefined while it has no short_channel_id. */
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
  if (isFor(message, 'unused')) return unused(parts, peer, message);
  // The connection has answered these itself. What is neither has no recipient above: that does not compile.
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
      return announce(parts, peer, message);
    case 'channel_update':
      // Of a channel with us, told by its other end: what our invoices hint at while it is not announced.
      if (parts.channels.channelsWith(peer.id).length > 0) parts.own.peerUpdate(message, raw, peer.id);
      return gossip(parts, peer, message, raw);
    case 'channel_announcement':
    case 'node_announcement':
      return gossip(parts, peer, message, raw);
    case 'gossip_timestamp_filter':
      // Not waited for: what there is may be much, and the peer's channels have other things to say meanwhile.
      parts.gossip.filter(gossipPeer(peer), message).catch((error) => {
        parts.log.error({ internal: 'gossip', peer: peer.key.slice(0, 16), error }, 'gossip could not be sent');
        peer.close('internal error at gossip_timestamp_filter');
      });
      return undefined;
    case 'query_channel_range':
      return ranges(parts, peer, message);
    case 'query_short_channel_ids':
      return ids(parts, peer, message);
    // Answers to questions that are not asked here.
    case 'reply_channel_range':
    case 'reply_short_channel_ids_end':
      return undefined;
    default:
      return message satisfies never;
  }
};

/** A message that nobody here has use for: an even one demands that it is understood, known by name or not (BOLT 1). */
const unused = ({ log }: DispatchParts, peer: Peer, { name }: MessageFor<'unused'>): undefined => {
  if (messages[name].type % 2 === 1) {
    log.debug({ peer: peer.key.slice(0, 16), message: name }, 'message not used here; ignored');
    return;
  }
  peer.warn(`${name}: its feature was not negotiated`);
  peer.close(`the peer sent ${name}, whose feature was not negotiated`);
};

/** Peers whose question about the graph is being answered. */
const answering = new WeakMap<Peer, Promise<void>>();

/**
 * Answers a question about the graph as fast as the peer takes it, while the peer's channels go on. BOLT 7 has it wait for the
 * whole answer before it asks again: one that does not is not read from until then.
 */
const answerQuery = (
  { log }: DispatchParts,
  peer: Peer,
  name: string,
  answers: Iterable<Uint8Array>,
): Promise<void> | undefined => {
  const begin = (): void => {
    const done = tell(peer, answers)
      .catch((error) => {
        log.error({ internal: 'gossip', peer: peer.key.slice(0, 16), error }, `${name} could not be answered`);
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

/** Messages, and bytes, of an answer after which the peer has to have taken them, and others have their turn. */
const SLICE = { messages: 30, bytes: 8 * 1024 } as const;

const tell = async (peer: Peer, answers: Iterable<Uint8Array>): Promise<void> => {
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

const ranges = (parts: DispatchParts, peer: Peer, query: MessageOf<'query_channel_range'>): Promise<void> | undefined =>
  answerQuery(parts, peer, query.name, encoded(channelRangeReplies({ ...parts, now: parts.now() }, query)));

const ids = (
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
    'the peer speaks of a channel we do not have; told it so',
  );
  // Some do not close a channel for an error, but all do for a peer that begins again at commitment 0 (BOLT 2). To one that
  // does so itself nothing is owed, or two nodes without the channel would answer each other for ever.
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

const announce = async (
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
  log.warn({ peer: peer.key.slice(0, 16), why: wrong }, 'the channel is not announced');
  await peer.warn(wrong);
};

type Announcement = MessageOf<'channel_announcement'> | MessageOf<'channel_update'> | MessageOf<'node_announcement'>;

/** What a peer announced and nobody has looked at yet. */
interface Announced {
  last: Promise<void>;
  bytes: number;
  /** It announced what it must not: the rest is nobody's to look at. */
  over: boolean;
}

const announced = new WeakMap<Peer, Announced>();
/** Bytes of announcements that wait before a peer is not read from. */
const MOST_ANNOUNCED = 64 * 1024;

/**
 * Looks at what a peer announces, one after the other, as long as the chain may take to answer: its channels go on meanwhile, and so
 * does everybody else. One that announces faster than that is not read from.
 */
const gossip = (
  parts: DispatchParts,
  peer: Peer,
  message: Announcement,
  raw: Uint8Array,
): Promise<void> | undefined => {
  const queue = announced.get(peer) ?? { last: Promise.resolve(), bytes: 0, over: false };
  announced.set(peer, queue);
  queue.bytes += raw.length;
  queue.last = queue.last
    .then(nextTurn)
    .then(() => (queue.over ? undefined : takeGossip(parts, peer, message, raw, queue)))
    .catch((error) => {
      parts.log.error({ internal: 'gossip', peer: peer.key.slice(0, 16), error }, `${message.name} could not be taken`);
      peer.close(`internal error at ${message.name}`);
    })
    .finally(() => {
      queue.bytes -= raw.length;
    });
  return queue.bytes >= MOST_ANNOUNCED ? queue.last : undefined;
};

const takeGossip = async (
  parts: DispatchParts,
  peer: Peer,
  message: Announcement,
  raw: Uint8Array,
  queue: Announced,
): Promise<void> => {
  // Who calls may have made up his node id for this, and the funding of a channel, too.
  const isUnknown = peer.direction === 'in' && fundedChannelsWith(parts.channels, peer.id) === 0;
  const source = isUnknown ? sourceOf(peer.remote.host) : undefined;
  const verdict = await parts.gossip.handle(message, raw, peer.id, source);
  if (verdict !== 'bad') return;
  queue.over = true;
  peer.warn(`${message.name}: a signature or a key is not valid`);
  peer.close(`the peer passed on a ${message.name} that is not valid`);
};
