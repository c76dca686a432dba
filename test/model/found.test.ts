/** Runs in which the model once found something lost, made as small as they go. */
import { test, vi } from 'vitest';
import type { Move, RunWish } from './moves.ts';
import { runModel } from './run.ts';

vi.mock('../../node/peer/secure.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/backup/file.ts', () => import('./files.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./keys.ts')).remembering(await real()));

interface Found {
  readonly title: string;
  readonly wish: RunWish;
  readonly moves: readonly Move[];
}

const plain: RunWish = { funders: [0, 0], anchors: false, wayward: undefined };

const pay = { do: 'pay', from: 0, to: 0, scheme: 'single', shards: 1, twist: 'none' } as const;
const kill = { do: 'kill', lose: false, torn: 0, back: true } as const;
/** Of the writes that could be next, the first commit of the first node that has one. */
const write: Move = { do: 'run', picks: [160 << 8] };
/** All that is said on a link, but for preimages. */
const talk = (link: number): Move => ({ do: 'alone', link, steps: 40, hush: true });
const fee = (feerate: number): Move => ({ do: 'fee', feerate });

const found: readonly Found[] = [
  {
    title: 'a payment that was noted, and the node died before its machine was, fails',
    wish: plain,
    moves: [{ ...pay, amount: { msat: 400_000n } }, write, { ...kill, node: 0 }],
  },
  {
    title: 'a feerate that was signed is not too low for what the chain asks when it arrives',
    wish: plain,
    moves: [fee(253), fee(2540)],
  },
  {
    title: 'nor for what it asks when the fundee comes back',
    wish: plain,
    moves: [fee(253), { ...kill, node: 1, back: false }, fee(2540), { do: 'start', node: 1 }],
  },
  {
    title: 'what a payee that slept too long thinks of its HTLC is of no account',
    wish: { ...plain, wayward: 2 },
    moves: [{ ...pay, to: 1, amount: { msat: 20_000_000n } }, talk(0), talk(1), { do: 'sleep', after: 1 }],
  },
];

for (const { title, wish, moves } of found) test(title, () => runModel(wish, moves));
