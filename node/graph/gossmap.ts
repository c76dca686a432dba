/**
 * Reads a graph from a file in the format GOSSMAP_COMPRESSv1, in which Core Lightning's developers publish the real network: channels
 * with their capacities and policies, between nodes that are only numbered. The file may be compressed with gzip.
 */
import { gunzipSync } from 'node:zlib';

const HEADER = 'GOSSMAP_COMPRESSv1\0';
/** Most bytes of a file, without compression. */
const MOST_BYTES = 256 * 1024 * 1024;
/** Most channels of a file: the real network has fifty thousand. */
export const MOST_CHANNELS = 1_000_000;
/** In the table of htlc_maximum_msat: all of the capacity, and 99 % of it. */
const ALL = 0;
const NEARLY_ALL = 1;

/** A file that is not a graph: `fault.field` names the part, and the message says what was expected. */
export class GraphFileError extends Error {
  override readonly name = 'GraphFileError';
  readonly fault: { readonly code: 'bad_graph_file'; readonly field: string; readonly expected: string };
  constructor(field: string, expected: string, file = 'the graph file') {
    super(`${file}: ${field}: expected ${expected}`);
    this.fault = { code: 'bad_graph_file', field, expected };
  }

  /** The same of a file that has a name. */
  of(file: string): GraphFileError {
    return new GraphFileError(this.fault.field, this.fault.expected, file);
  }
}

/** Channels by number; direction `2 * channel` leads from its start to its end, the next one back. Amounts in msat but for the capacity. */
export interface GraphFile {
  /** One more than the highest number of a node. */
  readonly nodes: number;
  readonly channels: number;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** In sat. */
  readonly capacity: Float64Array;
  /** By direction, 1: disabled. */
  readonly disabled: Uint8Array;
  readonly htlcMinimum: Float64Array;
  readonly htlcMaximum: Float64Array;
  readonly feeBase: Float64Array;
  readonly feeProportional: Float64Array;
  readonly cltvDelta: Float64Array;
}

class Reader {
  private readonly bytes: Buffer;
  private at = HEADER.length;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A BigSize (BOLT 1). Above 2^53 it is not exact, which is far above all that there is. */
  number(field: string): number {
    const { bytes, at } = this;
    const first = bytes[at];
    const length = first === undefined || first < 0xfd ? 1 : first === 0xfd ? 3 : first === 0xfe ? 5 : 9;
    if (first === undefined || at + length > bytes.length)
      throw new GraphFileError(field, `a number at byte ${at}, but the file ends`);
    this.at += length;
    if (length === 1) return first;
    if (length === 3) return bytes.readUInt16BE(at + 1);
    return length === 5 ? bytes.readUInt32BE(at + 1) : Number(bytes.readBigUInt64BE(at + 1));
  }

  /** A table, and so many indexes into it. */
  looked<T extends Uint32Array | Float64Array>(field: string, into: T): T {
    const length = this.number(field);
    if (length > 2 * MOST_CHANNELS) throw new GraphFileError(field, `at most ${2 * MOST_CHANNELS} values`);
    const values: number[] = [];
    for (let i = 0; i < length; i++) values.push(this.number(field));
    for (let i = 0; i < into.length; i++) {
      const value = values[this.number(field)];
      if (value === undefined) throw new GraphFileError(field, `an index below ${length}`);
      into[i] = value;
    }
    return into;
  }
}

const uncompressed = (bytes: Uint8Array): Buffer => {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (raw[0] !== 0x1f || raw[1] !== 0x8b) return raw;
  try {
    return gunzipSync(raw, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new GraphFileError('gzip', `a whole gzip stream of at most ${MOST_BYTES} bytes (${why})`);
  }
};

/** Reads a file. Throws GraphFileError. */
export const readGossmap = (file: Uint8Array): GraphFile => {
  const bytes = uncompressed(file);
  if (bytes.subarray(0, HEADER.length).toString('latin1') !== HEADER)
    throw new GraphFileError('header', 'GOSSMAP_COMPRESSv1 and a zero byte');
  const reader = new Reader(bytes);
  const channels = reader.number('channels');
  if (channels > MOST_CHANNELS) throw new GraphFileError('channels', `at most ${MOST_CHANNELS}, got ${channels}`);
  let nodes = 0;
  const ends = (field: string): Uint32Array =>
    new Uint32Array(channels).map(() => {
      const node = reader.number(field);
      if (node >= 2 * MOST_CHANNELS) throw new GraphFileError(field, `node numbers below ${2 * MOST_CHANNELS}`);
      nodes = Math.max(nodes, node + 1);
      return node;
    });
  const start = ends('start node');
  const end = ends('end node');
  const disabled = new Uint8Array(2 * channels);
  for (;;) {
    const direction = reader.number('disabled');
    if (direction >= 2 * channels) break;
    disabled[direction] = 1;
  }
  const capacity = reader.looked('capacities', new Float64Array(channels));
  const ofDirections = (field: string) => reader.looked(field, new Float64Array(2 * channels));
  const htlcMinimum = ofDirections('htlc_minimum');
  const htlcMaximum = ofDirections('htlc_maximum').map((most, direction) => {
    const all = (capacity[direction >> 1] ?? 0) * 1000;
    if (most === ALL) return all;
    return most === NEARLY_ALL ? Math.floor((all * 99) / 100) : most;
  });
  const [feeBase, feeProportional] = [ofDirections('fee_base'), ofDirections('fee_proportional')];
  const cltvDelta = ofDirections('cltv_delta');
  return {
    ...{ nodes, channels, start, end, capacity, disabled },
    ...{ htlcMinimum, htlcMaximum, feeBase, feeProportional, cltvDelta },
  };
};
