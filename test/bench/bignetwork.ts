/**
 * A network of the real one's size for benches: the file named by AMPERE_GOSSMAP (GOSSMAP_COMPRESSv1), or without one as many channels
 * made from a seed, whose nodes are the better connected the lower their number, with capacities and fees spread as widely.
 */
import { readFileSync } from 'node:fs';
import { CompactGraph } from '../../node/graph/compact.ts';
import { Connection } from '../../node/graph/connection.ts';
import { type GraphFile, readGossmap } from '../../node/graph/gossmap.ts';
import { Search } from '../../node/graph/search.ts';
import { unhex } from '../../wire/bytes.ts';
import { type Point, point, scidOf } from '../../wire/units.ts';

/** When its policies were announced, in Unix seconds. */
export const ANNOUNCED = 1_770_000_000;

/** The same numbers from 0 to below 1 for the same seed (xorshift). */
export const random = (seed: number): (() => number) => {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
};

const made = (): GraphFile => {
  const [nodes, channels, next] = [17_324, 50_808, random(7)];
  const each = (count: number, value: () => number) => Float64Array.from({ length: count }, value);
  const one = <T>(values: readonly T[], otherwise: T): T => values[Math.floor(next() * values.length)] ?? otherwise;
  const start = new Uint32Array(channels);
  const end = new Uint32Array(channels);
  for (let n = 0; n < channels; n++) {
    // Every node has one channel; the rest lie where many are already.
    const node = n < nodes - 1 ? n + 1 : Math.floor(nodes * next() ** 3);
    start[n] = node;
    end[n] = Math.floor(Math.max(1, node) * next() ** 4);
    if (start[n] === end[n]) start[n] = node + 1;
  }
  const capacity = each(channels, () => Math.floor(20_000 * 50_000 ** (next() * next())));
  const directions = 2 * channels;
  return {
    ...{
      nodes,
      channels,
      start,
      end,
      capacity,
      disabled: Uint8Array.from({ length: directions }, () => (next() < 0.35 ? 1 : 0)),
    },
    htlcMinimum: each(directions, () => one([0, 1, 1000], 1)),
    htlcMaximum: Float64Array.from({ length: directions }, (_, at) => Math.floor((capacity[at >> 1] ?? 0) * 990)),
    feeBase: each(directions, () => one([0, 0, 1000], 0)),
    feeProportional: each(directions, () => Math.floor(5000 * next() ** 4)),
    cltvDelta: each(directions, () => one([34, 40, 80, 144], 40)),
  };
};

/** Nodes have numbers alone: this is the id of one. */
export const idOfNode = (node: number): string => `02${node.toString(16).padStart(64, '0')}`;
export const pointOfNode = (node: number): Point => point(unhex(idOfNode(node)));

/** What is in the file, or was made, and the same as numbers for searches. */
export const bigNetwork = () => {
  const path = process.env.AMPERE_GOSSMAP;
  const file = path === undefined ? made() : readGossmap(readFileSync(path));
  const compact = new CompactGraph();
  const at = (values: Float64Array, direction: number): bigint => BigInt(values[direction] ?? 0);
  for (let n = 0; n < file.channels; n++) {
    const policy = (direction: number) => ({
      ...{ timestamp: ANNOUNCED, cltvExpiryDelta: file.cltvDelta[direction] ?? 0 },
      ...{ htlcMinimum: at(file.htlcMinimum, direction), htlcMaximum: at(file.htlcMaximum, direction) },
      ...{ feeBase: at(file.feeBase, direction), feeProportional: file.feeProportional[direction] ?? 0 },
      disabled: file.disabled[direction] === 1,
    });
    compact.add(
      {
        scid: scidOf(n >> 8, n & 0xff, 0),
        nodes: [idOfNode(file.start[n] ?? 0), idOfNode(file.end[n] ?? 0)],
        capacity: BigInt(file.capacity[n] ?? 0),
        policies: [policy(2 * n), policy(2 * n + 1)],
      },
      () => false,
    );
  }
  return {
    file,
    compact,
    search: new Search(compact),
    connection: new Connection(compact),
    name: path === undefined ? 'made from a seed' : 'from AMPERE_GOSSMAP',
  };
};
