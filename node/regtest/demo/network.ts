/**
 * A chain and some nodes on it, each a process of its own: started together, funded, connected by channels, watched until
 * all of them know what the test or demonstration relies on, and gone when it is over.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Result } from '../../api/table.ts';
import { makeFolder } from '../../base/files.ts';
import { FileError } from '../../base/fileserror.ts';
import { type RunningBitcoind, startBitcoind } from './bitcoind.ts';
import { embeddedName, findChain } from './chain.ts';
import type { FoundBitcoind } from './find.ts';
import { NodeDied, NodeProcess } from './process.ts';
import { until } from './wait.ts';

export interface NetworkOptions<Name extends string> {
  /** Nodes by name, each with flags of `ampere start` of its own. */
  readonly nodes: Readonly<Record<Name, readonly string[]>>;
  /** Flags for all of them. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What runs some of them instead of this build: flags of Node's and a built main.js. */
  readonly commands?: Readonly<Partial<Record<Name, readonly string[]>>>;
  /** On the chain that this program brings along, even where there is a bitcoind. */
  readonly embedded?: boolean;
  /** More options for bitcoind, as `-txindex=1`. The chain that this program brings along takes none. */
  readonly chain?: readonly string[];
  /** A folder for all of it, which is made and must be empty; one below the machine's temporary folder unless told. */
  readonly dir?: string;
  /** Told what is being done, for those who watch. */
  readonly progress?: (line: string) => void;
}

export type Channel = Result<'listpeerchannels'>['channels'][number];

/** A channel to open: `from` pays for it. */
export interface Opening<Name extends string> {
  readonly from: Name;
  readonly to: Name;
  readonly sat: bigint;
}

export interface Opened<Name extends string> extends Opening<Name> {
  readonly scid: string;
  /** TXID:OUTPUT. */
  readonly funding: string;
  readonly channelId: string;
}

export interface Network<Name extends string> {
  readonly dir: string;
  readonly bitcoind: RunningBitcoind;
  /** What `-version` of bitcoind says, or which chain stands in for it. */
  readonly chainVersion: string;
  /** The program of the chain, and where it came from. */
  readonly found: FoundBitcoind;
  readonly names: readonly Name[];
  readonly nodes: Readonly<Record<Name, NodeProcess>>;
  /** Who gets what blocks pay. */
  readonly miner: string;
  /** Mines blocks and waits until every running node has taken them. Returns the height. */
  mine(blocks: number): Promise<number>;
  /** Sends coins of these sizes, in satoshi, to the nodes' wallets, and mines them. */
  fund(coins: Readonly<Partial<Record<Name, readonly bigint[]>>>): Promise<void>;
  /** Opens channels and waits until every node knows every channel in both directions. */
  open(openings: readonly Opening<Name>[]): Promise<readonly Opened<Name>[]>;
  /** Stops everything and removes its folder. Again is harmless. */
  stop(): Promise<void>;
  /** Lets everything run on when this process ends, and leaves the folder. */
  release(): void;
}

/** Confirmations after which a channel is announced (BOLT 7). */
const announceDepth = 6;
const faucet = 'faucet';

const btc = (sat: bigint): string => `${sat / 100_000_000n}.${String(sat % 100_000_000n).padStart(8, '0')}`;

/** Nodes that died will not do what is waited for. */
const dead = (error: unknown): boolean => error instanceof NodeDied;

class Lab<Name extends string> implements Network<Name> {
  readonly dir: string;
  readonly bitcoind: RunningBitcoind;
  readonly chainVersion: string;
  readonly found: FoundBitcoind;
  readonly names: readonly Name[];
  readonly nodes: Readonly<Record<Name, NodeProcess>>;
  private readonly progress: (line: string) => void;
  private readonly removeFolder = (): void => rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
  /** When this process ends while all of it runs. What is not killed yet would write into the folder as it is removed. */
  private readonly endAtOnce = (): void => {
    for (const name of this.names) void this.nodes[name].kill();
    this.removeFolder();
  };
  miner = '';
  private stopped: Promise<void> | undefined;

