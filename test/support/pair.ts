/** Two whole nodes in this process with a channel between them, for tests of how it ends on the chain. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../../node/api/table.ts';
import { systemClock } from '../../node/base/entropy.ts';
import type { Clock, Log } from '../../node/ports/ports.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from './inprocess.ts';
import { memoryLog } from './peers.ts';

type Channel = Result<'listpeerchannels'>['channels'][number];
export type Who = 'alice' | 'bob';

/** Resolves once it is so; rejects after a minute with what was waited for. */
export const becomes = async (what: string, check: () => Promise<boolean> | boolean): Promise<void> => {
  // Often it is so at once; what takes longer is not asked for all the time.
  const end = Date.now() + 60_000;
  for (let pause = 1; Date.now() < end; pause = Math.min(10, 2 * pause)) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  throw new Error(`it did not come to this: ${what}`);
};

export interface LocalPair {
  readonly ground: Ground;
  readonly nodes: Record<Who, LocalNode>;
  readonly logs: Readonly<Record<Who, string[]>>;
  /** Mines blocks one after the other; after each both nodes have taken it and looked at what they claim. */
  mine(blocks?: number): Promise<void>;
  /** Resolves once the nodes that run stand at the tip and have looked at what they claim. */
  caughtUp(): Promise<void>;
  endow(who: Who, ...coins: readonly bigint[]): Promise<void>;
  /** A usable channel of alice's, by its id. */
  open(sat: bigint): Promise<string>;
  channel(who: Who, id: string): Promise<Channel | undefined>;
  /** Resolves once the channel is in a state, and usable where that is `CHANNELD_NORMAL`: it is in that also while the peer is away. */
  reaches(who: Who, id: string, state: string): Promise<void>;
  /** Ends a node in good order and starts it on what it kept. */
  restart(who: Who): Promise<void>;
  stop(): Promise<void>;
}

/** `clocks` are those of the nodes that do not have the machine's; `logTo` makes the log that fills a node's lines. */
export const startPair = async (
  flags: Readonly<Record<string, string>> = {},
  clocks: Partial<Record<Who, Clock>> = {},
  logTo: (lines: string[]) => Log = memoryLog,
): Promise<LocalPair> => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-pair-'));
  const ground = await newGround();
  const logs = { alice: [] as string[], bob: [] as string[] };
  const start = (who: Who): Promise<LocalNode> =>
    startLocal({ dir: join(dir, who), ground, log: logTo(logs[who]), flags, clock: clocks[who] ?? systemClock });
  const nodes: Record<Who, LocalNode> = { alice: await start('alice'), bob: await start('bob') };
  const both = ['alice', 'bob'] as const;
  const caughtUp = async (): Promise<void> => {
    for (const who of both) {
      const { node } = nodes[who];
      await becomes(`${who} at the tip`, () => node.follower.top.hash === ground.regtest.ledger.tip.hash);
      await node.onchain.block();
      await node.onchain.settled();
    }
  };
  const mine = async (blocks = 1): Promise<void> => {
    for (let i = 0; i < blocks; i++) {
      ground.mine(1);
      await caughtUp();
    }
  };
  const channel = async (who: Who, id: string) =>
    (await nodes[who].call('listpeerchannels', { channel_id: id })).channels[0];
  const reaches = (who: Who, id: string, state: string): Promise<void> =>
    becomes(`${who}'s channel in state ${state}`, async () => {
      const now = await channel(who, id);
      return now?.state === state && (state !== 'CHANNELD_NORMAL' || now.reestablished === true);
    });
  const connect = () =>
    nodes.alice.call('connect', { id: nodes.bob.id, host: '127.0.0.1', port: nodes.bob.node.peers.address?.port ?? 0 });
  return {
    ground,
    nodes,
    logs,
    mine,
    caughtUp,
    channel,
    reaches,
    endow: async (who, ...coins) => {
      await endow(ground, nodes[who], coins);
      await caughtUp();
    },
    open: async (sat) => {
      await connect();
      const { channel_id } = await nodes.alice.call('fundchannel', { id: nodes.bob.id, amount: sat });
      await mine();
      for (const who of both) await reaches(who, channel_id, 'CHANNELD_NORMAL');
      return channel_id;
    },
    restart: async (who) => {
      await nodes[who].stop();
      nodes[who] = await start(who);
      await caughtUp();
    },
    stop: async () => {
      await Promise.all(both.map((who) => nodes[who].stop()));
      await rm(dir, { recursive: true, force: true });
    },
  };
};
