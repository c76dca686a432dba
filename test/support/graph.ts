/** Nodes, channels and a gossip service for tests of the graph: every name has its key, every channel its funding on a chain made up. */
import { fundingOutputScript } from '../../channel/tx/funding.ts';
import { systemEntropy } from '../../node/base/entropy.ts';
import { Gossip } from '../../node/graph/gossip.ts';
import { GossipLog } from '../../node/graph/gossiplog.ts';
import {
  type AnnouncedChannel,
  channelAnnouncementDigest,
  ourSide,
  signedChannelAnnouncement,
  signedChannelUpdate,
  signedNodeAnnouncement,
} from '../../node/graph/gossipsignatures.ts';
import { Graph } from '../../node/graph/graph.ts';
import { GraphStore } from '../../node/graph/persist.ts';
import type { Chain, GossipFiles, Log, Store } from '../../node/ports/ports.ts';
import { gossipFilesInMemory, type MemoryDisk } from '../../node/store/gossipfiles.ts';
import { memoryStore } from '../../node/store/memory.ts';
import type { Address } from '../../wire/address.ts';
import { equal } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf, sha256, sign } from '../../wire/crypto.ts';
import { decodeMessage } from '../../wire/message.ts';
import {
  type Msat,
  msat,
  type Point,
  type SecretKey,
  type ShortChannelId,
  sat,
  scidParts,
  secretKey,
  type Txid,
  txid,
} from '../../wire/units.ts';
import { memoryLog } from './peers.ts';

export const keyOf = (name: string): SecretKey => secretKey(sha256(new TextEncoder().encode(name)));
export const idOf = (name: string): Point => pointOf(keyOf(name));
export const NOW = 1_700_000_000;
export const TIP = 1000;
export const chainHash = chainHashOf.regtest;

export const policy = { feeBase: 1000n, feeProportional: 10, cltvExpiryDelta: 34, htlcMaximum: 1_000_000_000n };
export type Terms = Partial<typeof policy>;

export const announcedOf = (a: string, b: string, scid: ShortChannelId): AnnouncedChannel => ({
  chain: chainHash,
  scid,
  nodes: [idOf(a), idOf(b)],
  fundingKeys: [idOf(`${a}/${scid}`), idOf(`${b}/${scid}`)],
});

export const announcement = (a: string, b: string, scid: ShortChannelId, as: readonly [string, string] = [a, b]) => {
  const channel = { ...announcedOf(a, b, scid), nodes: [idOf(as[0]), idOf(as[1])] as const };
  const digest = channelAnnouncementDigest(channel);
  const half = (node: string, key: string) => ({ node: sign(digest, keyOf(node)), bitcoin: sign(digest, keyOf(key)) });
  return signedChannelAnnouncement(channel, half(as[0], `${a}/${scid}`), half(as[1], `${b}/${scid}`));
};

export interface UpdateTerms extends Terms {
  readonly disabled?: boolean;
  readonly dontForward?: boolean;
  readonly htlcMinimum?: Msat;
}

export const update = (from: string, to: string, scid: ShortChannelId, terms: UpdateTerms = {}, at = NOW) => {
  const { feeBase, feeProportional, cltvExpiryDelta, htlcMaximum } = { ...policy, ...terms };
  const { disabled = false, dontForward = false, htlcMinimum = msat(1n) } = terms;
  return signedChannelUpdate(
    keyOf(from),
    { chain: chainHash, scid, side: ourSide(idOf(from), idOf(to)), dontForward },
    {
      ...{ feeBase: msat(feeBase), feeProportional, cltvExpiryDelta },
      ...{ htlcMinimum, htlcMaximum: msat(htlcMaximum), disabled },
    },
    at,
  );
};

export interface NodeTerms {
  readonly features?: Uint8Array;
  readonly addresses?: readonly Address[];
}

export const nodeAnnouncement = (name: string, at = NOW, { features, addresses = [] }: NodeTerms = {}): Uint8Array =>
  signedNodeAnnouncement(
    keyOf(name),
    { id: idOf(name), alias: name, color: new Uint8Array(3), features: features ?? new Uint8Array(0), addresses },
    at,
  );

/** What stands at a place of the chain made up. */
export const txidOf = (height: number, txIndex: number): Txid =>
  txid(sha256(new TextEncoder().encode(`${height}x${txIndex}`)));

