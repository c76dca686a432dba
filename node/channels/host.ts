/**
 * Runs the channels of one chain. Each has a machine, whose inputs come from its peer, the chain, payments and callers; its effects are
 * performed here and nowhere else.
 */

import type { ChannelFeatures } from '../../channel/model/channeltype.ts';
import type { ChannelEvent, ChannelMessage, Effect, Input } from '../../channel/model/io.ts';
import { restore } from '../../channel/model/persist.ts';
import type { ChannelState, StaticChannel } from '../../channel/model/state.ts';
import { recoverChannel } from '../../channel/phases/recover.ts';
import { transition } from '../../channel/phases/transition.ts';
import { hex } from '../../wire/bytes.ts';
import type { Point } from '../../wire/units.ts';
import { Listeners } from '../base/listeners.ts';
import { Machine } from '../base/machine.ts';
import { recorded } from '../base/recording.ts';
import type { Notice } from '../chain/watchrules.ts';
import type { Peer } from '../peer/peer.ts';
import type { Log } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import { prefixed } from '../store/space.ts';
import { broadcast, fundChannel, holdFunding, watchFunding } from './chaineffects.ts';
import {
  coreOf,
  type Entry,
  isOnline,
  isStrangersUnconfirmed,
  logFields,
  noteDisconnecting,
  noteReconnected,
} from './entry.ts';
import { applyEvent } from './eventeffects.ts';
import { logEvent } from './eventlog.ts';
import { channelFeatures } from './features.ts';
import { keyOfWatch, reportDoubleSpend, takeFundingNotice, unwatchFunding } from './fundingnotices.ts';
import type { ChannelEventHandler, ChannelStep, HostParts } from './hostparts.ts';
import { loadChannelRecords, overMark } from './load.ts';
import { channelName } from './naming.ts';
import { CHANNELS } from './onchain.ts';
import { channelSteps } from './stepnames.ts';
import { idleInput, WaitTimers } from './waittimers.ts';

/** HTLC slots that became free; as many as the channel can offer, once channel_reestablish is exchanged again. */
const htlcsFreed = (before: ChannelState, now: ChannelState): number => {
  const [then, core] = [coreOf(before), coreOf(now)];
  if (core === undefined) return 0;
  if (isOnline(now) && !isOnline(before)) return Math.max(1, core.params.remote.maxAcceptedHtlcs - core.outgoing.size);
  return (then?.outgoing.size ?? 0) - core.outgoing.size;
};

export class ChannelHost {
  private readonly parts: HostParts;
  /** The connection that each `connected` input is about. */
  private readonly connections = new WeakMap<ChannelFeatures, Peer>();
  private readonly waitTimers: WaitTimers;
  private readonly handlers: ChannelEventHandler[] = [];
  private readonly roomHandlers: ((htlcs: number) => void)[] = [];
  private readonly emit: ChannelEventHandler;
  /** Told of each step of each channel, with the state before and after. */
  readonly steps = new Listeners<ChannelStep>();

  constructor(parts: HostParts) {
    this.parts = parts;
    this.waitTimers = new WaitTimers(parts.clock, parts.peerTimeout);
    const emit: ChannelEventHandler = (entry, event) => {
      for (const handler of this.handlers) handler(entry, event);
    };
    this.emit = parts.wrapEvents?.(emit) ?? emit;
  }

  /** Calls `handler` with every event of every channel, after the host itself has handled it. */
  subscribe(handler: ChannelEventHandler): void {
    this.handlers.push(handler);
  }

  /** Tells `handler` of each channel that is rid of HTLCs which it had offered, and of how many; or that can be used again. */
  onRoomFreed(handler: (htlcs: number) => void): void {
    this.roomHandlers.push(handler);
  }

  /** Reads all channels of the store that are not closed; they do nothing before `begin`. Throws StoreError or WireError. */
  async load(): Promise<void> {
    for (const [key, records] of await loadChannelRecords(this.parts.store)) {
      const state = restore(records);
      if (state.phase === 'closed') this.parts.gate.save([overMark(key)]);
      else this.add(key, state, coreOf(state)?.params.peer);
    }
  }

  /** Starts the loaded channels: events that may not have been handled before the restart are reported again. */
  begin(): void {
    for (const entry of this.parts.channels.entries.values()) entry.machine.push({ type: 'restored' });
  }

