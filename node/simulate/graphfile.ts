/**
 * A network from a file of a path: what it is like is told by its first bytes. Two formats are known, GOSSMAP_COMPRESSv1 and the JSON
 * of lnd's describegraph.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { type GraphFile, GraphFileError, readGossmap } from '../graph/gossmap.ts';
import { MOST_CAPACITY, type ReadGraph, readDescribeGraph } from './describegraph.ts';

/** Most bytes of a file. */
const MOST_BYTES = 2 ** 31;
const PIECE = 1024 * 1024;

/** The pieces of an open file, from its beginning. Throws GraphFileError for one that is too large. */
function* piecesOf(file: number, most: number): Generator<Uint8Array> {
  for (let at = 0; ; ) {
    const piece = new Uint8Array(PIECE);
    const length = readSync(file, piece, 0, PIECE, at);
    if (length === 0) return;
    at += length;
    if (at > most) throw new GraphFileError('file', `at most ${most} bytes`);
    yield piece.subarray(0, length);
  }
}

/** The channels of a file between two nodes that have a capacity; the others are counted. Throws GraphFileError. */
export const withoutEmpty = (file: GraphFile): ReadGraph => {
  const kept: number[] = [];
  let [loops, empty] = [0, 0];
  for (let channel = 0; channel < file.channels; channel++) {
    const capacity = file.capacity[channel] ?? 0;
    if (capacity > MOST_CAPACITY)
      throw new GraphFileError('capacities', `at most ${MOST_CAPACITY} sat, got ${capacity}`);
    if (file.start[channel] === file.end[channel]) loops++;
    else if (capacity === 0) empty++;
    else kept.push(channel);
  }
  const notes = { loops, empty, repeated: 0, unlisted: 0 };
  if (kept.length === file.channels) return { graph: file, notes };
  const directions = kept.flatMap((channel) => [2 * channel, 2 * channel + 1]);
  const ofChannels = (array: ArrayLike<number>) => kept.map((channel) => array[channel] ?? 0);
  const ofDirections = (array: ArrayLike<number>) =>
    Float64Array.from(directions, (direction) => array[direction] ?? 0);
  const graph = {
    ...{ nodes: file.nodes, channels: kept.length, disabled: Uint8Array.from(ofDirections(file.disabled)) },
    ...{ start: Uint32Array.from(ofChannels(file.start)), end: Uint32Array.from(ofChannels(file.end)) },
    capacity: Float64Array.from(ofChannels(file.capacity)),
    ...{ htlcMinimum: ofDirections(file.htlcMinimum), htlcMaximum: ofDirections(file.htlcMaximum) },
    ...{ feeBase: ofDirections(file.feeBase), feeProportional: ofDirections(file.feeProportional) },
    cltvDelta: ofDirections(file.cltvDelta),
  };
  return { graph, notes };
};

const joined = (pieces: Iterable<Uint8Array>): Uint8Array => Buffer.concat([...pieces]);

/** Most bytes of a GOSSMAP_COMPRESSv1 file, which is read as a whole. */
const MOST_GOSSMAP = 256 * 1024 * 1024;

const readOpen = (file: number): ReadGraph => {
  const first = new Uint8Array(64);
  const text = Buffer.from(first.subarray(0, readSync(file, first, 0, first.length, 0))).toString('latin1');
  if (text.startsWith('\x1f\x8b') || text.startsWith('GOSSMAP'))
    return withoutEmpty(readGossmap(joined(piecesOf(file, MOST_GOSSMAP))));
  if (text.trimStart().startsWith('{')) return readDescribeGraph(piecesOf(file, MOST_BYTES));
  throw new GraphFileError('file', 'GOSSMAP_COMPRESSv1, compressed or not, or the JSON of describegraph');
};

/** Reads the network in the file at `path`. Throws GraphFileError, which names the file. */
export const readGraphFile = (path: string): ReadGraph => {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return readOpen(file);
  } catch (error) {
    if (error instanceof GraphFileError) throw error.of(path);
    const code = error instanceof Error && 'code' in error ? error.code : String(error);
    throw new GraphFileError('file', `a file that can be read (${code})`).of(path);
  } finally {
    if (file !== undefined) closeSync(file);
  }
};
