/**
 * A node that catches up with the gossip of a network, which a peer serves, while HTLCs go through it; then it is killed and started
 * again. The node is `ampere start` as it is, in a process of its own, and asks its chain over JSON-RPC for each channel; peer, payer and
 * payee are processes of their own, too. `AMPERE_BENCH_CHANNELS=50808` gives it as many channels as mainnet announced on 3 February 2026;
 * with `AMPERE_BENCH_MEANWHILE=0` no HTLCs go through the node meanwhile; `AMPERE_BENCH_PROFILES=DIR` writes what the node's processor did.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { packaged } from '../../node/base/packaged.ts';
import { sleep, until } from '../../node/regtest/demo/wait.ts';
import { hex } from '../../wire/bytes.ts';
import { pointOf } from '../../wire/crypto.ts';
import { nodeKeyOf, nodesFor } from '../soak/publicgraph.ts';
import { type Line, type PaymentTimes, startLine } from './gossipline.ts';
import type { Bench, Scope } from './harness.ts';
import { memoryOf, mostMemoryOf, processorOf } from './processfigures.ts';
import { gossipFiles } from './publicgossip.ts';

const CHANNELS = 5_000;
/** Payments that nobody counts, and those while the node has nothing else to do. */
const [WARM, IDLE] = [30, 300] as const;
/** Routes that are asked for after the second start. */
const ROUTES = 50;
/** Milliseconds until the last gossip is in its file. */
const WRITTEN = 3_000;
const MOST_WAIT = { timeout: 1_200_000, every: 100 } as const;

const isPaying = process.env['AMPERE_BENCH_MEANWHILE'] !== '0';
const PROFILES = process.env['AMPERE_BENCH_PROFILES'];

