/**
 * An hour's worth of hostile traffic in a minute: attackers of every kind at once against one whole node, a process of its own
 * with real sockets and a real disk, while honest peers pay over it, strangers knock and blocks come. What counts is what the node
 * is like meanwhile, and that nobody honest loses anything.
 */
import { readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { unhex } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { decodeMessage, encodeMessage } from '../../wire/message.ts';
import { point, type ShortChannelId } from '../../wire/units.ts';
import { attack, type Report, type SentWorld } from './attacking.ts';
import { type AttackName, attackNames } from './attacks/table.ts';
import { type Dialled, keyOf, meet } from './line.ts';
import { Payments } from './paying.ts';
import { fundGraph, told } from './publicgraph.ts';
import { every, memoryOf, newcomer, Pulse, processorOf } from './watching.ts';

export interface SoakOptions {
  /** How long the attack lasts. */
  readonly seconds: number;
  readonly attackers: number;
  /** Kinds of attack, made by turns; all unless told. */
  readonly attacks?: readonly AttackName[];
  /** Channels of the public graph. */
  readonly channels: number;
  readonly seed: string;
  /** What runs the node that is attacked: flags of Node's and a built main.js; this build unless told. */
  readonly command?: readonly string[];
  readonly progress?: (line: string) => void;
}

/** What came of it. Times in milliseconds, sizes in bytes. */
export interface Soaked {
  /** Memory of the node before the attack and at its worst. */
  readonly memory: { readonly before: number; readonly most: number };
  readonly answers: { readonly took: readonly number[]; readonly failures: readonly string[] };
  readonly payments: { readonly took: readonly number[]; readonly lost: readonly string[] };
  /** Strangers who wanted a word, and those who got none. */
  readonly newcomers: { readonly took: readonly number[]; readonly turnedAway: number };
  /** From the moment a block was mined until the node said so. */
  readonly blocks: readonly number[];
  /** Part of one core that the node used. */
  readonly processor: number | undefined;
  /** By how much the node's log and its store grew. */
  readonly written: { readonly log: number; readonly store: number };
  /** Lines of the log that speak of an error inside the node. */
  readonly mistakes: readonly string[];
  /** Whether the process ended under the attack. */
  readonly died: boolean;
  /** From the word to stop until the process was gone, infinite where it had to be killed; from its start until it answered. */
  readonly stop: number;
  readonly start: number;
  /** Channels with honest peers that are usable at the end, of so many. */
  readonly channels: { readonly usable: number; readonly all: number };
  readonly done: Report;
}

type Name = 'target' | 'payer' | 'payee';
const capacity = 16_000_000n;
/** Milliseconds between two of each. */
const pace = { answer: 100, payment: 1000, newcomer: 2000, block: 10_000, look: 200 } as const;

const folderSize = async (dir: string): Promise<number> => {
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(dir, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};

/** Tells a node the public graph, and resolves once it knows all of it. */
const teach = async (node: Dialled, scids: readonly ShortChannelId[]): Promise<void> => {
  let known = 0;
  let heard = 0;
  const line = await meet(node, keyOf('teacher'), (raw) => {
    const message = decodeMessage(raw);
    if (message.name !== 'reply_channel_range') return;
    heard += message.encoded_short_ids.length;
    if (message.sync_complete !== 1) return;
    known = heard;
    heard = 0;
  });
  if (line === undefined) throw new Error('the node does not listen to who teaches it the graph');
  for (const messages of told(scids, Math.floor(Date.now() / 1000) - 3600)) await line.say(messages);
  const all = { chain_hash: chainHashOf.regtest, first_blocknum: 0, number_of_blocks: 1_000_000 };
  await until(
    `${scids.length} channels to be known`,
    async () => {
      await line.say([encodeMessage({ name: 'query_channel_range', ...all })]);
      return known >= scids.length ? true : undefined;
    },
    { timeout: 180_000, every: 500 },
  );
  line.end();
};

const worldOf = async (
  { nodes: { target }, bitcoind }: Network<Name>,
  channels: readonly ShortChannelId[],
  seed: string,
): Promise<SentWorld> => {
  const { api } = await target.call('getinfo');
  const token = await readFile(join(target.dir, 'regtest', 'api-token'), 'utf8');
  const { host, port, user, password } = bitcoind;
  return {
    target: { host: '127.0.0.1', port: target.port, id: target.id },
    api: { socket: target.socket, place: { host: '127.0.0.1', port: api?.port ?? 0 }, token: token.trim() },
    chain: { host, port, user, password },
    channels: channels.map(String),
    seed,
  };
};

/** Attacks a node and says what became of it. Throws what startNetwork throws, and NodeDied when the node ends. */
export const soak = async (options: SoakOptions): Promise<Soaked> => {
  const { seconds, attackers, channels, seed, command, attacks = attackNames, progress = () => undefined } = options;
  const network = await startNetwork<Name>({
    nodes: { target: [], payer: ['--log-level', 'warn'], payee: ['--log-level', 'warn'] },
    ...(command && { commands: { target: command } }),
    embedded: true,
    progress,
  });
  try {
    const { target, payer, payee } = network.nodes;
    const coins = { target: [capacity + 100_000n, 1_000_000n], payer: [capacity + 100_000n] };
    await network.fund(coins);
    await network.open([
      { from: 'payer', to: 'target', sat: capacity },
      { from: 'target', to: 'payee', sat: capacity },
    ]);
    const node: Dialled = { host: '127.0.0.1', port: target.port, id: point(unhex(target.id)) };
    progress(`making a public graph of ${channels} channels`);
    const scids = await fundGraph(network.bitcoind, network.miner, channels);
    await network.mine(1);
    await teach(node, scids);

    const payments = new Payments({ payer, target, payee });
    progress('a payment of each kind before the attack');
    for (let n = 0; n < payments.variety; n++) await payments.pay(9_000_000 + n);
    if (payments.lost.length > 0) throw new Error(`there is no payment before the attack: ${payments.lost[0]}`);
    payments.took.length = 0;

    const before = {
      memory: await memoryOf(target.pid),
      processor: await processorOf(target.pid),
      log: (await stat(target.logFile)).size,
      store: await folderSize(join(target.dir, 'regtest')),
    };
    progress(`${attackers} attackers for ${seconds} seconds, ${attacks.length} kinds of attack, seed ${seed}`);
    const world = await worldOf(network, scids, seed);
    const attacking = attack(world, attackers, attacks);
    await attacking.ready;
    const waiting = async (): Promise<number> =>
      z.array(z.string()).parse(await network.bitcoind.call('getrawmempool')).length;
    await until(
      'attackers to pay for their channels',
      async () => (await waiting()) >= attacking.fundings || undefined,
    );
    await network.mine(1);
    attacking.begin();

    let most = before.memory;
    const pulse = new Pulse(target.socket);
    const strangers: number[] = [];
    let turnedAway = 0;
    const blocks: number[] = [];
    const stops = [
      every(pace.look, async () => {
        most = Math.max(most, await memoryOf(target.pid));
      }),
      every(pace.answer, (n) => pulse.beat(n)),
      every(pace.payment, (n) => payments.pay(n)),
      every(pace.newcomer, async (n) => {
        const took = await newcomer(node, `${seed}/newcomer ${n}`);
        if (took === undefined) turnedAway++;
        else strangers.push(took);
      }),
    ];
    const mining = every(pace.block, async () => {
      await network.bitcoind.mine(1, network.miner);
      const height = Number(await network.bitcoind.call('getblockcount'));
      const from = performance.now();
      const seen = until('a block to be seen', () => (pulse.height >= height ? true : undefined), { every: 10 });
      blocks.push(
        await seen.then(
          () => performance.now() - from,
          () => Number.POSITIVE_INFINITY,
        ),
      );
    });
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const processor = await processorOf(target.pid);
    const lasted = (performance.now() - from) / 1000;
    progress('the attack is over; waiting for what is under way');
    const done = await attacking.stop();
    // While the node is still asked how high the chain is.
    await mining();
    await Promise.all(stops.map((stop) => stop()));
    pulse.close();
    await payments.check();

    const log = (await stat(target.logFile)).size - before.log;
    const store = (await folderSize(join(target.dir, 'regtest'))) - before.store;
    progress('stopping it, and starting it again');
    const alive = target.running;
    const stopFrom = performance.now();
    const ended = alive ? await target.stop() : 'died';
    const startFrom = performance.now();
    await target.start();
    const end = performance.now();
    const honest = (await target.call('listpeerchannels')).channels.filter(
      ({ peer_id, state }) => (peer_id === payer.id || peer_id === payee.id) && state === 'CHANNELD_NORMAL',
    );
    return {
      memory: { before: before.memory, most },
      answers: { took: pulse.took, failures: pulse.failures },
      payments: { took: payments.took, lost: payments.lost },
      newcomers: { took: strangers, turnedAway },
      blocks,
      processor:
        processor === undefined || before.processor === undefined ? undefined : (processor - before.processor) / lasted,
      written: { log, store },
      mistakes: readFileSync(target.logFile, 'utf8')
        .split('\n')
        .filter((line) => /"internal":/.test(line)),
      stop: ended === 'stopped' ? startFrom - stopFrom : Number.POSITIVE_INFINITY,
      died: !alive,
      start: end - startFrom,
      channels: { usable: honest.length, all: 2 },
      done,
    };
  } finally {
    await network.stop();
  }
};
