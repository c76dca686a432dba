/** Runs in which the model once found something lost, made as small as they go. */
import type { BaseWish } from './base.ts';
import type { Move } from './moves.ts';

interface Found {
  readonly title: string;
  readonly wish: BaseWish;
  readonly moves: readonly Move[];
}

const plain: BaseWish = { funders: [0, 0], anchors: false };

const pay = { do: 'pay', from: 0, to: 0, scheme: 'single', shards: 1, twist: 'none' } as const;
const kill = { do: 'kill', lose: false, back: true } as const;

export const found: readonly Found[] = [
  {
    title: 'a payment that was noted, and the node died before its machine was, fails',
    wish: plain,
    moves: [
      { ...pay, amount: { msat: 400_000n } },
      // Of alice's commits the first is written.
      { do: 'run', picks: [160 << 8] },
      { ...kill, node: 0 },
    ],
  },
];
