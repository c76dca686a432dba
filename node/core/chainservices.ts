/**
 * Everything that belongs to one chain, made in the order in which the parts need each other: wallet, graph, watcher, fee estimates and
 * follower; the channels; gossip; claims, the channel host, openings, backup. Notices of the watcher and events of channels are
 * subscribed to at the end, when all parts exist. Called once for each chain of a node.
 */
import { unhex } from '../../wire/bytes.ts';
import { announcedFeatures } from '../../wire/features.ts';
import type { ChainHash, ShortChannelId } from '../../wire/units.ts';
import { Backups } from '../backup/backups.ts';
import { backupKey } from '../backup/format.ts';
import { Rates } from '../base/rates.ts';
import { Feerates } from '../chain/feerate.ts';
import { Follower } from '../chain/follower.ts';
import { HeightWaiters } from '../chain/heightwaiters.ts';
import { ChainOutage } from '../chain/outage.ts';
import { tipProbe, withTimeouts } from '../chain/timeouts.ts';
import { Watcher } from '../chain/watcher.ts';
import { Channels } from '../channels/channels.ts';
import type { Entry } from '../channels/entry.ts';
import { ForgottenChannels, recoveringForgotten } from '../channels/forgotten.ts';
import { ChannelHost } from '../channels/host.ts';
import { Onchain } from '../channels/onchain.ts';
import { acceptChannelFrom, type OpeningParts } from '../channels/opening.ts';
import { ChannelPolicies } from '../channels/policies.ts';
import { reconnectingOf } from '../channels/reconnect.ts';
import { DISPLACEMENTS } from '../channels/unfundedlimits.ts';
import { ownChannelOf } from '../channels/views.ts';
import { announcedAddresses } from '../graph/announced.ts';
import { applyChainEvent } from '../graph/chainevents.ts';
import { checkFundings } from '../graph/fundingcheck.ts';
import { Gossip } from '../graph/gossip.ts';
import { GossipLog } from '../graph/gossiplog.ts';
import { GossipSync } from '../graph/gossipsync.ts';
import { Graph } from '../graph/graph.ts';
import { OwnChannels } from '../graph/ownchannels.ts';
import { GraphStore } from '../graph/persist.ts';
import { SignatureThread } from '../graph/signaturechecks.ts';
import { sweepStale } from '../graph/stalechannels.ts';
import { descriptorsOf } from '../peer/descriptors.ts';
import type { PeerHandlers } from '../peer/peer.ts';
import type { Network } from '../ports/network.ts';
import type { Chain } from '../ports/ports.ts';
import { Refusals } from '../wallet/refusals.ts';
import { rebroadcast } from '../wallet/send.ts';
import { Wallet } from '../wallet/wallet.ts';
import type { Identity } from './identity.ts';
import { peerEvents } from './peerevents.ts';
import type { NodeChain } from './running.ts';

export interface ChainServices extends NodeChain {
  readonly chainHash: ChainHash;
  /** The chain without time limits. */
  readonly chain: Chain;
  /** The chain for API calls, whose requests end after a time limit. */
  readonly chainWithTimeouts: Chain;
  readonly feerates: Feerates;
  readonly gossip: Gossip;
  /** Asks peers for gossip. */
  readonly sync: GossipSync;
  /** Checks signatures of gossip apart. */
  readonly checks: SignatureThread;
  readonly forgotten: ForgottenChannels;
  /** What of the graph is kept between two starts. */
  readonly graphStore: GraphStore;
  /** Handlers for peers that connect, send messages or disconnect. */
  readonly handlers: PeerHandlers;
  /** Sends the wallet's own transactions again that no block has. */
  readonly rebroadcast: () => void;
  /** Looks up all channels of the graph, where some may have been closed unnoticed. */
  readonly checkGraph: () => void;
  /** To be called with the height at which peers can first connect. */
  readonly setReachable: (height: number) => void;
}

/** What `openChain` needs beside the node's identity. */
export interface ChainParts {
  readonly network: Network;
  readonly chain: Chain;
  /** HOST:PORT of its bitcoind, for messages. */
  readonly where: string;
}

