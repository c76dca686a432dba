/**
 * ZeroMQ's wire protocol, as far as bitcoind's notifications need it (ZMTP 3.0: RFC 23 of ZeroMQ, with the NULL mechanism): what a
 * subscriber and a publisher send, and a reader that cuts received bytes into messages. Invalid bytes end the connection.
 */
import { concat, text, utf8 } from '../../wire/bytes.ts';

/** Bytes of a greeting: signature 10, version 2, mechanism 20, role 1, filler 31. */
const GREETING = 64;
/** No notification is longer: a block has 4,000,000 bytes at most. */
const LONGEST = 8_000_000;
/** Most parts of a message: bitcoind sends three, topic, body and sequence number. */
const MOST_PARTS = 8;
const flag = { more: 1, long: 2, command: 4 } as const;

const at = (length: number, ...parts: readonly (readonly [offset: number, bytes: Uint8Array])[]): Uint8Array => {
  const out = new Uint8Array(length);
  for (const [offset, bytes] of parts) out.set(bytes, offset);
  return out;
};

/** The greeting that both sides send first. */
export const greeting: Uint8Array = at(
  GREETING,
  [0, Uint8Array.of(0xff)],
  [9, Uint8Array.of(0x7f, 3, 0)],
  [12, utf8('NULL')],
);

/** One frame; from 256 bytes on its length takes eight bytes instead of one. */
const frame = (flags: number, body: Uint8Array): Uint8Array => {
  if (body.length < 256) return concat(Uint8Array.of(flags, body.length), body);
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(body.length));
  return concat(Uint8Array.of(flags | flag.long), new Uint8Array(length.buffer), body);
};
const named = (name: string): Uint8Array => concat(Uint8Array.of(name.length), utf8(name));
const readyAs = (type: 'SUB' | 'PUB'): Uint8Array =>
  frame(flag.command, concat(named('READY'), named('Socket-Type'), Uint8Array.of(0, 0, 0, 3), utf8(type)));

/** The READY command, sent after the greeting: our socket type is SUB. */
export const ready: Uint8Array = readyAs('SUB');

/** READY of a publisher. */
export const readyToPublish: Uint8Array = readyAs('PUB');

/** A message of several parts. */
export const message = (...parts: readonly Uint8Array[]): Uint8Array =>
  concat(...parts.map((part, i) => frame(i < parts.length - 1 ? flag.more : 0, part)));

/** Asks for messages whose first part begins like this. */
export const subscription = (topic: string): Uint8Array => frame(0, concat(Uint8Array.of(1), utf8(topic)));

/** What was received: the greeting, READY, or a message of one or more parts. */
export type ZmtpItem =
  | { readonly heard: 'greeting' | 'ready' }
  | { readonly heard: 'message'; readonly parts: readonly Uint8Array[] };

/** Reads what the other side sends, in whatever pieces it comes. */
export class ZmtpReader {
  private held: Uint8Array = new Uint8Array();
  private greeted = false;
  private parts: Uint8Array[] = [];
  private readonly longest: number;

  /** `longest`: most bytes of a frame. */
  constructor(longest = LONGEST) {
    this.longest = longest;
  }

  /** The items that these bytes complete, in order. Throws RangeError for anything but ZMTP 3 with the NULL mechanism. */
  take(bytes: Uint8Array): readonly ZmtpItem[] {
    this.held = this.held.length === 0 ? bytes : concat(this.held, bytes);
    const out: ZmtpItem[] = [];
    for (let one = this.next(); one !== undefined; one = this.next()) if (one !== 'part') out.push(one);
    return out;
  }

  private cut(length: number): Uint8Array {
    const cut = this.held.slice(0, length);
    this.held = this.held.subarray(length);
    return cut;
  }

  private next(): ZmtpItem | 'part' | undefined {
    if (!this.greeted) {
      if (this.held.length < GREETING) return undefined;
      const first = this.cut(GREETING);
      const mechanism = text(first.subarray(12, 32)).replace(/\0+$/, '');
      if (first[0] !== 0xff || first[9] !== 0x7f || (first[10] ?? 0) < 3 || mechanism !== 'NULL')
        throw new RangeError('a greeting of ZMTP 3 with the NULL mechanism');
      this.greeted = true;
      return { heard: 'greeting' };
    }
    const [flags] = this.held;
    if (flags === undefined) return undefined;
    const head = (flags & flag.long) === 0 ? 2 : 9;
    if (this.held.length < head) return undefined;
    const view = new DataView(this.held.buffer, this.held.byteOffset, head);
    const size = head === 2 ? view.getUint8(1) : Number(view.getBigUint64(1));
    if (size > this.longest) throw new RangeError(`a frame of at most ${this.longest} bytes`);
    if (this.held.length < head + size) return undefined;
    const body = this.cut(head + size).subarray(head);
    if ((flags & flag.command) !== 0) return this.command(body);
    if (this.parts.length >= MOST_PARTS) throw new RangeError(`a message of at most ${MOST_PARTS} parts`);
    this.parts.push(body);
    if ((flags & flag.more) !== 0) return 'part';
    const { parts } = this;
    this.parts = [];
    return { heard: 'message', parts };
  }

  private command(body: Uint8Array): ZmtpItem | 'part' {
    const name = text(body.subarray(1, 1 + (body[0] ?? 0)));
    if (name === 'ERROR') throw new RangeError('no error of the other side');
    return name === 'READY' ? { heard: 'ready' } : 'part';
  }
}