  /** Adds a channel that `openChannel` or `acceptChannel` made, and performs its first effects. */
  create(
    key: string,
    peer: Point,
    [state, effects]: readonly [ChannelState, readonly Effect[]],
    opening: Pick<Entry, 'plan' | 'onFundingPublished' | 'onRefused' | 'source'> = {},
  ): Entry {
    const entry = Object.assign(this.add(key, state, peer, effects), opening);
    entry.machine.begin();
    return entry;
  }

  /** Recovers a channel of which only this is known; it can only be closed. */
  recover(channel: StaticChannel): Entry {
    const { key, peer } = channel.params;
    const entry = this.create(key, peer, recoverChannel(channel));
    const there = this.parts.peers.get(peer);
    if (there !== undefined) entry.machine.push(this.connectedTo(there));
    return entry;
  }

  private add(key: string, state: ChannelState, peer: Point | undefined, first: readonly Effect[] = []): Entry {
    const { channels, fatal, log, recorder } = this.parts;
    const step = recorded(recorder, { kind: 'channel', id: key, state, first, name: channelName }, transition);
    const entry: Entry = {
      key,
      peer: peer === undefined ? '' : hex(peer),
      status: [],
      listeners: new Set(),
      connection: peer && this.parts.peers.get(peer),
      machine: new Machine<ChannelState, Input, Effect>({
        state,
        first,
        step: (before, input) => {
          // From here on it sends to this connection: messages that it wanted to send earlier were for another one.
          if (input.type === 'connected') entry.connection = this.connections.get(input.features);
          const next = step(before, input, channels.context());
          if (next[0].phase === 'abandoned') entry.lastName ??= channelName(before);
          return next;
        },
        perform: (effect, now) => this.perform(entry, effect, now),
        traced: channelSteps(log, peer === undefined ? '' : hex(peer)),
        onStep: (before, now) => {
          if (before.phase !== now.phase) this.parts.channels.index(entry, now);
          this.waitTimers.follow(entry, now);
          const freed = htlcsFreed(before, now);
          if (freed > 0) for (const handler of this.roomHandlers) handler(freed);
          this.steps.tell({ entry, before, now });
          if (!isOnline(now) || isOnline(before)) return;
          noteReconnected(entry);
          entry.machine.push({ type: 'update_fee' });
          this.parts.onOnline(entry);
        },
        idle: (now) => idleInput(entry, now),
        // An HTLC offered to a channel that is gone by now is refused at once; all other inputs can be dropped.
        onDropped: (input) => {
          if (input.type !== 'offer') return;
          this.emit(entry, { event: 'offer_refused', origin: input.origin, why: { code: 'closed' } });
        },
        survives: (error, input, effect) => this.survives(entry, error, input, effect),
        onFatal: (error, input) => {
          log.error({ ...logFields(entry), input: input?.type, error }, 'an internal error stopped a channel');
          fatal(error);
        },
      }),
    };
    this.parts.channels.add(entry, state);
    return entry;
  }

  /**
   * A step that throws has changed nothing, and no input of a peer, the chain or a caller may stop the node: the step or effect is skipped,
   * and the peer is disconnected. Only a failed save stops the node, since the channel's state in memory is ahead of the one on disk.
   */
  private survives(entry: Entry, error: unknown, input: Input | undefined, effect: Effect | undefined): boolean {
    if (error instanceof StoreError || effect?.do === 'save') return false;
    const at = input?.type === 'message' ? input.message.name : (input?.type ?? 'the beginning');
    this.parts.log.error(
      { internal: 'channels', ...logFields(entry), at, effect: effect?.do, error },
      'internal error in a channel: the step is skipped, the channel stays as it was, and its peer is disconnected. Please report this line',
    );
    // The payment or incoming HTLC behind the offer would wait forever.
    if (input?.type === 'offer' && effect === undefined)
      this.emit(entry, { event: 'offer_refused', origin: input.origin, why: { code: 'not_ready' } });
    this.disconnect(entry, `internal error at ${at}`);
    return true;
  }

  private drop(entry: Entry): void {
    entry.machine.stop();
    this.waitTimers.end(entry);
    this.parts.channels.remove(entry);
    this.unwatch(entry);
  }