/** The parts that follow the chain's blocks, and the follower. */
const openFollowing = async (identity: Identity, { network, chain }: ChainParts) => {
  const { ports, keys, now, logs, later, fatal, fresh } = identity;
  const { store, clock } = ports;
  const wallet = await Wallet.open({ store, keys, network });
  const [log, entropy] = [logs.gossip, ports.entropy];
  const files = { files: ports.gossip, chain: network.chain };
  const messages = await GossipLog.open({ ...files, entropy, log, later: later.run });
  const graph = new Graph(messages);
  const graphStore = await GraphStore.load({ store, graph, messages, log, later: later.run, fatal });
  const watcher = await Watcher.open(chain, store);
  const feerates = await Feerates.load({ chain, store, log: logs.chain, now, network: network.name });
  const follower = new Follower({
    ...{ chain, store, clock, log: logs.chain },
    birth: fresh ? 'tip' : 0,
    listeners: [wallet, watcher, { apply: (event) => applyChainEvent(graph, graphStore, event) }],
  });
  return { wallet, graph, graphStore, watcher, feerates, follower };
};

type Following = Awaited<ReturnType<typeof openFollowing>>;

/** Gossip about other nodes' channels on this chain, and the node's own announcements. */
const openGossip = async (identity: Identity, { network, chain }: ChainParts, following: Following) => {
  const { config, ports, keys, alias, color, peers, gate, now, logs, limitedLogs, later, onInternalError } = identity;
  const { graph, follower } = following;
  const [id, chainHash] = [keys.nodeId, network.chain];
  const checks = new SignatureThread({ log: logs.gossip, later: later.run });
  const gossip = new Gossip({
    ...{ graph, chain, chainHash, id, now, checks },
    height: () => follower.height,
    log: limitedLogs.gossip,
    interval: network.gossipInterval,
    later: later.run,
    onUnknownChannel: (from, scid, timestamp) => sync.unknownChannel(from, scid, timestamp),
  });
  const onRemoved = (scid: ShortChannelId, timestamp: number): void => sync.wants.left(scid, timestamp);
  sweepStale({ graph, id, now, log: logs.gossip, onRemoved }, later.run);
  let hasCaughtUp = false;
  const sync: GossipSync = new GossipSync({
    ...{ graph, chainHash, now },
    log: limitedLogs.gossip,
    isSynced: () => hasCaughtUp,
    isTooYoung: (scid) => gossip.isTooYoung(scid),
  });
  const onCaughtUp = (): void => {
    hasCaughtUp = true;
    sync.tick();
  };
  // Where following ends before that, nobody is asked.
  follower.caughtUp.then(onCaughtUp, () => undefined).catch(onInternalError('gossip'));
  const own = new OwnChannels({
    ...{ id, chainHash, graph, gossip, now },
    key: keys.identity,
    log: logs.gossip,
    send: (peer, message) => peers.get(peer)?.send(message),
    keep: (changes) => {
      gate.save(changes);
      return gate.allSaved();
    },
    later: later.run,
    node: {
      alias,
      color: unhex(color),
      features: announcedFeatures({ keysend: config.amp.spontaneous }),
      addresses: () => descriptorsOf(config.announce),
    },
  });
  await own.load(ports.store);
  return { gossip, sync, checks, own };
};

