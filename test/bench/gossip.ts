/**
 * A node that catches up with the gossip of a network of mainnet's size, which a peer in a process of its own serves, while HTLCs go
 * through the node: how long it takes, how much memory, and how long the HTLCs wait. The chain answers at once, so that the time is
 * that of the gossip. `AMPERE_BENCH_CHANNELS` makes the network smaller or larger, and with
 * `AMPERE_BENCH_MEANWHILE=0` no HTLCs go through the node meanwhile.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { packaged } from '../../node/base/packaged.ts';
import type { GossipFigures } from './gossipnode.ts';
import type { Bench } from './harness.ts';
import { gossipFiles } from './publicgossip.ts';

/** As many as mainnet announced on 3 February 2026. */
const CHANNELS = 50_808;

const children = new Set<ChildProcess>();

/** The first line of a program of this folder. */
const lineOf = async (program: string, ...words: readonly string[]): Promise<string> => {
  const child = spawn(process.execPath, [packaged(`dist/test/bench/${program}.js`), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = once(child, 'exit');
  while (!text.includes('\n')) {
    const more = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)]);
    if (more === undefined && !text.includes('\n')) throw new Error(`${program} ended without a word`);
  }
  return text.slice(0, text.indexOf('\n'));
};

export const bench: Bench = {
  name: 'gossip',
  about: 'a node catches up with a network of mainnet’s size while HTLCs go through it',
  run: async (scope) => {
    const channels = Number(process.env['AMPERE_BENCH_CHANNELS'] ?? CHANNELS);
    const { messages, scripts } = await gossipFiles(channels);
    try {
      const peer = JSON.parse(await lineOf('gossippeer', messages)) as { readonly id: string; readonly port: number };
      const words = [scripts, String(channels), peer.id, String(peer.port)];
      const figures = JSON.parse(await lineOf('gossipnode', ...words)) as GossipFigures;
      scope.table(`${channels} channels and ${figures.nodes} nodes from one peer`, 'seconds, MB');
      scope.put('all known after', 'seconds', figures.seconds);
      scope.put('of the processor', 'seconds', figures.cpu);
      scope.put('with something to do', 'seconds', figures.busy);
      scope.put('memory before', 'MB', figures.rssBefore);
      scope.put('memory at most', 'MB', figures.rssMost);
      scope.put('memory after', 'MB', figures.rssAfter);
      scope.table('A payment over the node, from call to preimage', 'milliseconds');
      for (const [row, [median, p99]] of [
        ['idle', figures.idle],
        [`meanwhile (${figures.payments})`, figures.meanwhile],
      ] as const) {
        if (row !== 'idle' && figures.payments === 0) continue;
        scope.put(row, 'median', median);
        scope.put(row, '99 %', p99);
      }
      scope.note('Memory and time are those of a process that has payer and payee as well.');
    } finally {
      for (const child of children) child.kill();
    }
  },
};
