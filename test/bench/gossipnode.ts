/**
 * A node that catches up with a large network while HTLCs go through it: `gossipnode.js SCRIPTS CHANNELS ID PORT`. Payer and payee of the
 * HTLCs are nodes of this process, too, but ask for no gossip. With `AMPERE_BENCH_MEANWHILE=0` there are none meanwhile. Prints its
 * figures as JSON.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isUsable } from '../../node/channels/views.ts';
import type { GossipSync } from '../../node/graph/gossipsync.ts';
import { endow, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { keptLog } from '../support/quiet.ts';
import { fundedOn } from './publicgossip.ts';

/** What it measured: seconds, MB, milliseconds. */
export interface GossipFigures {
  readonly seconds: number;
  /** Of the processor, of this process: what the time is made of on a machine that has nothing else to do. */
  readonly cpu: number;
  /** During which the node's own thread had something to do, be it to wait for a processor that others used. */
  readonly busy: number;
  readonly nodes: number;
  readonly rssBefore: number;
  readonly rssMost: number;
  readonly rssAfter: number;
  readonly idle: readonly [median: number, p99: number];
  readonly meanwhile: readonly [median: number, p99: number];
  readonly payments: number;
}

const [, , scriptsFile = '', count = '0', peerId = '', peerPort = '0'] = process.argv;
const channels = Number(count);
const isPaying = process.env['AMPERE_BENCH_MEANWHILE'] !== '0';
const scripts = await readFile(scriptsFile);
const MB = 1024 * 1024;
const rss = (): number => process.memoryUsage.rss() / MB;
const moment = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (const end = performance.now() + 600_000; !holds(); await moment(20))
    if (performance.now() > end) throw new Error(`did not happen in ten minutes: ${what}`);
};
const at = (figures: readonly number[], share: number): number => {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

const dir = await mkdtemp(join(tmpdir(), 'ampere-gossip-node-'));
const ground = await newGround();
const start = (name: string, own = false): Promise<LocalNode> =>
  startLocal({
    ...{ dir: join(dir, name), ground, log: keptLog() },
    ...(own && { chain: (chain) => fundedOn(chain, scripts, channels) }),
  });
const [payer, middle, payee] = [await start('payer'), await start('middle', true), await start('payee')];
for (const { node } of [payer, payee])
  (node as unknown as { readonly sync: GossipSync }).sync.connected = () => undefined;
const usable = ({ node }: LocalNode): number =>
  [...node.channels.entries.values()].filter(({ machine }) => isUsable(machine.state)).length;
for (const [from, to] of [
  [payer, middle],
  [middle, payee],
] as const) {
  await endow(ground, from, [10_100_000n]);
  await until('coins', () => from.node.wallet.spendable(1) >= 10_000_000n);
  await from.call('connect', { id: to.id, host: '127.0.0.1', port: to.node.peers.address?.port ?? 0 });
  await from.call('fundchannel', { id: to.id, amount: 9_000_000n });
  ground.mine(6);
}
await until('channels', () => usable(payer) === 1 && usable(middle) === 2 && usable(payee) === 1);
await until('both channels known to the payer', () => payer.node.graph.size.channels === 2);
const known = () => payer.node.graph.channelsOf(payee.id).every(({ policies }) => policies.every(Boolean));
await until('their policies known to the payer', known);

const pay = async (): Promise<number> => {
  const from = performance.now();
  await payer.call('keysend', { destination: payee.id, amount_msat: 1_000_000n, shards: 1 });
  return performance.now() - from;
};
for (let i = 0; i < 20; i++) await pay();
const idle: number[] = [];
for (let i = 0; i < 100; i++) idle.push(await pay());

const rssBefore = rss();
let rssMost = rssBefore;
const sampling = setInterval(() => {
  rssMost = Math.max(rssMost, rss());
}, 100);
const begun = performance.now();
const cpuBegun = process.cpuUsage();
const loopBegun = performance.eventLoopUtilization();
await middle.call('connect', { id: peerId, host: '127.0.0.1', port: Number(peerPort) });
const { graph } = middle.node;
const { compact } = graph;
const isWhole = (): boolean => {
  if (graph.size.channels < channels + 2) return false;
  for (let direction = 0; direction < 2 * compact.channelsEnd; direction++)
    if (compact.told[direction] !== 1) return false;
  return graph.size.nodes >= compact.nodesEnd - 1;
};
let seconds = 0;
let cpu = 0;
let busy = 0;
const whole = until('the whole network known', isWhole).then(() => {
  seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpuBegun);
  cpu = (user + system) / 1_000_000;
  busy = performance.eventLoopUtilization(loopBegun).active / 1000;
});
let isOver = false;
void whole.finally(() => {
  isOver = true;
});
const meanwhile: number[] = [];
while (isPaying && !isOver) {
  meanwhile.push(await pay());
  await moment(20);
}
await whole;
clearInterval(sampling);
const figures: GossipFigures = {
  ...{ seconds, cpu, busy, rssBefore, rssMost, nodes: graph.size.nodes, rssAfter: rss(), payments: meanwhile.length },
  idle: [at(idle, 0.5), at(idle, 0.99)],
  meanwhile: [at(meanwhile, 0.5), at(meanwhile, 0.99)],
};
console.log(JSON.stringify(figures));
await Promise.all([payer, middle, payee].map((one) => one.stop()));
await rm(dir, { recursive: true, force: true });
process.exit(0);
