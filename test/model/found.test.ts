/** Runs in which the model once found something lost, made as small as they go. */
import { test, vi } from 'vitest';
import type { Move, RunWish } from './moves.ts';
import { runModel } from './run.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/backup/file.ts', () => import('./files.ts'));
vi.mock('../../node/base/disk.ts', () => import('./roomydisk.ts'));
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

const settle: Move = { do: 'settle' };
const mine = (blocks: number): Move => ({ do: 'mine', blocks, empty: false, rivals: false });
/** On the right link. */
const alone = (steps: number): Move => ({ do: 'alone', link: 1, steps, hush: true });
const haggle = { do: 'haggle', link: 0, side: 1, range: 'none', rounds: 100 } as const;
/** Everything that a payer on the right falls asleep over, its preimage learned. */
const robbed: readonly Move[] = [
  { do: 'doze', link: 1, side: 1, at: 'revoke_and_ack' },
  { ...pay, from: 2, to: 1, amount: { msat: 50_000_000n } },
  alone(5),
  { do: 'wake' },
  alone(2),
  { do: 'doze', link: 1, side: 1, at: 'commitment_signed' },
  settle,
  mine(30),
  { do: 'wake' },
];

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
  {
    title: 'an HTLC that a sleeping peer leaves unsigned goes back before it costs a channel that is awake',
    wish: { ...plain, anchors: true, wayward: 2 },
    moves: [
      { do: 'doze', link: 1, side: 1, at: 'revoke_and_ack' },
      fee(2000),
      settle,
      { ...pay, to: 1, amount: { msat: 50_000_000n } },
      settle,
      mine(2),
    ],
  },
  {
    title: 'what a sleeping peer left unsigned is not signed when it wakes after its expiry',
    wish: { ...plain, wayward: 2 },
    moves: [
      { do: 'doze', link: 1, side: 1, at: 'revoke_and_ack' },
      fee(2000),
      settle,
      { ...pay, from: 1, to: 0, amount: { msat: 50_000_000n } },
      settle,
      mine(50),
      { do: 'wake' },
      settle,
    ],
  },
  {
    title: 'a close that a sleeping peer does not answer ends on the chain',
    wish: { ...plain, wayward: 2 },
    moves: [{ do: 'doze', link: 1, side: 1, at: 'shutdown' }, { do: 'close', link: 1, side: 0 }, settle],
  },
  {
    title: 'a closing costs who pays for it no more than it should, from however much its peer comes down',
    wish: { ...plain, anchors: true, wayward: 1 },
    moves: [{ ...haggle, manner: 'greedy' }, { do: 'close', link: 0, side: 0 }, settle, mine(2)],
  },
  {
    title: 'a closing for next to nothing, which nobody relays, keeps no channel from the chain',
    wish: { ...plain, anchors: true, wayward: 1 },
    moves: [{ ...haggle, manner: 'stingy' }, { do: 'close', link: 0, side: 0 }, settle, mine(2)],
  },
  {
    title: 'a closing that was agreed in cheaper times and is relayed no more gives way to the commitment',
    wish: { ...plain, anchors: true },
    moves: [
      { do: 'close', link: 0, side: 0 },
      settle,
      { do: 'raise', feerate: 5000, relayed: false },
      { do: 'ban' },
      mine(2),
    ],
  },
  {
    title:
      'an HTLC that is not worth its claim goes back before it costs another channel, though nobody takes its output',
    wish: { ...plain, anchors: true, wayward: 2 },
    moves: [
      { ...pay, to: 1, amount: { msat: 1_500_000n } },
      talk(0),
      talk(1),
      { do: 'doze', link: 1, side: 1, at: 'anything' },
      settle,
      { do: 'raise', feerate: 4000, relayed: false },
      mine(110),
      fee(300),
    ],
  },
  {
    title: 'a claim that the mempool is made to forget, block after block, gets into one all the same',
    wish: { ...plain, anchors: true, wayward: 2 },
    moves: [
      { ...pay, to: 1, amount: { msat: 50_000_000n } },
      talk(0),
      talk(1),
      { do: 'doze', link: 1, side: 1, at: 'anything' },
      settle,
      mine(38),
      { do: 'cycle', blocks: 100 },
    ],
  },
  {
    title: 'a payee with no coins for its claim does not tell the preimage',
    wish: { funders: [0, 1], anchors: true, wayward: 2, poor: 1 },
    moves: robbed,
  },
  {
    title: 'a payee with coins for its claim has what it was paid',
    wish: { funders: [0, 1], anchors: true, wayward: 2 },
    moves: robbed,
  },
];

for (const { title, wish, moves } of found) test(title, () => runModel(wish, moves));
