/** Labs by their shape: which nodes there are, and which channels. */
import { LabError } from './laberror.ts';
import { mostNodes } from './labfile.ts';

/** Names of nodes, each with an initial of its own. */
export const names: readonly string[] = [
  ...['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy', 'kate', 'leo', 'mallory'],
  ...[
    'nina',
    'oscar',
    'peggy',
    'quinn',
    'rupert',
    'sybil',
    'trent',
    'ursula',
    'victor',
    'walter',
    'xenia',
    'yves',
    'zoe',
  ],
];

/** Satoshi of a channel and of what the other side has of it at the beginning, unless told. */
export const defaultCapacity = 1_000_000n;

export interface PlannedNode {
  readonly name: string;
  readonly kind: 'ampere' | 'lnd';
  /** Options of `ampere start`, or of lnd. */
  readonly flags: readonly string[];
}

export interface PlannedChannel {
  readonly from: string;
  readonly to: string;
  readonly capacity_sat: bigint;
  readonly push_sat: bigint;
  readonly fee_base_msat?: number;
  readonly fee_ppm?: number;
}

/** What a lab is to be. */
export interface LabPlan {
  readonly shape: string;
  readonly nodes: readonly PlannedNode[];
  readonly channels: readonly PlannedChannel[];
}

type Edge = readonly [from: number, to: number];

/** The channels of each shape, as numbers of nodes. */
const edgesOf = {
  line: (count: number): readonly Edge[] => Array.from({ length: count - 1 }, (_, i) => [i, i + 1]),
  ring: (count: number): readonly Edge[] => Array.from({ length: count }, (_, i) => [i, (i + 1) % count]),
  star: (count: number): readonly Edge[] => Array.from({ length: count - 1 }, (_, i) => [0, i + 1]),
  /** From the first to the last over each of the others. */
  diamond: (count: number): readonly Edge[] =>
    Array.from({ length: count - 2 }, (_, i): readonly Edge[] => [
      [0, i + 1],
      [i + 1, count - 1],
    ]).flat(),
} as const;

export type ShapeName = keyof typeof edgesOf;
const fewest: Readonly<Record<ShapeName, number>> = { line: 2, ring: 3, star: 2, diamond: 3 };

/** The names of the shapes. */
export const shapeNames = Object.keys(edgesOf) as readonly ShapeName[];

export const isShape = (word: string): word is ShapeName => Object.hasOwn(edgesOf, word);

/** A channel that both sides can pay over from the beginning. */
export const balanced = (from: string, to: string): PlannedChannel => ({
  ...{ from, to },
  capacity_sat: defaultCapacity,
  push_sat: defaultCapacity / 2n,
});

/** A lab of this shape. Throws LabError `bad_argument` for a number of nodes that it cannot have. */
export const planOfShape = (shape: ShapeName, count: number): LabPlan => {
  const least = fewest[shape];
  if (!Number.isInteger(count) || count < least || count > mostNodes) {
    const expected = `from ${least} to ${mostNodes} in a ${shape}`;
    throw new LabError({ code: 'bad_argument', field: 'nodes', expected }, `--nodes: expected ${expected}`);
  }
  const used = names.slice(0, count);
  return {
    shape,
    nodes: used.map((name) => ({ name, kind: 'ampere', flags: [] })),
    channels: edgesOf[shape](count).map(([from, to]) => balanced(used[from] ?? '', used[to] ?? '')),
  };
};

/** The lab with an lnd in it, which has a channel with the first node and one with the last. */
export const withLnd = (plan: LabPlan): LabPlan => {
  if (plan.nodes.some(({ kind }) => kind === 'lnd')) return plan;
  const name = 'lnd';
  const ends = [...new Set([plan.nodes.at(0)?.name ?? '', plan.nodes.at(-1)?.name ?? ''])];
  return {
    ...plan,
    nodes: [...plan.nodes, { name, kind: 'lnd', flags: [] }],
    channels: [...plan.channels, ...ends.map((end) => balanced(end, name))],
  };
};
