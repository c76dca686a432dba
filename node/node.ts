/**
 * One node put together: its ports on one side, its machines on the other, and between them who tells whom. Nothing here
 * decides anything about money; it only makes sure that what one part says reaches the next.
 */
import { join } from 'node:path';
import { ampProtocols } from '../amp/payload.ts';
import type { ChannelEvent, Context } from '../channel/io.ts';
import { hex, unhex } from '../wire/bytes.ts';
import { decode, encode } from '../wire/codec.ts';
import { hasFeature, ourFeatures } from '../wire/features.ts';
import { msat as msatCodec } from '../wire/fields.ts';
import { decodeMessage } from '../wire/message.ts';
import { addMsat, type Msat, msat, type Point } from '../wire/units.ts';
import { Addresses } from './addresses.ts';
import { checkNetwork } from './chain/bitcoind.ts';
import { Follower } from './chain/follower.ts';
import { retrying } from './chain/retry.ts';
import { Watcher } from './chain/watcher.ts';
import type { Entry } from './channels/entry.ts';
import { ChannelHost } from './channels/host.ts';
import { accept, type OpeningParts } from './channels/opening.ts';
import { outgoingOf, outletOf, ownChannelOf } from './channels/views.ts';
import type { Config } from './config.ts';
import { type DispatchParts, dispatch } from './dispatch.ts';
import { ReplayLog } from './forward/replay.ts';
import { type ForwardNote, Switchboard } from './forward/switchboard.ts';
import { Gossip } from './graph/gossip.ts';
import { Graph } from './graph/graph.ts';
import { OwnChannels } from './graph/own.ts';
import { graphStore, loadGraph } from './graph/persist.ts';
import { type Network, networkOf } from './network.ts';
import { Invoices } from './pay/invoices.ts';
import { Payments } from './pay/payments.ts';
import { ReceiverHost } from './pay/receiver.ts';
import { Peers } from './peer/peers.ts';
import type { ChainEvent, Ports } from './ports.ts';
import { prepareStore } from './store/open.ts';
import { keysOf, type NodeKeys } from './wallet/keys.ts';
import { openSeed } from './wallet/seed.ts';
import { rebroadcast } from './wallet/send.ts';
import { Wallet } from './wallet/wallet.ts';

const FEES = 'stats/fees';
/** sat per 1,000 weight: a regtest peer may have a fixed estimate far above ours. */
const FEERATES = { least: 253, most: 100_000 } as const;
/** Blocks within which a commitment should confirm. */
const COMMITMENT_TARGET = 6;

/** A running node, as its API sees it. */
export interface Node {
  readonly config: Config;
  readonly ports: Ports;
  readonly network: Network;
  readonly keys: NodeKeys;
  readonly peers: Peers;
  readonly addresses: Addresses;
  readonly wallet: Wallet;
  readonly follower: Follower;
  readonly graph: Graph;
  readonly own: OwnChannels;
  readonly channels: ChannelHost;
  readonly invoices: Invoices;
  readonly receiver: ReceiverHost;
  readonly payments: Payments;
  readonly opening: OpeningParts;
  readonly alias: string;
  /** Six hex digits. */
  readonly color: string;
  readonly feesCollected: () => Msat;
  readonly feerate: () => number;
  /** Unix seconds. */
  readonly now: () => number;
  /** Ends everything in good order: what was begun is finished or safely on disk. */
  stop(): Promise<void>;
}

export interface NodeOptions {
  readonly config: Config;
  readonly ports: Ports;
  /** Something failed that the node cannot go on with: the store, or a bug. Called at most once. */
  readonly broke: (error: unknown) => void;
  /** What an experimenter's EOB protocol read at a forwarder. */
  readonly noted?: (note: ForwardNote) => void;
}

