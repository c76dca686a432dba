/**
 * A peer with many channels comes back: from the first byte of the new connection until every channel is in step again. Two
 * whole nodes in this process, on synced disks; with a process each they share the work.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOnline } from '../../node/channels/entry.ts';
import { isUsable } from '../../node/channels/views.ts';
import { endow, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { keptLog } from '../support/quiet.ts';
import type { Bench } from './harness.ts';

const channels = 500;
/** Openings under way at once: what a peer lets us have. */
const together = 4;
const capacity = 100_000n;

const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await moment();
};

const count = ({ node }: LocalNode, test: typeof isOnline): number =>
  [...node.channels.entries.values()].filter(({ machine }) => test(machine.state)).length;

export const bench: Bench = {
  name: 'reconnect',
  about: `${channels} channels with one peer in step again after a reconnect`,
  run: async (scope) => {
    const dir = await mkdtemp(join(tmpdir(), 'ampere-reconnect-'));
    const ground = await newGround();
    const start = (name: string) => startLocal({ dir: join(dir, name), ground, log: keptLog() });
    const [opener, peer] = await Promise.all([start('opener'), start('peer')]);
    try {
      for (let given = 0; given < channels; given += 100)
        await endow(ground, opener, Array(100).fill(capacity + 10_000n));
      await until(() => opener.node.wallet.spendable(1) >= BigInt(channels) * capacity);
      const { port } = peer.node.peers.address ?? { port: 0 };
      const connect = () => opener.call('connect', { id: peer.id, host: '127.0.0.1', port });
      await connect();
      for (let open = 0; open < channels; open += together) {
        await Promise.all(
          Array.from({ length: together }, () =>
            opener.call('fundchannel', { id: peer.id, amount: capacity, announce: false }),
          ),
        );
        ground.mine(1);
        await until(() => count(opener, isUsable) === open + together && count(peer, isUsable) === open + together);
      }

      scope.table(`${channels} channels in step again`, 'seconds');
      const seconds: number[] = [];
      for (let round = 0; round < 3; round++) {
        await opener.call('disconnect', { id: peer.id, force: true });
        await until(() => count(opener, isOnline) === 0 && count(peer, isOnline) === 0);
        const from = performance.now();
        await connect();
        await until(() => count(opener, isOnline) === channels && count(peer, isOnline) === channels);
        seconds.push((performance.now() - from) / 1000);
      }
      scope.put('both nodes in one process', 'slowest of three', Math.max(...seconds));
    } finally {
      await Promise.all([opener.stop(), peer.stop()]);
      await rm(dir, { recursive: true, force: true });
    }
  },
};