  private unwatch({ key }: Entry): void {
    const { watcher, follower, onError } = this.parts;
    unwatchFunding(watcher, follower, key).catch(onError);
  }

  connected(peer: Peer): void {
    const input = this.connectedTo(peer);
    for (const entry of this.parts.channels.channelsWith(peer.id)) entry.machine.push(input);
  }

  private connectedTo(peer: Peer): Input {
    const features = channelFeatures(peer);
    this.connections.set(features, peer);
    return { type: 'connected', features };
  }

  disconnected(peer: Peer): void {
    for (const entry of this.parts.channels.channelsWith(peer.id)) entry.machine.push({ type: 'disconnected' });
  }

  block(height: number): void {
    for (const entry of this.parts.channels.entries.values()) {
      reportDoubleSpend(entry, this.parts.wallet, height);
      holdFunding(entry, this.parts.wallet).catch(this.parts.onError);
      entry.machine.push({ type: 'block', height });
    }
  }

  /** The fee estimate may have changed: channels that we fund check whether their commitment feerate still fits. */
  feeratesChanged(): void {
    for (const entry of this.parts.channels.entries.values())
      if (isOnline(entry.machine.state)) entry.machine.push({ type: 'update_fee' });
  }

  /** Handles a notice about something that a channel watches; false where it is not about a channel. */
  notice(notice: Notice): boolean {
    if (this.parts.onchain.notice(notice)) return true;
    const key = keyOfWatch(notice.id);
    const entry = key === undefined ? undefined : this.parts.channels.entries.get(key);
    if (entry !== undefined) takeFundingNotice(entry, notice, this.parts.follower.top.height);
    return key !== undefined;
  }

  private perform(entry: Entry, effect: Effect, state: ChannelState): Promise<void> | undefined {
    const { gate } = this.parts;
    switch (effect.do) {
      case 'save':
        gate.save(prefixed(`${CHANNELS}${entry.key}/`, effect.changes));
        return undefined;
      case 'send':
        // From here on the peer may use the channel's final channel_id, even while effects of this step are still pending.
        if (effect.message.name === 'funding_signed') this.parts.channels.index(entry, state);
        this.send(entry, effect.message);
        return undefined;
      case 'fund':
        return fundChannel(this.parts, entry, effect);
      case 'watch_funding':
        return watchFunding(this.parts, entry, effect, state);
      case 'watch_outputs':
        return this.parts.onchain.watch(entry, effect);
      case 'watch_mempool':
        this.parts.onchain.watchMempool(entry, effect);
        return undefined;
      case 'claims':
        this.parts.onchain.claims(entry, effect);
        return undefined;
      case 'load_past':
        return this.parts.onchain.loadPast(entry, effect);
      case 'broadcast':
        gate.afterSaved(() => void broadcast(this.parts, entry, effect).catch(this.parts.onError));
        return undefined;
      case 'disconnect':
        this.disconnect(entry, effect.why);
        return undefined;
      case 'report':
        this.handleEvent(entry, effect.event, state);
        return undefined;
    }
  }

  /** Sends on the connection that the channel knows of: nothing may be sent on a later one before channel_reestablish (BOLT 2). */
  private send({ connection }: Entry, message: ChannelMessage): void {
    if (connection !== undefined) this.parts.gate.afterSaved(() => connection.send(message));
  }

  /** The log for lines about a channel. */
  private logOf(entry: Entry): Log {
    return isStrangersUnconfirmed(entry) ? this.parts.limitedLog : this.parts.log;
  }

  private disconnect(entry: Entry, why: string): void {
    const { connection } = entry;
    this.logOf(entry).warn({ ...logFields(entry), why }, 'disconnecting the peer; the node connects to it again');
    noteDisconnecting(entry, why);
    this.parts.gate.afterSaved(() => connection?.close(why));
  }

  private handleEvent(entry: Entry, event: ChannelEvent, state: ChannelState): void {
    this.parts.channels.index(entry, state);
    applyEvent(this.parts, entry, event, state);
    if (event.event === 'abandoned' || event.event === 'closed') this.drop(entry);
    logEvent(this.logOf(entry), entry, event);
    for (const listener of entry.listeners) listener(event);
    this.emit(entry, event);
  }
}
