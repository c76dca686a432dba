/**
 * The format of the file of gossip: a header, then records, each a CRC-32 of the rest, the length of the body, its kind and the body, all
 * big-endian. The checksum is salted with a random number of the file, so that no peer can send a message that contains a valid record.
 * Damaged bytes are skipped up to the next whole record.
 */
import { crc32 } from 'node:zlib';
import { concat, equal, text, u32be, utf8 } from '../../wire/bytes.ts';
import type { ChainHash } from '../../wire/units.ts';
import type { Entropy, GrowingFile } from '../ports/ports.ts';

/** What a record holds. */
export const CHANNEL = 1;
export const POLICY = 2;
export const NODE = 3;
/** A channel that is gone. */
export const REMOVED = 4;
/** The height up to which the file says which channels were closed. */
export const HEIGHT = 5;

/** Bytes before a record's body. */
export const FRAME = 7;
/** Most bytes of a body: the longest message that is stored, with the fields before it. */
export const MAX_BODY = 4096;

const MAGIC = 'ampere gossip';
/** The version of the format. */
const VERSION = 1;
/** Offsets of the version, the chain_hash and the salt. */
const [AT_VERSION, AT_CHAIN, AT_SALT] = [MAGIC.length, MAGIC.length + 1, MAGIC.length + 33] as const;
/** Bytes of the header. */
export const HEADER = AT_SALT + 4;

export type GossipFileFault =
  | { readonly code: 'not_gossip' }
  | { readonly code: 'newer_version'; readonly found: number; readonly supported: number }
  | { readonly code: 'other_chain' };

const describe = (path: string, fault: GossipFileFault): string => {
  switch (fault.code) {
    case 'not_gossip':
      return `${path} is no file of gossip: expected '${MAGIC}' at its beginning`;
    case 'newer_version':
      return `${path} was written by a newer version (format ${fault.found}, this one knows up to ${fault.supported})`;
    case 'other_chain':
      return `${path} holds the gossip of another chain`;
  }
};

/** A file that this node cannot have written: it is not changed. */
export class GossipFileError extends Error {
  override readonly name = 'GossipFileError';
  readonly fault: GossipFileFault;
  constructor(path: string, fault: GossipFileFault) {
    super(describe(path, fault));
    this.fault = fault;
  }
}

/** The header of a file with this salt. */
export const headerWith = (chain: ChainHash, salt: number): Uint8Array =>
  concat(utf8(MAGIC), Uint8Array.of(VERSION), chain, u32be(salt));

/** The salt of a new file. */
export const newSalt = (entropy: Entropy): number => new DataView(entropy.bytes(4).buffer).getUint32(0);

const saltOf = (header: Uint8Array): number => new DataView(header.buffer, header.byteOffset).getUint32(AT_SALT);

/** Reads the header and returns its salt. Throws GossipFileError. */
export const readHeader = (header: Uint8Array, chain: ChainHash, path: string): number => {
  if (header.length < HEADER || text(header.subarray(0, AT_VERSION)) !== MAGIC)
    throw new GossipFileError(path, { code: 'not_gossip' });
  const found = header[AT_VERSION] ?? 0;
  if (found > VERSION) throw new GossipFileError(path, { code: 'newer_version', found, supported: VERSION });
  if (!equal(header.subarray(AT_CHAIN, AT_SALT), chain)) throw new GossipFileError(path, { code: 'other_chain' });
  return saltOf(header);
};

/** Checks that what is shorter than a header is a beginning of one, or the zeros that a crash may leave for it. Throws GossipFileError. */
export const checkTornHeader = (begun: Uint8Array, chain: ChainHash, path: string): void => {
  const known = headerWith(chain, 0).subarray(0, Math.min(begun.length, AT_SALT));
  if (!equal(begun.subarray(0, known.length), known) && begun.some((byte) => byte !== 0))
    throw new GossipFileError(path, { code: 'not_gossip' });
};

/** Writes a record into `into`, which has room for it, and returns its length. */
export const writeRecord = (
  into: Uint8Array,
  at: number,
  salt: number,
  kind: number,
  parts: readonly Uint8Array[],
): number => {
  let end = at + FRAME;
  for (const part of parts) {
    into.set(part, end);
    end += part.length;
  }
  const view = new DataView(into.buffer, into.byteOffset);
  view.setUint16(at + 4, end - at - FRAME);
  into[at + 6] = kind;
  view.setUint32(at, crc32(into.subarray(at + 4, end), salt));
  return end - at;
};

/** The length of the whole record at this place; undefined where there is none. */
export const recordAt = (bytes: Uint8Array, at: number, end: number, salt: number): number | undefined => {
  if (end - at < FRAME) return undefined;
  const kind = bytes[at + 6] ?? 0;
  const length = FRAME + (bytes[at + 4] ?? 0) * 256 + (bytes[at + 5] ?? 0);
  if (kind < CHANNEL || kind > HEIGHT || length > FRAME + MAX_BODY || length > end - at) return undefined;
  const sum = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
  return crc32(bytes.subarray(at + 4, at + length), salt) === sum ? length : undefined;
};

/** A record of a file. Its bytes are valid only until the next record is read. */
export interface GossipRecord {
  readonly position: number;
  readonly kind: number;
  readonly body: Uint8Array;
  /** The record with what stands before its body. */
  readonly whole: Uint8Array;
}

/** Bytes that were skipped: between whole records, and after the last one. */
export interface Damage {
  bytes: number;
  torn: number;
}

/** Bytes that are read at once. */
export const WINDOW = 256 * 1024;

/**
 * The whole records of a file between two positions. A group is what one read gave, so that the caller can do other work before the next.
 * Damaged bytes are counted; `torn` are those after the last whole record.
 */
export function* recordsOf(
  file: Pick<GrowingFile, 'read'>,
  { from, to, salt, damage }: { readonly from: number; readonly to: number; readonly salt: number; damage: Damage },
): Generator<Iterable<GossipRecord>> {
  const bytes = new Uint8Array(WINDOW);
  /** Where the window stands in the file, how much it holds, and where the next record stands in it. */
  let [start, held, at] = [from, 0, 0];
  function* group(): Generator<GossipRecord> {
    // A record may begin anywhere before, and end with the window, unless the file ends there.
    const last = start + held >= to ? held : held - FRAME - MAX_BODY;
    while (at < last) {
      const length = recordAt(bytes, at, held, salt);
      if (length === undefined) {
        damage.torn++;
        at++;
        continue;
      }
      damage.bytes += damage.torn;
      damage.torn = 0;
      const whole = bytes.subarray(at, at + length);
      const record = { position: start + at, kind: bytes[at + 6] ?? 0, body: whole.subarray(FRAME), whole };
      at += length;
      yield record;
    }
  }
  while (start + at < to) {
    bytes.copyWithin(0, at, held);
    [start, held, at] = [start + at, held - at, 0];
    const wanted = bytes.subarray(held, held + Math.min(WINDOW - held, to - start - held));
    const read = file.read(start + held, wanted);
    held += read;
    // Shorter than the system said: what is missing is torn off.
    if (read < wanted.length) to = start + held;
    yield group();
  }
}
