/** Three whole nodes in this process, in a line: alice and bob have a channel, and bob and carol, with something on every side. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Experiments } from '../../node/core/hooks.ts';
import type { Log } from '../../node/ports/ports.ts';
import { type Hurried, hurriedClock } from './hurried.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from './inprocess.ts';
import { becomes } from './pair.ts';
import { memoryLog } from './peers.ts';

type Name = 'alice' | 'bob' | 'carol';
type Flags = Readonly<Record<string, string>>;

export interface Line extends Readonly<Record<Name, LocalNode>> {
  readonly dir: string;
  readonly ground: Ground;
  readonly logs: Readonly<Record<Name, readonly string[]>>;
  readonly clocks: Readonly<Record<Name, Hurried>>;
  /** The channel_ids of both channels. */
  readonly left: string;
  readonly right: string;
  /** Mines blocks, one at a time, each taken by all three before the next. */
  mine(blocks: number): Promise<void>;
  /** Opens a channel and waits until both ends can use it; its channel_id. */
  open(from: LocalNode, to: LocalNode, sat: bigint, given?: { readonly push_msat?: bigint }): Promise<string>;
  /** Waits until alice knows both channels, and of carol what she can read: that is in her node_announcement, which comes later. */
  known(): Promise<void>;
  /** What comes of something for which carol gets so many HTLCs of a set that never is whole: her time to give it up comes at once. */
  givenUp<T>(over: Promise<T>, parts?: number): Promise<T>;
  stop(): Promise<void>;
}

const usable = async (node: LocalNode, channel_id: string): Promise<boolean> => {
  const [channel] = (await node.call('listpeerchannels', { channel_id })).channels;
  return channel?.state === 'CHANNELD_NORMAL' && channel.reestablished === true;
};

/** Channels of 1,000,000 sat, 400,000 of them given to the other end; each node has `coins` of 100,000 sat besides. */
export const startLine = async (
  coins = 0,
  flags: Partial<Record<Name, Flags>> = {},
  experiments: Partial<Record<Name, Experiments>> = {},
  logTo: (lines: string[]) => Log = memoryLog,
): Promise<Line> => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-line-'));
  const ground = await newGround();
  const logs = { alice: [] as string[], bob: [] as string[], carol: [] as string[] };
  const clocks = { alice: hurriedClock(), bob: hurriedClock(), carol: hurriedClock() };
  const start = (name: Name): Promise<LocalNode> =>
    startLocal({
      ...{ dir: join(dir, name), ground, log: logTo(logs[name]), clock: clocks[name] },
      ...{ flags: flags[name] ?? {}, experiments: experiments[name] ?? {} },
    });
  const nodes = { alice: await start('alice'), bob: await start('bob'), carol: await start('carol') };
  const { alice, bob, carol } = nodes;
  const all = [alice, bob, carol];
  const mine = async (blocks: number): Promise<void> => {
    for (let i = 0; i < blocks; i++) {
      ground.mine(1);
      for (const { node } of all)
        await becomes('at the tip', () => node.follower.top.hash === ground.regtest.ledger.tip.hash);
    }
  };
  const open: Line['open'] = async (from, to, sat, given = {}) => {
    await from.call('connect', { id: to.id, host: '127.0.0.1', port: to.node.peers.address?.port ?? 0 });
    const { channel_id } = await from.call('fundchannel', { id: to.id, amount: sat, ...given });
    await mine(1);
    for (const node of [from, to]) await becomes('a usable channel', () => usable(node, channel_id));
    return channel_id;
  };
  for (const [i, node] of all.entries())
    await endow(ground, node, [...(i < 2 ? [1_100_000n] : []), ...Array<bigint>(coins).fill(100_000n)]);
  await mine(1);
  const left = await open(alice, bob, 1_000_000n, { push_msat: 400_000_000n });
  const right = await open(bob, carol, 1_000_000n, { push_msat: 400_000_000n });
  return {
    ...nodes,
    ...{ dir, ground, logs, clocks, left, right, mine, open },
    known: () =>
      becomes('both channels known to alice, and carol', async () => {
        const { channels } = await alice.call('listchannels', {});
        const { nodes: found } = await alice.call('listnodes', { id: carol.id });
        return channels.length === 4 && found[0]?.features !== undefined;
      }),
    givenUp: async (over, parts = 1) => {
      let isOver = false;
      const end = (): void => {
        isOver = true;
      };
      over.then(end, end);
      const hurried = new Set<string>();
      await becomes('over', async () => {
        const { sets } = await carol.call('listsets', {});
        for (const { set_id, status, htlcs, expires_at = 0 } of sets) {
          if (status !== 'receiving' || htlcs.length < parts || hurried.has(set_id)) continue;
          hurried.add(set_id);
          clocks.carol.hurry(Math.max(0, expires_at - carol.node.now()) + 1);
        }
        return isOver;
      });
      return over;
    },
    stop: async () => {
      await Promise.all(all.map((node) => node.stop()));
      await rm(dir, { recursive: true, force: true });
    },
  };
};