/** The share of figures that is below. */
const at = (figures: readonly number[], share: number): number => {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

/** The peer, and what it says first: its id and port. */
const startPeer = async (messages: string): Promise<{ child: ChildProcess; id: string; port: number }> => {
  const child = spawn(process.execPath, [packaged('dist/test/bench/gossippeer.js'), messages], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = once(child, 'exit').then(() => undefined);
  while (!text.includes('\n'))
    if ((await Promise.race([once(child.stdout, 'data'), ended])) === undefined)
      throw new Error('the peer ended without a word');
  return { child, ...(JSON.parse(text) as { readonly id: string; readonly port: number }) };
};

const forwarding = (
  { table, put, note }: Scope,
  idle: readonly PaymentTimes[],
  then: readonly PaymentTimes[],
): void => {
  table('HTLCs through the node, one after the other', 'milliseconds');
  const rows = [
    ['the forward alone', 'forward'],
    ['update_add_htlc to update_add_htlc', 'hop'],
    ['the whole payment', 'whole'],
  ] as const;
  for (const [row, what] of rows) {
    const [before, meanwhile] = [idle, then].map((times) => times.map((one) => one[what]));
    if (before === undefined || meanwhile === undefined) continue;
    for (const [name, share] of [
      ['median', 0.5],
      ['99 %', 0.99],
    ] as const) {
      put(row, `idle, ${name}`, at(before, share));
      if (meanwhile.length === 0) continue;
      put(row, `meanwhile, ${name}`, at(meanwhile, share));
      put(row, `times, ${name}`, at(meanwhile, share) / at(before, share));
    }
  }
  note('The forward alone: from the payer’s revoke_and_ack, which commits the HTLC for good, as it is sent, to');
  note('update_add_htlc as the payee has read it. Reading, onion, save to a synced disk and sending are in it.');
  note(`${idle.length} payments idle, ${then.length} meanwhile.`);
};

/** The node catches up; returns how many payments went through it meanwhile. */
const catchUp = async (
  { table, put, note }: Scope,
  line: Line,
  channels: number,
  messages: string,
): Promise<number> => {
  const { middle, pay, metric } = line;
  const before = memoryOf(middle.pid);
  const peer = await startPeer(messages);
  let payments = 0;
  try {
    const [begun, used] = [performance.now(), processorOf(middle.pid)];
    await middle.call('connect', { id: peer.id, host: '127.0.0.1', port: peer.port });
    let isOver = false;
    const whole = until(
      'the whole network known',
      async () => {
        // Nodes are asked for last.
        const [found, nodes] = [await metric('ampere_graph_channels'), await metric('ampere_graph_nodes')];
        return found >= channels + 2 && nodes >= nodesFor(channels) ? true : undefined;
      },
      MOST_WAIT,
    ).finally(() => {
      isOver = true;
    });
    const paying = (async () => {
      for (; !isOver && isPaying; payments++) {
        await pay();
        await sleep(20);
      }
    })();
    await whole;
    const [seconds, processor] = [(performance.now() - begun) / 1000, processorOf(middle.pid) - used];
    await paying;
    await sleep(WRITTEN);
    table(`${channels} channels and ${nodesFor(channels)} nodes from one peer`, 'seconds, MB');
    put('all known after', 'seconds', seconds);
    put('of the processor', 'seconds', processor);
    put('memory before', 'MB', before);
    put('memory at most', 'MB', mostMemoryOf(middle.pid));
    put('memory after', 'MB', memoryOf(middle.pid));
    note('Of the node that catches up alone, payments included; the chain is asked for each channel over JSON-RPC.');
    return payments;
  } finally {
    peer.child.kill();
  }
};

/** The node dies, and is started again on the same folder. */
const startAgain = async ({ table, put, note }: Scope, { middle }: Line, channels: number): Promise<void> => {
  // A profile is written at an orderly end alone.
  await (PROFILES === undefined ? middle.kill() : middle.stop());
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1000;
  await middle.start();
  const answers = seconds();
  const idOf = (node: number): string => hex(pointOf(nodeKeyOf(node)));
  // On paper each node has channels with those behind it.
  const route = (number: number) =>
    middle.call('getroute', {
      ...{ id: idOf((number + 1) % nodesFor(channels)), fromid: idOf(0) },
      ...{ amount_msat: 1_000n, riskfactor: 10 },
    });
  await route(0);
  const [routes, processor] = [seconds(), processorOf(middle.pid)];
  const loaded = memoryOf(middle.pid);
  const took: number[] = [];
  for (let number = 1; number <= ROUTES; number++) {
    const from = performance.now();
    await route(number);
    took.push(performance.now() - from);
  }
  table('Killed, and started again on the same folder', 'seconds, MB, ms');
  put('its API answers after', 'seconds', answers);
  put('a route through the network after', 'seconds', routes);
  put('of the processor till then', 'seconds', processor);
  put('memory then', 'MB', loaded);
  put(`memory after ${ROUTES} routes`, 'MB', memoryOf(middle.pid));
  put('memory at most', 'MB', mostMemoryOf(middle.pid));
  put('a route, median', 'ms', at(took, 0.5));
  note('From the start of the process: loading the program and reading the store are in it.');
};

export const bench: Bench = {
  name: 'gossip',
  about: 'a node catches up with a large network while HTLCs go through it, and starts again',
  run: async (scope) => {
    const channels = Number(process.env['AMPERE_BENCH_CHANNELS'] ?? CHANNELS);
    const { messages, scripts } = await gossipFiles(channels);
    const line = await startLine(await readFile(scripts), channels, PROFILES);
    try {
      for (let i = 0; i < (isPaying ? WARM + IDLE : 1); i++) await line.pay();
      const payments = await catchUp(scope, line, channels, messages);
      const times = await line.times();
      const then = payments === 0 ? [] : times.slice(-payments);
      forwarding(scope, times.slice(0, times.length - payments).slice(-IDLE), then);
      await startAgain(scope, line, channels);
    } finally {
      await line.stop();
    }
  },
};
