/**
 * Who a node is, whatever chains it stands on: its key, the store and the gate before it, its peers and where they are, its logs and what
 * becomes of its errors. It is opened before any chain, and every chain is given it.
 */
import { hex } from '../../wire/bytes.ts';
import { ourFeatures } from '../../wire/features.ts';
import { Disk } from '../base/disk.ts';
import { type LogPart, partLog, partLogs } from '../base/loglevels.ts';
import { LINES, limitedLog } from '../base/loglimits.ts';
import { type TimerGroup, timerGroup } from '../base/timers.ts';
import { AddressBook } from '../peer/addressbook.ts';
import { Peers } from '../peer/peers.ts';
import { networkOf } from '../ports/network.ts';
import type { Log, Ports } from '../ports/ports.ts';
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
  /** Whether the node is new: no chain holds anything for it from before. */
  readonly fresh: boolean;
  /** A log for each part of the node. */
  readonly logs: Readonly<Record<LogPart, Log>>;
  /** The same for what strangers can cause: few lines of a kind. */
  readonly limitedLogs: Readonly<Record<LogPart, Log>>;
  readonly later: TimerGroup;
  /** The store failed, or there is a bug that nothing can go on with: the node ends. */
  readonly fatal: (error: unknown) => void;
  /** Any other error, by the part of the node in which it happened. */
  readonly onInternalError: InternalErrors;
}

/** Peers speak to `chains`, to which chains are added later. Throws DatadirError, StoreError, WalletError, FileError. */
export const openIdentity = async (options: NodeOptions, chains: Chains): Promise<Identity> => {
  const { config, hooks = {}, progress = new Progress() } = options;
  const { clock, entropy, transport } = options.ports;
  const { keys, fresh } = await openDatadir({ ...{ config, hooks }, ...options.ports });
  const fatal = onFirstFailure(options.onFailure);
  const logs = partLogs(options.ports.log);
  const onInternalError = internalErrors(logs.core, fatal);
  const later = timerGroup(clock);
  const now = (): number => Math.floor(clock.now() / 1000);
  const logTime = { now, later: later.run };
  const limitedLogs = partLogs(limitedLog(options.ports.log, logTime));
  const channelPeers = partLog(limitedLog(options.ports.log, logTime, { each: LINES.each }), 'peer');
  // What the gate saves itself it watches itself.
  const gate = new Gate(options.ports.store, fatal, onInternalError('what waits for the store'));
  const ports = { ...options.ports, store: watchedStore(options.ports.store, (error) => gate.fail(error)) };
  const id = hex(keys.nodeId);
  const disk = new Disk({ folder: config.networkDir, clock, log: logs.store });
  // Not waited for: a disk that hangs would keep the node from coming up.
  void disk.check();
  const peers = new Peers({
    ...{ transport, clock, entropy },
    key: keys.identity,
    features: ourFeatures('I'),
    chainHash: networkOf(config.network).chain,
    log: limitedLogs.peer,
    channels: (peer) => chains.fundedChannelsWith(peer),
    limitLoopback: config.limitLoopback,
    wrapStream: hooks.wrapStream,
    handlers: chains.peerHandlers((peer) => (chains.fundedChannelsWith(peer) > 0 ? channelPeers : limitedLogs.peer)),
  });
  return {
    ...{ config, hooks, ports, keys, fresh, peers, gate, disk, now, progress },
    ...{ logs, limitedLogs, later, fatal, onInternalError },
    alias: config.alias ?? `ampere-${id.slice(0, 8)}`,
    color: config.color ?? id.slice(2, 8),
    addresses: await AddressBook.load(ports.store),
  };
};
