/** Nodes in the process of a program, with channels, on a chain of their own: a network to try something on, gone when it is stopped. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sat, sat } from '../wire/units.ts';
import { systemClock } from './base/entropy.ts';
import { loadConfig } from './config/config.ts';
import type { Experiments } from './core/hooks.ts';
import { type LocalChain, startChain } from './regtest/chain/local.ts';
import { type RunningNode, runNode } from './run.ts';

/** What a node has beside the coins for its channels, for fees and anchors. */
const beside = 200_000n;
/** Asked for this often, in milliseconds, and no longer than this. */
const pause = 20;
const patience = 30_000;

export interface LocalNetworkOptions<Name extends string> {
  /** The nodes by name, and what the program adds to each; nothing: {}. */
  readonly nodes: Readonly<Record<Name, Experiments>>;
  /** Channels: who opens it, to whom, and its capacity, all of it the opener's. */
  readonly channels: readonly (readonly [from: Name, to: Name, capacity: Sat])[];
  /** Options of `ampere start` by name, for all nodes; the log has errors alone unless `log-level` says otherwise. */
  readonly flags?: Readonly<Record<string, string>>;
}

export interface LocalNetwork<Name extends string> {
  readonly chain: LocalChain;
  readonly nodes: Readonly<Record<Name, RunningNode>>;
  /** Mines blocks, 1 unless told, and resolves once all nodes have read them. */
  mine(blocks?: number): Promise<void>;
  /** Stops the nodes and the chain, and removes all they kept. */
  stop(): Promise<void>;
}

/** What a promise comes to; rejects where that takes longer than half a minute. */
const within = async <T>(what: string, promise: Promise<T>): Promise<T> => {
  let cancel: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = systemClock.after(patience, () =>
      reject(new Error(`${what} took longer than ${patience / 1000} seconds`)),
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
};

const until = async (what: string, check: () => Promise<boolean>): Promise<void> => {
  const end = systemClock.now() + patience;
  while (systemClock.now() < end) {
    if (await check()) return;
    await new Promise<void>((resolve) => systemClock.after(pause, resolve));
  }
  throw new Error(`${what} took longer than ${patience / 1000} seconds`);
};

/**
 * Starts nodes and opens channels between them, each announced and known to all, so that payments find their ways. Throws as `runNode` and
 * `startChain` do, CallError where a channel cannot be opened, and Error for what takes longer than half a minute; then nothing is left.
 */
export const startNetwork = async <Name extends string>({
  nodes: wanted,
  channels,
  flags = {},
}: LocalNetworkOptions<Name>): Promise<LocalNetwork<Name>> => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-network-'));
  const chain = await startChain();
  const started = new Map<string, RunningNode>();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= chain.stop();
    return closing;
  };
  const stop = async (): Promise<void> => {
    await Promise.all([...started.values()].map((node) => node.stop()));
    await close();
    await rm(dir, { recursive: true, force: true });
  };
  const node = (name: Name): RunningNode => {
    const found = started.get(name);
    if (found === undefined) throw new RangeError(`the network has no node ${name}`);
    return found;
  };
  const mine = async (blocks = 1): Promise<void> => {
    const blockheight = chain.mine(blocks);
    for (const [name, { call }] of started)
      await within(`block ${blockheight} at ${name}`, call('waitblockheight', { blockheight }));
  };
  const names = Object.keys(wanted) as Name[];
  try {
    for (const name of names) {
      const own = { dir: join(dir, name), listen: '127.0.0.1:0', api: 'off', bitcoind: chain.url };
      const given = { 'log-level': 'error', ...flags, ...own };
      started.set(name, await runNode(loadConfig({ flags: given, env: {}, read: () => undefined }), wanted[name]));
      await within(`the start of ${name}`, node(name).ready);
    }
    for (const [from, , capacity] of channels) {
      const { bech32 = '' } = await node(from).call('newaddr');
      chain.pay(bech32, sat(capacity + beside));
    }
    await mine();
    for (const [from, to, amount] of channels) {
      const { id, binding } = await node(to).call('getinfo');
      const { call } = node(from);
      await within(`connecting ${from} to ${to}`, call('connect', { id, host: '127.0.0.1', port: binding[0]?.port }));
      await within(`opening a channel of ${from} with ${to}`, call('fundchannel', { id, amount }));
    }
    const inChannels = new Set<string>();
    for (const [from, to] of channels)
      for (const name of [from, to]) inChannels.add((await node(name).call('getinfo')).id);
    // Six blocks deep a channel is announced.
    await mine(6);
    for (const name of names)
      await until(`until ${name} knew all channels`, async () => {
        const known = await node(name).call('listchannels', {});
        if (known.channels.length !== 2 * channels.length) return false;
        // Nobody announces himself without a channel; a payer has to know what the payee can read.
        const { nodes } = await node(name).call('listnodes', {});
        const announced = new Set(nodes.filter((one) => one.last_timestamp !== undefined).map((one) => one.nodeid));
        return [...inChannels].every((id) => announced.has(id));
      });
    // Where all nodes end by themselves, after an error that nothing caught say, nothing keeps the process from ending.
    void Promise.allSettled([...started.values()].map(({ ended }) => ended)).then(close);
  } catch (error) {
    // What went wrong is what counts, also where a node will not stop.
    await within('stopping', stop()).catch(() => undefined);
    throw error;
  }
  return { chain, nodes: Object.fromEntries(started) as Record<Name, RunningNode>, mine, stop };
};
