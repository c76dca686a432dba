/**
 * The parts of a node that do not depend on a chain: its key, the store and its gate, peers and their addresses, logs, and the handlers
 * of internal errors. Opened before any chain; every chain is given it.
 */
import { hex } from '../../wire/bytes.ts';
import { ourFeatures } from '../../wire/features.ts';
import { Disk } from '../base/disk.ts';
import { type LogPart, partLog, partLogs } from '../base/loglevels.ts';
import { LINES, limitedLog } from '../base/loglimits.ts';
import { type TimerGroup, timerGroup } from '../base/timers.ts';
import { refuseOtherNetwork } from '../chain/timeouts.ts';
import { AddressBook } from '../peer/addressbook.ts';
import { Peers } from '../peer/peers.ts';
import { TraceFeed } from '../peer/tracefeed.ts';
import { traceFile } from '../peer/tracefile.ts';
import { WireTaps } from '../peer/wiretaps.ts';
import { networkOf } from '../ports/network.ts';
import type { Log, Ports } from '../ports/ports.ts';
import { Runes } from '../runes/runes.ts';
import { Gate } from '../store/gate.ts';
import { watchedStore } from '../store/watchedstore.ts';
import type { Chains } from './chains.ts';
import { openDatadir } from './datadir.ts';
import type { Hooks } from './hooks.ts';
import { type InternalErrors, internalErrors, onFirstFailure } from './internalerrors.ts';
import { Progress } from './progress.ts';
import type { NodeIdentity, NodeOptions } from './running.ts';

export interface Identity extends NodeIdentity {
  readonly ports: Ports;
  readonly hooks: Hooks;
  /** Whether the node is new: no block before its first start can pay it. */
  readonly fresh: boolean;
  /** A log for each part of the node. */
  readonly logs: Readonly<Record<LogPart, Log>>;
  /** The same, limited to a few lines of a kind, for what strangers can cause. */
  readonly limitedLogs: Readonly<Record<LogPart, Log>>;
  readonly later: TimerGroup;
  /** The store failed, or there is a bug that the node cannot continue after: the node ends. */
  readonly fatal: (error: unknown) => void;
  /** Any other internal error, with the part of the node in which it happened. */
  readonly onInternalError: InternalErrors;
}

/**
 * Peers' messages go to `chains`, to which chains are added later. Throws DatadirError, StoreError, WalletError, FileError, and for a new
 * node ChainError `wrong_network`.
 */
export const openIdentity = async (options: NodeOptions, chains: Chains): Promise<Identity> => {
  const { config, hooks = {}, progress = new Progress() } = options;
  const { chain, clock, entropy, transport } = options.ports;
  const { bitcoind } = config;
  const ours = networkOf(config.network);
  const { keys, fresh } = await openDatadir({
    ...{ config, hooks },
    ...options.ports,
    log: partLog(options.ports.log, 'wallet'),
    checkChain: () => refuseOtherNetwork({ chain, clock, where: `${bitcoind.host}:${bitcoind.port}` }, ours.chain),
  });
  const fatal = onFirstFailure(options.onFailure);
  const logs = partLogs(options.ports.log);
  const onInternalError = internalErrors(logs.core, fatal);
  const later = timerGroup(clock);
  const now = (): number => Math.floor(clock.now() / 1000);
  const logTime = { now, later: later.run };
  const limitedLogs = partLogs(limitedLog(options.ports.log, logTime));
  const channelPeers = partLog(limitedLog(options.ports.log, logTime, { each: LINES.each }), 'peer');
  // The gate has the store itself, and reports failures of its own writes itself.
  const gate = new Gate(options.ports.store, fatal, onInternalError('what waits for the store'));
  const ports = { ...options.ports, store: watchedStore(options.ports.store, (error) => gate.fail(error)) };
  const taps = new WireTaps();
  const traceFeed = new TraceFeed(clock);
  taps.add(traceFeed.note);
  if (config.trace !== undefined) taps.add(traceFile(config.trace, clock, logs.peer));
  const id = hex(keys.nodeId);
  const disk = new Disk({ folder: config.networkDir, clock, log: logs.store });
  // Not waited for: a disk that hangs would keep the node from starting.
  void disk.check();
  const peers = new Peers({
    ...{ transport, clock, entropy },
    key: keys.identity,
    features: ourFeatures('I'),
    chainHash: ours.chain,
    log: limitedLogs.peer,
    channels: (peer) => chains.fundedChannelsWith(peer),
    limitLoopback: config.limitLoopback,
    wrapStream: hooks.wrapStream,
    taps,
    handlers: chains.peerHandlers((peer) => (chains.fundedChannelsWith(peer) > 0 ? channelPeers : limitedLogs.peer)),
  });
  return {
    ...{ config, hooks, ports, keys, fresh, peers, traceFeed, gate, disk, now, progress },
    ...{ logs, limitedLogs, later, fatal, onInternalError },
    alias: config.alias ?? `ampere-${id.slice(0, 8)}`,
    color: config.color ?? id.slice(2, 8),
    addresses: await AddressBook.load(ports.store),
    peerNotices: chains.peerNotices,
    customMessages: chains.customMessages,
    runes: await Runes.load({ secret: keys.labelled('runes'), store: ports.store, now: () => clock.now() }),
  };
};
