/**
 * Every message this node knows. The tables of the BOLTs together give the type `Message`, its encoder and its decoder;
 * there is no other list of messages.
 */
import { type Codec, type Flat, named, Reader, u16, type ValueOf, WireError, Writer } from './codec.ts';
import { gossipMessages } from './gossip.ts';
import { onionMessages } from './onionmessage.ts';
import { peerMessages } from './peer.ts';
import { setupMessages } from './setup.ts';

export const messages = { ...setupMessages, ...peerMessages, ...gossipMessages, ...onionMessages } as const;

type Table = typeof messages;
export type MessageName = keyof Table;
/** What a message of this name holds: its BOLT's field names, records of the extension as optional keys. */
export type MessageOf<K extends MessageName> = Flat<{ name: K } & ValueOf<Table[K]['body']>>;
export type Message = { [K in MessageName]: MessageOf<K> }[MessageName];
/** An odd message nobody here knows, to be ignored unless some extension wants it. */
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
