/**
 * What age costs a channel: bytes written per payment while a channel gets older, and how long a node takes to start again after
 * so many payments. Two whole nodes in this process, on synced disks.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { keptLog } from '../support/quiet.ts';
import type { Bench } from './harness.ts';

const capacity = 16_000_000n;
const amount = 1_000_000n;
const callers = 100;
/** Payments in all; 100,000 take some ten minutes. */
const payments = Number(process.env['AMPERE_BENCH_PAYMENTS'] ?? 10_000);
/** How many of the payments at each age are measured. */
const sample = 200;

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
};

const isUp = async ({ call }: LocalNode): Promise<boolean> =>
  (await call('listpeerchannels', {})).channels.some(
    ({ state, reestablished }) => state === 'CHANNELD_NORMAL' && reestablished === true,
  );

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

const start = (dir: string, ground: Ground): Promise<LocalNode> =>
  startLocal({ dir, ground, log: keptLog(), flags: { 'fee-base': '0' } });

const bytesOf = ({ written }: LocalNode): number => written.bytes;

export const bench: Bench = {
  name: 'age',
  about: 'bytes written per payment as a channel ages, and the time to start again (AMPERE_BENCH_PAYMENTS in all)',
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
      ground.mine(6);
      await until(async () => (await isUp(payer)) && (await isUp(payee)));

      scope.table('Bytes written for one payment of 1,000 sat, both nodes', 'bytes; one at a time and 100 at once');
      for (let made = 0; made < payments; ) {
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
        await pay(payer, payee, Math.max(0, next - made - 2 * sample));
        // Onions seen are remembered until their HTLCs would have expired: time passes, as it does for a node.
        ground.mine(50);
        const { height } = ground.regtest.ledger.tip;
        await until(async () => [payer, payee].every(({ node }) => node.follower.top.height === height));
        made = next;
      }

      scope.table(`Starting again after ${payments.toLocaleString('en-US')} payments`, 'seconds');
      for (const [name, node] of [
        ['payer', payer],
        ['payee', payee],
      ] as const) {
        await node.stop();
        const from = performance.now();
        const again = await start(dirs[name], ground);
        scope.put(name, 'until it answers', (performance.now() - from) / 1000);
        if (name === 'payer') payer = again;
        else payee = again;
      }
    } finally {
      await Promise.all([payer.stop(), payee.stop()]);
      await rm(dir, { recursive: true, force: true });
    }
  },
};