  constructor(
    dir: string,
    { chain, found }: { readonly chain: RunningBitcoind; readonly found: FoundBitcoind },
    options: NetworkOptions<Name>,
  ) {
    this.dir = dir;
    this.bitcoind = chain;
    this.chainVersion = found.version;
    this.found = found;
    this.names = Object.keys(options.nodes) as Name[];
    this.progress = options.progress ?? (() => undefined);
    // A password on a command line could be read by everybody.
    const chainFlags = ['--bitcoind', `http://${chain.host}:${chain.port}`, '--bitcoind-cookie', chain.cookieFile];
    const make = (name: Name): NodeProcess => {
      const command = options.commands?.[name];
      const alias = options.nodes[name].includes('--alias') ? [] : ['--alias', name];
      return new NodeProcess({
        name,
        dir: join(dir, name),
        flags: [...chainFlags, ...alias, ...(options.flags ?? []), ...options.nodes[name]],
        ...(options.env && { env: options.env }),
        ...(command && { command }),
      });
    };
    this.nodes = Object.fromEntries(this.names.map((name) => [name, make(name)])) as Record<Name, NodeProcess>;
    process.once('exit', this.endAtOnce);
  }

  private get running(): readonly NodeProcess[] {
    return this.names.map((name) => this.nodes[name]).filter((node) => node.running);
  }

  async start(): Promise<void> {
    this.progress('filling the faucet');
    await this.bitcoind.call('createwallet', faucet);
    this.miner = z.string().parse(await this.bitcoind.call('getnewaddress'));
    await this.bitcoind.mine(101, this.miner);
    this.progress(`starting ${this.names.join(', ')}`);
    await Promise.all(this.names.map((name) => this.nodes[name].start()));
    await this.mine(1);
  }

  async mine(blocks: number): Promise<number> {
    await this.bitcoind.mine(blocks, this.miner);
    const height = z.number().parse(await this.bitcoind.call('getblockcount'));
    await Promise.all(
      this.running.map((node) =>
        until(
          `${node.name} to reach block ${height}`,
          // It answers when it has read it; a node that is just starting is asked again.
          async () => (await node.call('waitblockheight', { blockheight: height, timeout: 10 })).blockheight,
          {},
          dead,
        ),
      ),
    );
    return height;
  }

  async fund(coins: Readonly<Partial<Record<Name, readonly bigint[]>>>): Promise<void> {
    const amounts: Record<string, string> = {};
    for (const name of this.names)
      for (const coin of coins[name] ?? []) {
        const { bech32 } = await this.nodes[name].call('newaddr');
        if (bech32 === undefined) throw new Error(`${name} gave no address`);
        amounts[bech32] = btc(coin);
      }
    const txid = z.string().parse(await this.bitcoind.call('sendmany', '', amounts));
    // A wallet's transaction that bitcoind has not let into its mempool yet would miss the block.
    await until('the coins to be in the mempool', () => this.bitcoind.call('getmempoolentry', txid), {}, dead);
    await this.mine(1);
    for (const name of this.names) {
      const wanted = coins[name]?.length ?? 0;
      await until(
        `${name}'s wallet to show ${wanted} coins`,
        async () => {
          const { outputs } = await this.nodes[name].call('listfunds');
          if (outputs.filter(({ status }) => status === 'confirmed').length >= wanted) return true;
          throw new Error(`it shows ${outputs.map(({ status }) => status).join() || 'none'}, to be sent by ${txid}`);
        },
        {},
        dead,
      );
    }
  }

  async open(openings: readonly Opening<Name>[]): Promise<readonly Opened<Name>[]> {
    const funded = [];
    for (const { from, to, sat } of openings) {
      this.progress(`${from} opens a channel of ${sat} sat to ${to}`);
      const peer = this.nodes[to];
      await this.nodes[from].call('connect', { id: peer.id, host: '127.0.0.1', port: peer.port });
      const { txid, outnum, channel_id } = await this.nodes[from].call('fundchannel', { id: peer.id, amount: sat });
      funded.push({ from, to, sat, funding: `${txid}:${outnum}`, channelId: channel_id });
    }
    this.progress('mining the funding transactions');
    await this.mine(announceDepth);
    const opened: Opened<Name>[] = [];
    for (const one of funded) opened.push({ ...one, scid: await this.untilUsable(one) });
    this.progress('waiting until every node knows every channel');
    await this.untilKnown(opened.map(({ scid }) => scid));
    return opened;
  }

