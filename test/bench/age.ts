/**
 * What age costs a channel: bytes written per payment while a channel gets older, what is in memory meanwhile, and how long a node
 * takes to start again after so many payments, and what it then holds in memory. Two whole nodes in this process, on synced disks.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../node/ports/ports.ts';
import { bytesInUse } from '../support/garbage.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import type { Bench } from './harness.ts';

const capacity = 16_000_000n;
const amount = 1_000_000n;
const callers = 100;
/** Payments in all; 100,000 take some ten minutes. */
const payments = Number(process.env['AMPERE_BENCH_PAYMENTS'] ?? 10_000);
/** How many of the payments at each age are measured. */
const sample = 200;
/** Payments one way before as many go the other. */
const turn = 2_500;

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
};

const isUp = async ({ call }: LocalNode): Promise<boolean> =>
  (await call('listpeerchannels', {})).channels.some(
    ({ state, reestablished }) => state === 'CHANNELD_NORMAL' && reestablished === true,
  );

/** Mines, and waits until both nodes stand at the same height: a payee ahead of its payer finds expiries too near. */
const mine = async (ground: Ground, blocks: number, nodes: readonly LocalNode[]): Promise<void> => {
  ground.mine(blocks);
  const { height } = ground.regtest.ledger.tip;
  await until(async () => nodes.every(({ node }) => node.follower.top.height === height));
};

/** Spontaneous payments, so many at once. */
const pay = async (from: LocalNode, to: LocalNode, count: number): Promise<void> => {
  let left = count;
  await Promise.all(
    Array.from({ length: Math.min(callers, count) }, async () => {
      while (left-- > 0)
        await from.call('keysend', { destination: to.id, amount_msat: amount, scheme: 'fixed', shards: 1 });
    }),
  );
};

/** As many payments there as back, so that the balances stay where they are. */
const payBothWays = async (one: LocalNode, other: LocalNode, count: number): Promise<void> => {
  for (let left = count; left > 0; left -= 2 * turn) {
    const half = Math.ceil(Math.min(left, 2 * turn) / 2);
    await pay(one, other, half);
    await pay(other, one, half);
  }
};

/** Keeps nothing: what is in memory is the nodes'. */
const log: Log = {
  ...{ trace: () => undefined, debug: () => undefined, info: () => undefined },
  ...{ warn: () => undefined, error: () => undefined, isTracing: () => false },
  child: () => log,
};

const start = (dir: string, ground: Ground): Promise<LocalNode> =>
  startLocal({ dir, ground, log, flags: { 'fee-base': '0' } });

const bytesOf = ({ written }: LocalNode): number => written.bytes;

export const bench: Bench = {
  name: 'age',
  about:
    'bytes written per payment and memory as a channel ages, and the time to start again (AMPERE_BENCH_PAYMENTS in all)',
  run: async (scope) => {
    const dir = await mkdtemp(join(tmpdir(), 'ampere-age-'));
    const dirs = { payer: join(dir, 'payer'), payee: join(dir, 'payee') };
    const ground = await newGround();
    let [payer, payee] = await Promise.all([start(dirs.payer, ground), start(dirs.payee, ground)]);
    try {
      await endow(ground, payer, [capacity + 100_000n]);
      const { port } = payee.node.peers.address ?? { port: 0 };
      await until(async () => payer.node.wallet.spendable(1) > capacity);
      await payer.call('connect', { id: payee.id, host: '127.0.0.1', port });
      await payer.call('fundchannel', { id: payee.id, amount: capacity, announce: false });
      await mine(ground, 6, [payer, payee]);
      await until(async () => (await isUp(payer)) && (await isUp(payee)));

      scope.table('Bytes written for one payment of 1,000 sat, both nodes', 'bytes; one at a time and 100 at once');
      const inUse = new Map<string, number>();
      for (let made = 0; made <= payments; ) {
        const next = made === 0 ? Math.min(100, payments) : Math.min(made * 10, payments);
        const row = `after ${made.toLocaleString('en-US')} payments`;
        for (const [column, count] of [
          ['one at a time', 1],
          ['100 at once', callers],
        ] as const) {
          const before = bytesOf(payer) + bytesOf(payee);
          for (let done = 0; done < sample; done += count) await pay(payer, payee, count);
          scope.put(row, column, (bytesOf(payer) + bytesOf(payee) - before) / sample);
        }
        inUse.set(row, bytesInUse() / 1e6);
        if (made === payments) break;
        await payBothWays(payer, payee, Math.max(0, next - made - 2 * sample));
        // Onions seen are remembered until their HTLCs would have expired: time passes, as it does for a node.
        await mine(ground, 50, [payer, payee]);
        made = next;
      }

      scope.table('In memory while they run, both nodes', 'MB of JavaScript values');
      for (const [row, megabytes] of inUse) scope.put(row, 'memory', megabytes);

      scope.table(
        `Starting again after ${payments.toLocaleString('en-US')} payments`,
        'seconds; MB of JavaScript values',
      );
      for (const [name, node] of [
        ['payer', payer],
        ['payee', payee],
      ] as const) {
        await node.stop();
        const before = bytesInUse();
        const from = performance.now();
        const again = await start(dirs[name], ground);
        scope.put(name, 'until it answers', (performance.now() - from) / 1000);
        scope.put(name, 'memory', (bytesInUse() - before) / 1e6);
        if (name === 'payer') payer = again;
        else payee = again;
      }
    } finally {
      await Promise.all([payer.stop(), payee.stop()]);
      await rm(dir, { recursive: true, force: true });
    }
  },
};