/** Reads the records of a chain and makes its parts; nothing is sent or requested yet. Throws StoreError, WireError. */
export const openChain = async (identity: Identity, parts: ChainParts): Promise<ChainServices> => {
  const { config, ports, keys, peers, addresses, gate, now, hooks, logs, limitedLogs, later, fatal, onInternalError } =
    identity;
  const { store, clock, entropy } = ports;
  const { network, chain, where } = parts;
  const chainWithTimeouts = withTimeouts({ chain, clock, where });
  const refusals = new Refusals();

  const following = await openFollowing(identity, parts);
  const { wallet, graph, graphStore, watcher, feerates, follower } = following;
  let reachableSince = Number.POSITIVE_INFINITY;
  const channels = new Channels(() => ({ ...feerates.context(follower.height), reachableSince }));
  const { gossip, sync, checks, own } = await openGossip(identity, parts, following);
  const policies = await ChannelPolicies.load(
    { usual: config.policy, save: (changes) => gate.save(changes), now },
    store,
  );

  const announced = (entry: Entry | undefined) => entry && ownChannelOf(entry, policies.of(entry.key), follower.height);
  const refresh = (entry: Entry): void => {
    const channel = announced(entry);
    if (channel !== undefined) own.refresh(channel).catch(onInternalError('announcements'));
  };
  const backups = new Backups({
    ...{ entropy, now, log: logs.store, key: backupKey(keys, network), file: config.backupFile },
    channels: () => channels.entries.values(),
    addresses: (peer) => [...addresses.of(peer), ...announcedAddresses(graph, peer)],
    used: () => wallet.used,
  });
  const onchain = await Onchain.open({
    ...{ chain, store, clock, entropy, wallet, gate, follower, watcher, channels },
    log: logs.sweep,
    fatal: onInternalError('claims'),
  });
  const channelHost = new ChannelHost({
    ...{ store, gate, clock, wallet, refusals, peers, backups, follower, watcher, onchain, channels, fatal },
    chain: chainWithTimeouts,
    log: logs.channel,
    limitedLog: limitedLogs.channel,
    peerTimeout: config.peerTimeout,
    wrapEvents: hooks.channelEvents,
    recorder: hooks.recorder,
    onOnline: refresh,
    onError: onInternalError('channels'),
  });
  const opening: OpeningParts = {
    ...{ host: channelHost, channels, wallet, keys, entropy, chain, now },
    log: logs.channel,
    limitedLog: limitedLogs.channel,
    displacements: new Rates(DISPLACEMENTS.burst, DISPLACEMENTS.seconds),
    chainHash: network.chain,
    minimumDepth: config.minDepth,
    reserve: config.reserve,
    allowStaticRemotekey: config.allowStaticRemotekey,
    forcedSecrets: hooks.channelSecrets,
  };
  const reconnecting = reconnectingOf({ addresses, own, policies, peers, channels });
  const forgotten = await ForgottenChannels.load(
    {
      ...{ gate, watcher, follower },
      log: logs.channel,
      fatal: onInternalError('forgotten channels'),
      recover: recoveringForgotten(channels, channelHost, reconnecting),
    },
    store,
  );
  const outage = new ChainOutage({
    ...{ clock, log: logs.chain },
    isSynced: () => follower.isSynced(),
    atStake: () => channels.entries.size > 0,
  });
  const heightWaiters = new HeightWaiters(() => follower.height);
  follower.onBlock(() => heightWaiters.block());
  watcher.subscribe((notice) => {
    if (!forgotten.notice(notice)) channelHost.notice(notice);
  });

  await channelHost.load();
  const channelPeers = new Set([...channels.entries.values()].map(({ peer }) => peer));
  own.forgetPeersWithout((peer) => channelPeers.has(peer));
  await follower.load();
  return {
    ...{ gossip, sync, checks },
    ...{ network, chain, chainWithTimeouts, follower, heightWaiters, outage, wallet, refusals, feerates },
    ...{ channels, channelHost, opening, reconnecting, forgotten, onchain, backups, graph, graphStore, own },
    ...{ policies, refresh },
    chainHash: network.chain,
    chainTip: tipProbe({ chain, clock, where }),
    feerate: () => feerates.current,
    handlers: peerEvents({
      ...{ channels, channelHost, gossip, sync, graph, own, now, chainHash: network.chain },
      log: limitedLogs.peer,
      opening: (peer, message) => acceptChannelFrom(opening, peer, message),
      announced: (peer, channel) => announced(channels.byChannelId(peer.id, channel)),
    }),
    rebroadcast: () => void rebroadcast(wallet, chain, logs.wallet, refusals).catch(onInternalError('broadcasts')),
    checkGraph: () => {
      if (!graphStore.isUnsure) return;
      checkFundings({ graph, chain, log: logs.gossip, later: later.run, height: () => follower.height })
        .then(() => graphStore.sure(follower.height))
        .catch(onInternalError('a look at all channels of the graph'));
    },
    setReachable: (height) => {
      reachableSince = height;
    },
  };
};
