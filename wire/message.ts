/**
 * Every message this node knows. The tables of the BOLTs together give the type `Message`, its encoder and its decoder, and
 * `recipients` says who gets each; there is no other list of messages.
 */
import { type Codec, type Flat, named, Reader, u16, type ValueOf, WireError, Writer } from './codec.ts';
import { gossipMessages } from './gossip.ts';
import { onionMessages } from './onionmessage.ts';
import { peerMessages } from './peer.ts';
import { setupMessages } from './setup.ts';

export const messages = { ...setupMessages, ...peerMessages, ...gossipMessages, ...onionMessages } as const;

type Table = typeof messages;
export type MessageName = keyof Table;
/** The fields of a message by their names in the BOLTs, TLV records as optional keys. */
export type MessageOf<K extends MessageName> = Flat<{ name: K } & ValueOf<Table[K]['body']>>;
export type Message = { [K in MessageName]: MessageOf<K> }[MessageName];

/**
 * Who in the node gets a message of a peer.
 * - `connection`: the connection itself, which answers it (BOLT 1).
 * - `opening`: whoever decides about new channels.
 * - `temporary_channel`: the channel with this temporary_channel_id.
 * - `channel`: the channel with this channel_id.
 * - `channel_or_all`: the same; a channel_id of zeros means every channel with this peer.
 * - `gossip`: the network graph (BOLT 7).
 * - `unused`: nobody. The feature it belongs to is not supported.
 */
export type Recipient =
  | 'connection'
  | 'opening'
  | 'temporary_channel'
  | 'channel'
  | 'channel_or_all'
  | 'gossip'
  | 'unused';

/** The recipient of each message. A message without a row does not compile. */
export const recipients = {
  init: 'connection',
  ping: 'connection',
  pong: 'connection',
  warning: 'channel_or_all',
  error: 'channel_or_all',
  peer_storage: 'unused',
  peer_storage_retrieval: 'unused',
  open_channel: 'opening',
  accept_channel: 'temporary_channel',
  funding_created: 'temporary_channel',
  funding_signed: 'channel',
  channel_ready: 'channel',
  shutdown: 'channel',
  closing_signed: 'channel',
  closing_complete: 'unused',
  closing_sig: 'unused',
  stfu: 'unused',
  update_add_htlc: 'channel',
  update_fulfill_htlc: 'channel',
  update_fail_htlc: 'channel',
  update_fail_malformed_htlc: 'channel',
  update_fee: 'channel',
  commitment_signed: 'channel',
  revoke_and_ack: 'channel',
  channel_reestablish: 'channel',
  announcement_signatures: 'gossip',
  channel_announcement: 'gossip',
  node_announcement: 'gossip',
  channel_update: 'gossip',
  query_short_channel_ids: 'gossip',
  reply_short_channel_ids_end: 'gossip',
  query_channel_range: 'gossip',
  reply_channel_range: 'gossip',
  gossip_timestamp_filter: 'gossip',
  onion_message: 'unused',
} as const satisfies Record<MessageName, Recipient>;

/** The names of the messages that one of these gets. */
export type MessageNameFor<R extends Recipient> = {
  [N in MessageName]: (typeof recipients)[N] extends R ? N : never;
}[MessageName];
/** The messages that one of these gets. */
export type MessageFor<R extends Recipient> = Extract<Message, { name: MessageNameFor<R> }>;

/** Whether a message is for this recipient. */
export const isFor = <R extends Recipient>(message: Message, recipient: R): message is MessageFor<R> =>
  recipients[message.name] === recipient;

/** An unknown message of an odd type, which is ignored unless an extension handles it. */
export type UnknownMessage = { readonly name: 'unknown'; readonly type: number; readonly payload: Uint8Array };

/** BOLT 1: what fits the transport's u16 length, type included. */
export const MAX_MESSAGE_BYTES = 65535;

const byType = new Map(
  Object.entries(messages).map(([name, row]) => [row.type, { name, body: row.body as Codec<object> }]),
);

/** The two bytes of type and the body. Throws WireError or RangeError when a field is out of range, or beyond 65535 bytes. */
export const encodeMessage = (message: Message | UnknownMessage): Uint8Array => {
  const w = new Writer();
  if (message.name === 'unknown') {
    u16.write(w, message.type);
    w.bytes(message.payload);
  } else {
    const row = messages[message.name];
    u16.write(w, row.type);
    named(message.name, () => (row.body as Codec<object>).write(w, message));
  }
  const out = w.done();
  if (out.length > MAX_MESSAGE_BYTES)
    throw new WireError({ code: 'too_long', limit: MAX_MESSAGE_BYTES, length: out.length }, [message.name]);
  return out;
};

/**
 * The message of a decrypted frame (BOLT 1, "Lightning Message Format"). An unknown odd type comes back as `unknown`; an
 * unknown even one throws WireError `unknown_even_message`, and so does everything else that is wrong.
 */
export const decodeMessage = (bytes: Uint8Array): Message | UnknownMessage => {
  if (bytes.length > MAX_MESSAGE_BYTES)
    throw new WireError({ code: 'too_long', limit: MAX_MESSAGE_BYTES, length: bytes.length });
  const r = new Reader(bytes);
  const type = r.uint(2);
  const row = byType.get(type);
  if (row !== undefined) return named(row.name, () => ({ name: row.name, ...row.body.read(r) })) as Message;
  if (type % 2 === 0) throw new WireError({ code: 'unknown_even_message', type });
  return { name: 'unknown', type, payload: r.rest() };
};
