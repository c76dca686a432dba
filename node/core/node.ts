/**
 * One node put together: its ports on one side, its machines on the other, and between them who tells whom. Nothing here
 * decides anything about money; it only makes sure that what one part says reaches the next.
 */

import type { Context } from '../../channel/model/io.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { ourFeatures } from '../../wire/features.ts';
import { Backups } from '../backup/backups.ts';
import { backupKey } from '../backup/format.ts';
import { orElse } from '../base/cleanup.ts';
import { Disk } from '../base/disk.ts';
import { partLog, partLogs } from '../base/loglevels.ts';
import { LINES, limitedLog } from '../base/loglimits.ts';
import { Rates } from '../base/rates.ts';
import { laterBy } from '../base/timers.ts';
import { Feerates } from '../chain/feerate.ts';
import { Follower } from '../chain/follower.ts';
import { ChainOutage } from '../chain/outage.ts';
import { tipProbe, withTimeouts } from '../chain/timeouts.ts';
import { Watcher } from '../chain/watcher.ts';
import type { Entry } from '../channels/entry.ts';
import { ForgottenChannels, recoveringForgotten } from '../channels/forgotten.ts';
import { ChannelHost } from '../channels/host.ts';
import { Onchain } from '../channels/onchain.ts';
import { acceptChannelFrom, type OpeningParts } from '../channels/opening.ts';
import { fundedChannelsWith, reconnectingOf } from '../channels/reconnect.ts';
import { DISPLACEMENTS } from '../channels/unfundedlimits.ts';
import { ownChannelOf } from '../channels/views.ts';
import { ForwardingFees } from '../forward/forwardingfees.ts';
import { ReplayLog } from '../forward/replay.ts';
import { applyChainEvent } from '../graph/chainevents.ts';
import { Gossip } from '../graph/gossip.ts';
import { announcedAddresses, Graph } from '../graph/graph.ts';
import { OwnChannels } from '../graph/ownchannels.ts';
import { GraphStore, loadGraph } from '../graph/persist.ts';
import { Invoices } from '../pay/invoices.ts';
import { AddressBook } from '../peer/addressbook.ts';
import { descriptorsOf } from '../peer/descriptors.ts';
import { Peers } from '../peer/peers.ts';
import { networkOf } from '../ports/network.ts';
import { watchedStore } from '../store/door.ts';
import { Gate } from '../store/gate.ts';
import { Refusals } from '../wallet/refusals.ts';
import { rebroadcast } from '../wallet/send.ts';
import { Wallet } from '../wallet/wallet.ts';
import { afterBlock } from './afterblock.ts';
import { channelEvents } from './channelevents.ts';
import { openDatadir } from './datadir.ts';
import { type DispatchParts, dispatch } from './dispatch.ts';
import { internalErrors, onFirstFailure } from './internalerrors.ts';
import { lifecycleOf } from './lifecycle.ts';
import { openPaymentServices } from './paymentservices.ts';
import { peerEvents } from './peerevents.ts';
import { Progress } from './progress.ts';
import type { Node, NodeOptions } from './running.ts';

export type { Node, NodeOptions } from './running.ts';

/**
 * Reads what a node keeps and puts it together. Until `begin` it asks the chain for nothing and speaks to nobody, but it can tell
 * how it stands. Throws DatadirError, StoreError, WalletError, FileError.
 */
