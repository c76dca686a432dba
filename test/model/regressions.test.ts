/** Runs in which the model once found a violation, made as small as they go. */
import { test, vi } from 'vitest';
import type { Move, RunOptions } from './moves.ts';
import { runModel } from './run.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./stubs/plaintransport.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./stubs/seed.ts'));
vi.mock('../../node/backup/file.ts', () => import('./stubs/backupfile.ts'));
vi.mock('../../node/base/disk.ts', () => import('./stubs/diskspace.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./stubs/keycache.ts')).remembering(await real()));

interface Found {
  readonly title: string;
  readonly options: RunOptions;
  readonly moves: readonly Move[];
}

const plain: RunOptions = { funders: [0, 0], anchors: false, faulty: undefined };

const pay = { do: 'pay', from: 0, to: 0, scheme: 'single', shards: 1, twist: 'none' } as const;
const kill = { do: 'kill', lose: false, torn: 0, back: true } as const;
/** Of the writes that could be next, the first commit of the first node that has one. */
const write: Move = { do: 'schedule', picks: [160 << 8] };
/** All that is said on a link, but for preimages. */
const talk = (link: number): Move => ({ do: 'deliverOnLink', link, steps: 40, withoutPreimages: true });
const fee = (feerate: number): Move => ({ do: 'setFeerate', feerate });

const settle: Move = { do: 'settle' };
const mine = (blocks: number): Move => ({ do: 'mine', blocks, empty: false, rivals: false });
/** On the right link. */
const alone = (steps: number): Move => ({ do: 'deliverOnLink', link: 1, steps, withoutPreimages: true });
const negotiateClosingFee = { do: 'negotiateClosingFee', link: 0, side: 1, range: 'none', rounds: 100 } as const;
/** A payer on the right learns the preimage and then does not respond until the HTLC has expired. */
const unresponsivePayer: readonly Move[] = [
  { do: 'stopResponding', link: 1, side: 1, at: 'revoke_and_ack' },
  { ...pay, from: 2, to: 1, amount: { msat: 50_000_000n } },
  alone(5),
  { do: 'respondAgain' },
  alone(2),
  { do: 'stopResponding', link: 1, side: 1, at: 'commitment_signed' },
  settle,
  mine(30),
  { do: 'respondAgain' },
];

const found: readonly Found[] = [
  {
    title: 'a payment whose request was saved, but not its state before a power cut, fails',
    options: plain,
    moves: [{ ...pay, amount: { msat: 400_000n } }, write, { ...kill, node: 0 }],
  },
  {
    title: 'the feerate of an update_fee is not too low for the chain when its commitment is signed',
    options: plain,
    moves: [fee(253), fee(2540)],
  },
  {
    title: 'the feerate of an update_fee is not too low for the chain when the fundee is back after a power cut',
    options: plain,
    moves: [fee(253), { ...kill, node: 1, back: false }, fee(2540), { do: 'start', node: 1 }],
  },
  {
    title: 'a payee that was offline past the expiry of its HTLC changes nothing for the other nodes',
    options: { ...plain, faulty: 2 },
    moves: [{ ...pay, to: 1, amount: { msat: 20_000_000n } }, talk(0), talk(1), { do: 'offline', after: 1 }],
  },
  {
    title:
      'an HTLC that an unresponsive peer leaves uncommitted is failed back before its incoming channel is force closed',
    options: { ...plain, anchors: true, faulty: 2 },
    moves: [
      { do: 'stopResponding', link: 1, side: 1, at: 'revoke_and_ack' },
      fee(2000),
      settle,
      { ...pay, to: 1, amount: { msat: 50_000_000n } },
      settle,
      mine(2),
    ],
  },
  {
    title:
      'an HTLC that an unresponsive peer left uncommitted is not committed when the peer responds after its expiry',
    options: { ...plain, faulty: 2 },
    moves: [
      { do: 'stopResponding', link: 1, side: 1, at: 'revoke_and_ack' },
      fee(2000),
      settle,
      { ...pay, from: 1, to: 0, amount: { msat: 50_000_000n } },
      settle,
      mine(50),
      { do: 'respondAgain' },
      settle,
    ],
  },
  {
    title: 'a shutdown that the peer does not answer ends in a force close',
    options: { ...plain, faulty: 2 },
    moves: [{ do: 'stopResponding', link: 1, side: 1, at: 'shutdown' }, { do: 'close', link: 1, side: 0 }, settle],
  },
  {
    title:
      'the payer of a mutual close pays no excessive fee when its peer proposes ever lower ones from a very high one',
    options: { ...plain, anchors: true, faulty: 1 },
    moves: [{ ...negotiateClosingFee, manner: 'greedy' }, { do: 'close', link: 0, side: 0 }, settle, mine(2)],
  },
  {
    title: 'a mutual close with a fee too low to be relayed gives way to a force close',
    options: { ...plain, anchors: true, faulty: 1 },
    moves: [{ ...negotiateClosingFee, manner: 'stingy' }, { do: 'close', link: 0, side: 0 }, settle, mine(2)],
  },
  {
    title: 'a mutual close that fee increases keep from being relayed gives way to the commitment transaction',
    options: { ...plain, anchors: true },
    moves: [
      { do: 'close', link: 0, side: 0 },
      settle,
      { do: 'raiseFeerate', feerate: 5000, relayed: false },
      { do: 'refuseClosings' },
      mine(2),
    ],
  },
  {
    title: 'an HTLC output not worth claiming is failed back before its incoming channel is force closed',
    options: { ...plain, anchors: true, faulty: 2 },
    moves: [
      { ...pay, to: 1, amount: { msat: 1_500_000n } },
      talk(0),
      talk(1),
      { do: 'stopResponding', link: 1, side: 1, at: 'anything' },
      settle,
      { do: 'raiseFeerate', feerate: 4000, relayed: false },
      mine(110),
      fee(300),
    ],
  },
  {
    title: 'an HTLC claim that is evicted from the mempool before each block is mined all the same',
    options: { ...plain, anchors: true, faulty: 2 },
    moves: [
      { ...pay, to: 1, amount: { msat: 50_000_000n } },
      talk(0),
      talk(1),
      { do: 'stopResponding', link: 1, side: 1, at: 'anything' },
      settle,
      mine(38),
      { do: 'evictHtlcClaims', blocks: 100 },
    ],
  },
  {
    title: 'a payee with an empty wallet, which could not pay for its HTLC claim, does not reveal the preimage',
    options: { funders: [0, 1], anchors: true, faulty: 2, emptyWallet: 1 },
    moves: unresponsivePayer,
  },
  {
    title: 'a payee with coins to pay for its HTLC claim gets what it was paid though its peer does not respond',
    options: { funders: [0, 1], anchors: true, faulty: 2 },
    moves: unresponsivePayer,
  },
];

for (const { title, options, moves } of found) test(title, () => runModel(options, moves));
