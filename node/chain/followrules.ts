/**
 * Following a chain, as a pure function: given what the chain has at the height of our top and just above it, which block to
 * disconnect or connect next. Invariant: the events so far, replayed, always lead to one branch of the chain.
 */
import type { Block, BlockRef, ChainEvent } from '../ports/ports.ts';

/** How many blocks are remembered, to find the fork point of a reorg. Two days; the longest reorg on mainnet was 53. */
export const rememberedBlocks = 288;

/** The branch that is followed, lowest block first, its top last: at least one block, at most `rememberedBlocks`. */
export interface Branch {
  readonly below: readonly BlockRef[];
  readonly top: BlockRef;
  /** The height at which the node began: it applied the blocks above this one. Undefined once that block is no longer remembered. */
  readonly birth: number | undefined;
}

/** The chain around our top: its hash at that height, and its block one higher, if any. */
export interface ChainView {
  readonly here: string | undefined;
  readonly above: Block | undefined;
  /** The chain's tip, if it is below our top, and whether the chain has invalidated our top: see Chain.isInvalidated. */
  readonly end?: { readonly tip: BlockRef; readonly isInvalidated: boolean };
  /** The block that becomes the top when our top, the lowest that is remembered, is disconnected. */
  readonly under?: BlockRef | undefined;
}

export type FollowMove =
  /** Connect or disconnect a block, then look again. */
  | { readonly do: 'apply'; readonly event: ChainEvent }
  /** A reorg removed the block at which the node began. No listener applied that block, so there is no event: the node begins lower. */
  | { readonly do: 'move_birth'; readonly left: BlockRef }
  /** The chain changed between two calls: look again. */
  | { readonly do: 'look' }
  /** Our top is the chain's tip: wait for a block. */
  | { readonly do: 'wait' }
  /** The chain's tip is below our top, on our branch as far as is known: wait until it has our blocks (again). */
  | { readonly do: 'behind'; readonly tip: BlockRef }
  /** The chain has none of the remembered blocks any more: only a rescan can help. */
  | { readonly do: 'give_up'; readonly height: number };

/** Whether a chain that ends at `tip`, below our top, may still be our branch. */
const mayBeBehind = ({ below }: Branch, tip: BlockRef): boolean => {
  const ours = below.find(({ height }) => height === tip.height);
  return ours === undefined || ours.hash === tip.hash;
};

/** Disconnects a top that is no longer in the chain. */
const disconnectTop = (branch: Branch, under: BlockRef | undefined): readonly [Branch, FollowMove] => {
  const { below, top, birth } = branch;
  const previous = below.at(-1) ?? under;
  if (previous === undefined) return [branch, { do: 'give_up', height: top.height }];
  if (top.height === birth)
    return [
      { below: [], top: previous, birth: previous.height },
      { do: 'move_birth', left: top },
    ];
  const event = { event: 'disconnected', height: top.height, hash: top.hash } as const;
  return [
    { below: below.slice(0, -1), top: previous, birth },
    { do: 'apply', event },
  ];
};

/** The next move from a branch, and the branch after it. */
export const follow = (branch: Branch, { here, above, end, under }: ChainView): readonly [Branch, FollowMove] => {
  const { below, top } = branch;
  if (end !== undefined && here === undefined && !end.isInvalidated) {
    if (end.tip.height >= top.height) return [branch, { do: 'look' }];
    if (mayBeBehind(branch, end.tip)) return [branch, { do: 'behind', tip: end.tip }];
  }
  if (here !== top.hash) return disconnectTop(branch, under);
  if (above === undefined) return [branch, { do: 'wait' }];
  if (above.previous !== top.hash || above.height !== top.height + 1) return [branch, { do: 'look' }];
  return [
    { ...branch, below: [...below, top].slice(1 - rememberedBlocks), top: { height: above.height, hash: above.hash } },
    { do: 'apply', event: { event: 'connected', block: above } },
  ];
};
