/**
 * Following a chain, as a pure function: given what the chain has at our height and just above, which block to take away
 * or to add next. Invariant: the events told so far, replayed, always spell one branch of the chain.
 */
import type { Block, BlockRef, ChainEvent } from '../ports.ts';

/** How many blocks are remembered to find the way back from a lost branch. Two days; the longest reorg on mainnet was 53. */
export const rememberedBlocks = 288;

/** The branch we stand on, lowest first, its top last: at least one block, at most `rememberedBlocks`. */
export interface Branch {
  readonly below: readonly BlockRef[];
  readonly top: BlockRef;
}

/** What the chain showed when asked around our top: its own hash at that height, and its block one higher, if any. */
export interface View {
  readonly here: string | undefined;
  readonly above: Block | undefined;
}

export type Move =
  /** Take or leave a block, then look again. */
  | { readonly do: 'tell'; readonly event: ChainEvent }
  /** The chain moved between two questions: look again. */
  | { readonly do: 'look' }
  /** We stand at the tip. */
  | { readonly do: 'wait' }
  /** The branch was lost from its lowest remembered block on: only a rescan can help. */
  | { readonly do: 'give_up'; readonly height: number };

/** The next move from a branch, and the branch after it. */
export const follow = (branch: Branch, view: View): readonly [Branch, Move] => {
  const { below, top } = branch;
  if (view.here !== top.hash) {
    const previous = below.at(-1);
    if (previous === undefined) return [branch, { do: 'give_up', height: top.height }];
    const event = { event: 'disconnected', height: top.height, hash: top.hash } as const;
    return [
      { below: below.slice(0, -1), top: previous },
      { do: 'tell', event },
    ];
  }
  const { above } = view;
  if (above === undefined) return [branch, { do: 'wait' }];
  if (above.previous !== top.hash || above.height !== top.height + 1) return [branch, { do: 'look' }];
  return [
    { below: [...below, top].slice(1 - rememberedBlocks), top: { height: above.height, hash: above.hash } },
    { do: 'tell', event: { event: 'connected', block: above } },
  ];
};
