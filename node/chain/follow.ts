/**
 * Following a chain, as a pure function: given what the chain has at our height and just above, which block to take away
 * or to add next. Invariant: the events told so far, replayed, always spell one branch of the chain.
 */
import type { Block, BlockRef, ChainEvent } from '../ports/ports.ts';

/** How many blocks are remembered to find the way back from a lost branch. Two days; the longest reorg on mainnet was 53. */
export const rememberedBlocks = 288;

/** The branch we stand on, lowest first, its top last: at least one block, at most `rememberedBlocks`. */
export interface Branch {
  readonly below: readonly BlockRef[];
  readonly top: BlockRef;
  /** The height where the node began: it was told the blocks above. Undefined where nobody remembers. */
  readonly birth: number | undefined;
}

/** What the chain showed when asked around our top: its own hash at that height, and its block one higher, if any. */
export interface ChainView {
  readonly here: string | undefined;
  readonly above: Block | undefined;
  /** Where the chain ends, if that is below our top, and whether it will not have our top again: see Chain.isInvalidated. */
  readonly end?: { readonly tip: BlockRef; readonly isInvalidated: boolean };
  /** The block to stand on when our top, the lowest that is remembered, is left. */
  readonly under?: BlockRef | undefined;
}

export type FollowMove =
  /** Take or leave a block, then look again. */
  | { readonly do: 'tell'; readonly event: ChainEvent }
  /** The block where the node began is left: nobody was told of it. */
  | { readonly do: 'sink'; readonly left: BlockRef }
  /** The chain moved between two questions: look again. */
  | { readonly do: 'look' }
  /** We stand at the tip. */
  | { readonly do: 'wait' }
  /** The chain ends below our top, on our branch as far as is known: its blocks come, or come back. */
  | { readonly do: 'lag'; readonly tip: BlockRef }
  /** The branch was lost from its lowest remembered block on: only a rescan can help. */
  | { readonly do: 'give_up'; readonly height: number };

/** Whether a chain that ends at `tip`, below our top, may still be our branch. */
const mayBeBehind = ({ below }: Branch, tip: BlockRef): boolean => {
  const ours = below.find(({ height }) => height === tip.height);
  return ours === undefined || ours.hash === tip.hash;
};

/** Steps back from a top that the chain has left. */
const disconnectTop = (branch: Branch, under: BlockRef | undefined): readonly [Branch, FollowMove] => {
  const { below, top, birth } = branch;
  const previous = below.at(-1) ?? under;
  if (previous === undefined) return [branch, { do: 'give_up', height: top.height }];
  if (top.height === birth)
    return [
      { below: [], top: previous, birth: previous.height },
      { do: 'sink', left: top },
    ];
  const event = { event: 'disconnected', height: top.height, hash: top.hash } as const;
  return [
    { below: below.slice(0, -1), top: previous, birth },
    { do: 'tell', event },
  ];
};

/** The next move from a branch, and the branch after it. */
export const follow = (branch: Branch, { here, above, end, under }: ChainView): readonly [Branch, FollowMove] => {
  const { below, top } = branch;
  if (end !== undefined && here === undefined && !end.isInvalidated) {
    if (end.tip.height >= top.height) return [branch, { do: 'look' }];
    if (mayBeBehind(branch, end.tip)) return [branch, { do: 'lag', tip: end.tip }];
  }
  if (here !== top.hash) return disconnectTop(branch, under);
  if (above === undefined) return [branch, { do: 'wait' }];
  if (above.previous !== top.hash || above.height !== top.height + 1) return [branch, { do: 'look' }];
  return [
    { ...branch, below: [...below, top].slice(1 - rememberedBlocks), top: { height: above.height, hash: above.hash } },
    { do: 'tell', event: { event: 'connected', block: above } },
  ];
};