/** Starts a node; resolves when it listens and follows its chain. Throws StoreError, ChainError, WalletError. */
export const startNode = async ({ config, ports, broke, noted }: NodeOptions): Promise<Node> => {
  const { chain, store, clock, entropy, log, transport } = ports;
  const network = networkOf(config.network);
  await prepareStore(store, config.network);

  let broken = false;
  const fatal = (error: unknown): void => {
    if (broken) return;
    broken = true;
    broke(error);
  };
  /** For writes whose order matters but that nothing waits for. */
  const keep = (changes: Parameters<typeof store.commit>[0]): void => {
    store.commit(changes).catch(fatal);
  };
  const now = (): number => Math.floor(clock.now() / 1000);

  const { seed, fresh } = await openSeed(join(config.networkDir, 'seed'), entropy);
  const keys = keysOf(seed, network.coin);
  const id = keys.nodeId;
  const alias = config.alias ?? `ampere-${hex(id).slice(0, 8)}`;
  const color = config.color ?? hex(id).slice(2, 8);
  const starting = new AbortController();
  await retrying({ clock, log, signal: starting.signal }, () => checkNetwork(chain, network.chain));

  const wallet = await Wallet.open({ store, keys, network });
  const addresses = await Addresses.load(store);
  const invoices = await Invoices.load(store, now);
  const replays = await ReplayLog.load(store);
  const graph = new Graph();
  await loadGraph(store, graph);
  const watcher = await Watcher.open(chain, store, (notice) => {
    channels.notice(notice);
  });
  const kept = await store.get(FEES);
  let fees: Msat = kept === undefined ? msat(0n) : decode(msatCodec, kept);
  let feerate: number = FEERATES.least;

  const height = (): number => follower.top.height;
  const context = (): Context => ({
    height: height(),
    feerate,
    minFeerate: FEERATES.least,
    maxFeerate: Math.max(FEERATES.most, feerate * 10),
  });
  const refreshFeerate = async (): Promise<void> => {
    try {
      feerate = await chain.feerate(COMMITMENT_TARGET);
    } catch (error) {
      log.debug({ reason: reason(error) }, 'no fee estimate now; the last one stays');
    }
  };

  const gossip = new Gossip({ graph, saved: graphStore(store), chain, chainHash: network.chain, log, now });
  const own = new OwnChannels({
    key: keys.identity,
    id,
    chainHash: network.chain,
    graph,
    gossip,
    log,
    now,
    send: (peer, message) => peers.get(peer)?.send(message),
    node: {
      alias,
      color: unhex(color),
      features: ourFeatures('N'),
      addresses: () => [],
    },
  });
  const announced = (entry: Entry | undefined) => entry && ownChannelOf(entry, config.policy, height());
  const refresh = (entry: Entry): void => {
    const channel = announced(entry);
    if (channel !== undefined) own.refresh(channel).catch(fatal);
  };

  const heard = (entry: Entry, event: ChannelEvent): void => {
    switch (event.event) {
      case 'received':
        switchboard.received(entry.key, event);
        break;
      case 'resolved':
        switchboard.resolved(entry.key, event.id, event.origin, event.result);
        break;
      case 'offer_refused':
        switchboard.refused(entry.key, event.origin, event.why);
        break;
      case 'settled':
        switchboard.settled(entry.key, event.id);
        break;
      case 'opening':
        keepPeer(entry);
        break;
      case 'ready':
        refresh(entry);
        break;
      default:
        break;
    }
  };
  /** A peer that we have a channel with is called back whenever it is lost. */
  const keepPeer = (entry: Entry): void => {
    const peer = channels.peerOf(entry.key);
    peers.keep(peer, addresses.of(peer));
  };

  const dispatchParts = (): DispatchParts => ({
    channels,
    gossip,
    graph,
    own,
    chainHash: network.chain,
    log,
    opening: (peer, message) => accept(opening, peer, message),
    announced: (peer, channel) => announced(channels.byChannelId(peer.id, channel)),
  });
  const features = ourFeatures('I');
  const peers: Peers = new Peers({
    key: keys.identity,
    features,
    chainHash: network.chain,
    transport,
    clock,
    entropy,
    log,
    handlers: {
      ready: (peer) => {
        log.info({ peer: hex(peer.id), direction: peer.direction }, 'connected');
        channels.connected(peer);
        // BOLT 7: a peer gossips only after it was told since when; we want all there is.
        if (peer.features.has('gossip_queries'))
          peer.send({
            name: 'gossip_timestamp_filter',
            chain_hash: network.chain,
            first_timestamp: 0,
            timestamp_range: 0xffff_ffff,
          });
      },
      message: (peer, message, raw) => dispatch(parts, peer, message, raw),
      closed: (peer, why) => {
        log.info({ peer: hex(peer.id), why }, 'disconnected');
        gossip.forget(peer.id);
        channels.disconnected(peer);
      },
    },
  });
  const channels: ChannelHost = new ChannelHost({
    store,
    chain,
    log,
    wallet,
    peers,
    follower: () => follower,
    watcher: () => watcher,
    context,
    heard,
    online: refresh,
    fatal,
  });
  const opening: OpeningParts = {
    host: channels,
    wallet,
    keys,
    entropy,
    chainHash: network.chain,
    minimumDepth: config.minDepth,
    context,
    log,
  };
  const parts = dispatchParts();

  const readsFrames = (node: Point, key: string): boolean => {
    const theirs = peers.get(node)?.theirFeatures ?? graph.node(key)?.features;
    return theirs !== undefined && hasFeature(theirs, 'option_eob_amp');
  };
  const payments: Payments = new Payments({
    store,
    clock,
    entropy,
    log,
    channels: () => ({
      outlets: () => [...channels.entries.values()].flatMap((entry) => outletOf(entry) ?? []),
      offer: (scid, offer) => {
        const entry = channels.byShortId(scid);
        entry?.machine.push({ type: 'offer', ...offer });
        return entry !== undefined;
      },
      allOffered: () => channels.allOffered(),
    }),
    routes: { graph, source: id, tlvOnly: (key, node) => !readsFrames(node, key) },
    context: () => ({ now: now(), height: height() }),
    learnt: (raw) => {
      const message = decodeMessage(raw);
      if (message.name === 'channel_update') gossip.take(message, raw).catch(fatal);
    },
    fatal,
  });
  const receiver = await ReceiverHost.load({
    store,
    clock,
    log,
    invoices,
    context: () => ({
      now: now(),
      height: height(),
      spontaneous: config.amp.spontaneous,
      minFinalCltv: config.cltvFinal,
      limits: config.amp.limits,
    }),
    fulfill: ({ channel, id: htlc }, preimage) => channels.push(channel, { type: 'fulfill', id: htlc, preimage }),
    fail: ({ channel, id: htlc }, failure) => switchboard.failBack(channel, htlc, failure),
    fatal,
  });
  const switchboard = new Switchboard({
    key: keys.identity,
    registry: ampProtocols,
    channels: {
      push: (channel, input) => channels.push(channel, input),
      incoming: (channel, htlc) => channels.incoming(channel, htlc),
      offered: (channel, htlc) => channels.offered(channel, htlc),
      allOffered: () => channels.allOffered(),
      peerOf: (channel) => channels.peerOf(channel),
      updateOf: (channel) => own.lastUpdate(channel),
      outgoing: (scid) => {
        const entry = channels.byShortId(scid);
        return entry && outgoingOf(entry, config.policy, own.lastUpdate(entry.key));
      },
    },
    payments,
    receiver,
    replays,
    keep,
    height,
    log,
    earned: (fee) => {
      fees = addMsat(fees, fee);
      keep([{ key: FEES, value: encode(msatCodec, fees) }]);
    },
    noted: noted ?? (() => undefined),
  });

  const onBlock = (event: ChainEvent): void => {
    const at = event.event === 'connected' ? event.block.height : event.height - 1;
    channels.block(at);
    receiver.tick();
    payments.tick();
    keep(replays.prune(at));
    for (const entry of channels.entries.values()) if (announced(entry)?.announce === true) refresh(entry);
    void refreshFeerate();
    void rebroadcast(wallet, chain, log);
  };
  const follower: Follower = new Follower({
    chain,
    store,
    clock,
    log,
    birth: fresh ? 'tip' : 0,
    listeners: [
      wallet,
      watcher,
      {
        apply: () => [],
        applied: async (event) => {
          if (event.event === 'connected') await gossip.closed(spentChannels(graph, event));
          onBlock(event);
        },
      },
    ],
  });

  await channels.load();
  await payments.load();
  await refreshFeerate();
  await follower.start(fatal);
  switchboard.restore();
  channels.begin();
  await channels.settled();
  payments.begin();
  receiver.start();
  const ticking = tick(ports, () => payments.tick());
  if (config.listen !== undefined) await peers.listen(config.listen);
  for (const entry of channels.entries.values()) keepPeer(entry);

  return {
    config,
    ports,
    network,
    keys,
    peers,
    addresses,
    wallet,
    follower,
    graph,
    own,
    channels,
    invoices,
    receiver,
    payments,
    opening,
    alias,
    color,
    feesCollected: () => fees,
    feerate: () => feerate,
    now,
    stop: async () => {
      starting.abort();
      ticking();
      await peers.stop();
      await follower.stop();
      await receiver.stop();
      await payments.settled();
      await channels.settled();
      await store.close();
      await chain.close();
    },
  };
};

/** Once a second until the returned function is called. */
const tick = ({ clock }: Pick<Ports, 'clock'>, run: () => void): (() => void) => {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(1000, () => {
      run();
      again();
    });
  };
  again();
  return () => cancel();
};

/** Announced channels whose funding output a block spends. */
const spentChannels = (graph: Graph, { block }: Extract<ChainEvent, { event: 'connected' }>) =>
  block.transactions.flatMap(({ tx }) => tx.ins.flatMap((input) => graph.fundedBy(input.hash, input.index) ?? []));

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