/** A chain on which every channel named here is funded with a million satoshi; it counts what it is asked. */
export const chainWith = (channels: readonly AnnouncedChannel[], tip: () => number) => {
  const asked = { count: 0, atOnce: 0, most: 0 };
  const slowly = async <T>(answer: T): Promise<T> => {
    asked.count++;
    asked.most = Math.max(asked.most, ++asked.atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    asked.atOnce--;
    return answer;
  };
  const chain: Pick<Chain, 'txidAt' | 'unspent' | 'tip'> = {
    tip: async () => ({ hash: '', height: tip() }),
    txidAt: (height, txIndex) => slowly(height > tip() ? undefined : txidOf(height, txIndex)),
    unspent: ({ txid: id, vout }) => {
      const found = channels.find(({ scid }) => {
        const { height, txIndex, output } = scidParts(scid);
        return output === vout && equal(txidOf(height, txIndex), id);
      });
      if (found === undefined) return slowly(undefined);
      return slowly({
        script: fundingOutputScript(...found.fundingKeys),
        amount: sat(1_000_000n),
        confirmations: tip() - scidParts(found.scid).height + 1,
        coinbase: false,
      });
    },
  };
  return { chain, asked };
};

/** Where a graph is kept between two starts. */
export interface GraphDisk {
  readonly store: Store;
  readonly gossip: MemoryDisk;
  /** The files, where they are not just those in memory. */
  readonly files?: GossipFiles;
}

/** A graph as it is when its node starts on that disk. */
export const graphOn = async (
  { store, gossip, files = gossipFilesInMemory(gossip) }: GraphDisk,
  { later = () => undefined, log = memoryLog() }: { later?: (ms: number, run: () => void) => void; log?: Log } = {},
) => {
  const messages = await GossipLog.open({ files, chain: chainHash, entropy: systemEntropy, log, later });
  const graph = new Graph(messages);
  const fatal = (error: unknown): never => {
    throw error;
  };
  const saved = await GraphStore.load({ store, graph, messages, log, later, fatal });
  return { graph, messages, saved };
};

/** What a node has of its graph when it starts again. */
export const reloaded = async (disk: GraphDisk): Promise<Graph> => (await graphOn(disk)).graph;

/** Timers that a test lets run. */
const heldTimers = () => {
  const timers: { readonly ms: number; readonly run: () => void }[] = [];
  const later = (ms: number, run: () => void) => void timers.push({ ms, run });
  return { timers, later };
};

/** A gossip service over channels funded on a chain made up; `clock` says its time and height, `pass` lets its timers run. */
export const gossipOver = (channels: readonly AnnouncedChannel[], interval = 60_000) =>
  gossipIn(new Graph(), channels, heldTimers(), memoryLog(), interval);

/** As `gossipOver`, with a graph that is kept on a disk. */
export const storedGossipOver = async (channels: readonly AnnouncedChannel[], files?: GossipFiles) => {
  const disk: GraphDisk = { store: memoryStore(), gossip: new Map(), ...(files && { files }) };
  const [held, log] = [heldTimers(), memoryLog()];
  const { graph, messages, saved } = await graphOn(disk, { later: held.later, log });
  return { ...gossipIn(graph, channels, held, log, 60_000), disk, messages, saved, store: disk.store };
};

const gossipIn = (
  graph: Graph,
  channels: readonly AnnouncedChannel[],
  { timers, later }: ReturnType<typeof heldTimers>,
  log: ReturnType<typeof memoryLog>,
  interval: number,
) => {
  const clock = { now: NOW, height: TIP };
  const { chain, asked } = chainWith(channels, () => clock.height);
  const gossip = new Gossip({
    ...{ graph, chainHash, log, later, interval },
    chain: chain as Chain,
    id: idOf('us'),
    now: () => clock.now,
    height: () => clock.height,
  });
  const take = (raw: Uint8Array, from?: string, source?: string) => {
    const message = decodeMessage(raw);
    if (
      message.name !== 'channel_announcement' &&
      message.name !== 'channel_update' &&
      message.name !== 'node_announcement'
    )
      throw new Error(message.name);
    return gossip.handle(message, raw, idOf(from ?? 'stranger'), source);
  };
  /** Runs every timer of that length, or all, and what they set off. */
  const pass = async (ms?: number): Promise<void> => {
    const due = timers.filter((one) => ms === undefined || one.ms === ms);
    timers.splice(0, timers.length, ...timers.filter((one) => !due.includes(one)));
    for (const { run } of due) run();
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { graph, gossip, take, clock, asked, log, timers, later, pass };
};

/** Somebody who is told things, and what. */
export const listener = (name: string) => {
  const raws: Uint8Array[] = [];
  return {
    id: idOf(name),
    send: (raw: Uint8Array) => void raws.push(raw),
    flushed: () => Promise.resolve(),
    raws,
    get names() {
      return raws.map((raw) => decodeMessage(raw).name);
    },
  };
};

export const filterOf = (first = 0, range = 0xffff_ffff) =>
  ({
    name: 'gossip_timestamp_filter',
    chain_hash: chainHash,
    first_timestamp: first,
    timestamp_range: range,
  }) as const;