  /** The channel's short_channel_id, once both ends can use it. */
  private async untilUsable({ from, to, channelId }: Omit<Opened<Name>, 'scid'>): Promise<string> {
    const ends = [this.nodes[from], this.nodes[to]];
    const scids = await Promise.all(
      ends.map((node) =>
        until(
          `${node.name}'s channel ${channelId} to become usable`,
          async () => {
            const { channels } = await node.call('listpeerchannels', { channel_id: channelId });
            const [channel] = channels;
            return channel?.state === 'CHANNELD_NORMAL' ? channel.short_channel_id : undefined;
          },
          {},
          dead,
        ),
      ),
    );
    return scids[0] ?? '';
  }

  /** Resolves when every running node knows each of these channels in both directions, and what both ends of it announce. */
  private async untilKnown(scids: readonly string[]): Promise<void> {
    await Promise.all(
      this.running.map((node) =>
        until(
          `${node.name} to know ${scids.length} channels`,
          async () => {
            const { channels } = await node.call('listchannels');
            const known = channels.filter(({ short_channel_id: scid, active }) => active && scids.includes(scid));
            // What a node can read is in its own announcement.
            const announced = new Set(
              (await node.call('listnodes')).nodes.flatMap(({ nodeid, features }) =>
                features === undefined ? [] : [nodeid],
              ),
            );
            const all = known.length === 2 * scids.length && known.every(({ source }) => announced.has(source));
            return all ? true : undefined;
          },
          {},
          dead,
        ),
      ),
    );
  }

  stop(): Promise<void> {
    this.stopped ??= this.stopAll();
    return this.stopped;
  }

  private async stopAll(): Promise<void> {
    await Promise.all(
      this.names.map(async (name) => {
        const outcome = await this.nodes[name].stop();
        if (outcome === 'killed') this.progress(`${name} did not stop in time and was killed`);
      }),
    );
    await this.bitcoind.stop();
    process.removeListener('exit', this.endAtOnce);
    this.removeFolder();
  }

  release(): void {
    process.removeListener('exit', this.endAtOnce);
    for (const name of this.names) this.nodes[name].release();
    this.bitcoind.release();
  }
}

/** Makes a folder where there is none. Throws FileError where something is in it, since it is removed in the end. */
const emptyFolder = async (dir: string): Promise<string> => {
  await makeFolder(dir);
  const [first] = await readdir(dir);
  if (first !== undefined)
    throw new FileError('use', dir, new Error(`${first} is in it, and an empty folder is needed`));
  return dir;
};

/**
 * Starts a chain and the nodes, with one block mined after all of them answer. What has been started is stopped again when
 * something fails. Throws NoBitcoind when there is no chain to be had, NodeDied, TooLate.
 */
export const startNetwork = async <Name extends string>(options: NetworkOptions<Name>): Promise<Network<Name>> => {
  const progress = options.progress ?? (() => undefined);
  const env = options.embedded ? { ...process.env, BITCOIND: embeddedName } : process.env;
  const found = await findChain({ progress, env });
  progress(`starting ${found.version}`);
  const dir = options.dir === undefined ? await mkdtemp(join(tmpdir(), 'ampere-')) : await emptyFolder(options.dir);
  let lab: Lab<Name> | undefined;
  try {
    const chain = await startBitcoind({
      dir: join(dir, 'bitcoind'),
      ...found,
      ...(found.source !== 'embedded' && options.chain && { args: options.chain }),
    });
    lab = new Lab(dir, { chain, found }, options);
    await lab.start();
    return lab;
  } catch (error) {
    if (lab === undefined) rmSync(dir, { recursive: true, force: true });
    else await lab.stop();
    throw error;
  }
};