export const openNode = async (options: NodeOptions): Promise<Node> => {
  const { config, onFailure, experiments = {}, hooks = {}, progress = new Progress() } = options;
  const network = networkOf(config.network);
  const { keys, fresh } = await openDatadir({ ...{ config, hooks }, ...options.ports });
  const fatal = onFirstFailure(onFailure);
  const ports = { ...options.ports, store: watchedStore(options.ports.store, (error) => gate.fail(error)) };
  const { chain, store, clock, entropy, transport } = ports;
  const logs = partLogs(ports.log);
  const asked = { chain, clock, where: `${config.bitcoind.host}:${config.bitcoind.port}` };
  const hasty = withTimeouts(asked);
  const onInternalError = internalErrors(logs.core, fatal);
  const later = laterBy(clock);
  const gate = new Gate(store, fatal, onInternalError('what waits for the store'));
  const now = (): number => Math.floor(clock.now() / 1000);
  const logTime = { now, later: later.run };
  const strangers = partLogs(limitedLog(ports.log, logTime));
  const channelPeers = partLog(limitedLog(ports.log, logTime, { each: LINES.each }), 'peer');

  const id = keys.nodeId;
  const alias = config.alias ?? `ampere-${hex(id).slice(0, 8)}`;
  const color = config.color ?? hex(id).slice(2, 8);

  const wallet = await Wallet.open({ store, keys, network });
  const refusals = new Refusals();
  const addresses = await AddressBook.load(store);
  const invoices = await Invoices.load(store, gate, now);
  const replays = await ReplayLog.load(store);
  const graph = new Graph();
  await loadGraph(store, graph);
  const saved = new GraphStore({ store, later: later.run, fatal });
  const watcher = await Watcher.open(chain, store, (notice) => {
    if (!forgotten.notice(notice)) channels.notice(notice);
  });
  const onchain = await Onchain.open({
    ...{ chain, store, clock, entropy, log: logs.sweep, wallet, gate, fatal: onInternalError('claims') },
    follower: () => follower,
    watcher: () => watcher,
    channels: () => channels,
  });
  const earned = await ForwardingFees.load(store);
  const feerates = await Feerates.load({ chain, store, log: logs.chain, now, network: config.network });

  const height = (): number => follower.height;
  let reachableSince = Number.POSITIVE_INFINITY;
  const context = (): Context => ({ ...feerates.context(height()), reachableSince });

  const gossip = new Gossip({
    ...{ graph, saved, chain, id, now, height },
    log: strangers.gossip,
    chainHash: network.chain,
    interval: network.gossipInterval,
    later: later.run,
  });
  const own = new OwnChannels({
    key: keys.identity,
    id,
    chainHash: network.chain,
    graph,
    gossip,
    log: logs.gossip,
    now,
    send: (peer, message) => peers.get(peer)?.send(message),
    keep: (changes) => {
      gate.save(changes);
      return gate.settled();
    },
    later: later.run,
    node: {
      alias,
      color: unhex(color),
      features: ourFeatures('N'),
      addresses: () => descriptorsOf(config.announce),
    },
  });
  await own.load(store);
  const announced = (entry: Entry | undefined) => entry && ownChannelOf(entry, config.policy, height());
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
  const disk = new Disk({ folder: config.networkDir, clock, log: logs.store });
  // Not waited for: a disk that hangs would keep the node from coming up.
  void disk.look();
  const reconnecting = reconnectingOf({ addresses, own, peers: () => peers, channels: () => channels });
  const forgotten = await ForgottenChannels.load(
    {
      ...{ gate, log: logs.channel, fatal: onInternalError('forgotten channels') },
      watcher: () => watcher,
      follower: () => follower,
      recover: recoveringForgotten(() => channels, reconnecting),
    },
    store,
  );
  const onChannelEvent = channelEvents({
    reconnecting,
    backups,
    forgotten,
    refresh,
    wallet,
    fatal,
    htlcSwitch: () => htlcSwitch,
  });

  const channelsWith = fundedChannelsWith(() => channels);
  const peers: Peers = new Peers({
    key: keys.identity,
    features: ourFeatures('I'),
    chainHash: network.chain,
    transport,
    clock,
    entropy,
    log: strangers.peer,
    channels: channelsWith,
    limitLoopback: config.limitLoopback,
    wrapStream: hooks.wrapStream,
    handlers: peerEvents({
      ...{ gossip, own, chainHash: network.chain },
      logOf: (peer) => (channelsWith(peer) > 0 ? channelPeers : strangers.peer),
      channels: () => channels,
      message: (peer, message, raw) => dispatch(dispatching, peer, message, raw),
    }),
  });
  const channels: ChannelHost = new ChannelHost({
    ...{ store, gate, clock, log: logs.channel, strangers: strangers.channel, wallet, refusals, peers, backups },
    chain: hasty,
    peerTimeout: config.peerTimeout,
    follower: () => follower,
    watcher: () => watcher,
    onchain: () => onchain,
    context,
    onEvent: hooks.channelEvents?.(onChannelEvent) ?? onChannelEvent,
    onOnline: refresh,
    ...{ fatal, onError: onInternalError('channels') },
  });
  const opening: OpeningParts = {
    host: channels,
    ...{ wallet, keys, entropy, context, log: logs.channel, strangers: strangers.channel, chain, now },
    displacements: new Rates(DISPLACEMENTS.burst, DISPLACEMENTS.seconds),
    chainHash: network.chain,
    minimumDepth: config.minDepth,
    reserve: config.reserve,
    allowStaticRemotekey: config.allowStaticRemotekey,
    forcedSecrets: hooks.channelSecrets,
  };
  const dispatching: DispatchParts = {
    ...{ channels, gossip, graph, own, now, chainHash: network.chain },
    log: strangers.peer,
    opening: (peer, message) => acceptChannelFrom(opening, peer, message),
    announced: (peer, channel) => announced(channels.byChannelId(peer.id, channel)),
  };

  const desk = await openPaymentServices({
    ...{
      config,
      ports: { ...ports, log: logs.payment },
      keys,
      peers,
      channels,
      graph,
      own,
      invoices,
      replays,
      earned,
      gate,
      height,
      now,
      fatal,
      wallet,
      strangers: strangers.payment,
    },
    feerate: () => feerates.current,
    isCurrent: () => follower.isSynced(),
    isOut: () => outage.isHalting,
    experiments,
  });
  const { payments, receiver, htlcSwitch } = desk;

  const resend = () => void rebroadcast(wallet, chain, logs.wallet, refusals).catch(onInternalError('broadcasts'));
  const onBlock = afterBlock({
    ...{
      channels,
      receiver,
      payments,
      replays,
      gate,
      onchain,
      feerates,
      backups,
      refresh,
      rebroadcast: resend,
      onInternalError,
    },
  });
  const follower: Follower = new Follower({
    ...{ chain, store, clock, log: logs.chain },
    birth: fresh ? 'tip' : 0,
    onSynced: () => htlcSwitch.onHeightKnown(),
    listeners: [
      wallet,
      watcher,
      {
        apply: (event) => applyChainEvent(graph, saved, event),
        applied: onBlock,
      },
    ],
  });

  const outage = new ChainOutage({
    ...{ clock, log: logs.chain },
    isSynced: () => follower.isSynced(),
    atStake: () => channels.entries.size > 0,
  });

  await channels.load();
  await follower.load();

  const parts: Omit<Node, 'begin' | 'stop'> = {
    config,
    ports: { ...ports, chain: hasty },
    chainTip: tipProbe(asked),
    network,
    keys,
    peers,
    addresses,
    wallet,
    refusals,
    follower,
    outage,
    graph,
    own,
    channels,
    onchain,
    gate,
    backups,
    disk,
    reconnecting,
    invoices,
    receiver,
    payments,
    opening,
    alias,
    color,
    progress,
    feesCollected: () => earned.total,
    feerate: () => feerates.current,
    now,
  };
  const life = lifecycleOf({
    ...parts,
    ports,
    ...{ feerates, forgotten, htlcSwitch, saved, later, fatal, rebroadcast: resend },
    reachable: (at) => {
      reachableSince = at;
    },
  });
  return { ...parts, ...life };
};

/**
 * Starts a node; resolves when it listens and follows its chain. One that cannot is ended before this rejects. Throws StoreError,
 * ChainError, WalletError, ListenError.
 */
export const startNode = async (options: NodeOptions): Promise<Node> => {
  const node = await openNode(options);
  await orElse(node.begin(), node.stop);
  return node;
};
