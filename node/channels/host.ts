/**
 * All channels of a node: one machine each, fed by peers, the chain, payments and callers, and the one place where a
 * channel's effects become actions.
 */

import type { ChannelFeatures } from '../../channel/model/channeltype.ts';
import type { ChannelEvent, ChannelMessage, Context, Effect, Input } from '../../channel/model/io.ts';
import { restore } from '../../channel/model/persist.ts';
import type { ChannelState, Htlc, StaticChannel } from '../../channel/model/state.ts';
import { recoverChannel } from '../../channel/phases/recover.ts';
import { transition } from '../../channel/phases/transition.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { type Point, point, type ShortChannelId } from '../../wire/units.ts';
import { Machine } from '../base/machine.ts';
import type { Notice } from '../chain/watch.ts';
import type { Peer } from '../peer/peer.ts';
import type { Log } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import { prefixed } from '../store/space.ts';
import { broadcast, fundChannel, watchFunding } from './chaineffects.ts';
import {
  coreOf,
  type Entry,
  incomingOf,
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
import type { HostParts } from './hostparts.ts';
import { ChannelIds } from './ids.ts';
import { loadChannelRecords, overMark } from './load.ts';
import { channelName } from './naming.ts';
import { CHANNELS } from './onchain.ts';
import { channelSteps } from './steps.ts';
import { idleInput, WaitTimers } from './waittimers.ts';

export class ChannelHost {
  readonly entries = new Map<string, Entry>();
  /** Channels with anchors for which coins are being set aside: they are to be, and are no entries yet. */
  openingWithAnchors = 0;
  private readonly parts: HostParts;
  private readonly ids = new ChannelIds();
  /** The connection that each `connected` was about. */
  private readonly connections = new WeakMap<ChannelFeatures, Peer>();
  private readonly waitTimers: WaitTimers;

  constructor(parts: HostParts) {
    this.parts = parts;
    this.waitTimers = new WaitTimers(parts.clock, parts.peerTimeout);
  }

  /** Reads all channels of the store that are not over; they do nothing before `begin`. Throws StoreError or WireError. */
  async load(): Promise<void> {
    for (const [key, records] of await loadChannelRecords(this.parts.store)) {
      const state = restore(records);
      if (state.phase === 'closed') this.parts.gate.save([overMark(key)]);
      else this.add(key, state, coreOf(state)?.params.peer);
    }
  }

  /** Lets the loaded channels speak: what was told before a restart and perhaps not heard is told again. */
  begin(): void {
    for (const entry of this.entries.values()) entry.machine.push({ type: 'restored' });
  }

  /** Takes in a channel that `openChannel` or `acceptChannel` made, and performs its first effects. */
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

  /** Takes back a channel of which only this is known; it can only end. */
  recover(channel: StaticChannel): Entry {
    const { key, peer } = channel.params;
    const entry = this.create(key, peer, recoverChannel(channel));
    const there = this.parts.peers.get(peer);
    if (there !== undefined) entry.machine.push(this.connectedTo(there));
    return entry;
  }

  private add(key: string, state: ChannelState, peer: Point | undefined, first: readonly Effect[] = []): Entry {
    const { context, fatal, log } = this.parts;
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
          // From here on it speaks to this one, and not before: what was asked of it earlier was meant for another.
          if (input.type === 'connected') entry.connection = this.connections.get(input.features);
          const next = transition(before, input, context());
          if (next[0].phase === 'abandoned') entry.lastName ??= channelName(before);
          return next;
        },
        perform: (effect, now) => this.perform(entry, effect, now),
        traced: channelSteps(log, peer === undefined ? '' : hex(peer)),
        stepped: (before, now) => {
          if (before.phase !== now.phase) this.index(entry, now);
          this.waitTimers.follow(entry, now);
          if (!isOnline(now) || isOnline(before)) return;
          noteReconnected(entry);
          entry.machine.push({ type: 'update_fee' });
          this.parts.onOnline(entry);
        },
        idle: (now) => idleInput(entry, now),
        // What is offered to a channel that is gone by then goes back at once; nothing else that is left concerns anybody.
        dropped: (input) => {
          if (input.type !== 'offer') return;
          this.parts.onEvent(entry, { event: 'offer_refused', origin: input.origin, why: { code: 'closed' } });
        },
        survives: (error, input, effect) => this.survives(entry, error, input, effect),
        broke: (error, input) => {
          log.error({ ...logFields(entry), input: input?.type, error }, 'a channel stopped at an internal error');
          fatal(error);
        },
      }),
    };
    this.entries.set(key, entry);
    this.index(entry, state);
    return entry;
  }

  /**
   * A step that throws has changed nothing, and what a peer, the chain or a caller brings must not stop the node: what could not
   * be done is left out, and the connection begins anew. Only what was not saved ends it, for the step behind it is made already.
   */
  private survives(entry: Entry, error: unknown, input: Input | undefined, effect: Effect | undefined): boolean {
    if (error instanceof StoreError || effect?.do === 'save') return false;
    const at = input?.type === 'message' ? input.message.name : (input?.type ?? 'the beginning');
    this.parts.log.error(
      { internal: 'channels', ...logFields(entry), at, effect: effect?.do, error },
      'an error inside the node: what it is about is left out, and the channel stands as before. Please report this line',
    );
    // Whose offer it was must not wait for ever.
    if (input?.type === 'offer' && effect === undefined)
      this.parts.onEvent(entry, { event: 'offer_refused', origin: input.origin, why: { code: 'not_ready' } });
    this.disconnect(entry, `internal error at ${at}`);
    return true;
  }

  private index(entry: Entry, state: ChannelState): void {
    if (this.entries.get(entry.key) === entry) this.ids.add(entry, state);
  }

  private drop(entry: Entry): void {
    entry.machine.stop();
    this.waitTimers.end(entry);
    this.entries.delete(entry.key);
    this.unwatch(entry);
    this.ids.remove(entry);
  }

  private unwatch({ key }: Entry): void {
    const { watcher, follower, onError } = this.parts;
    unwatchFunding(watcher(), follower(), key).catch(onError);
  }

  /** What channels know of the world now. */
  context(): Context {
    return this.parts.context();
  }

  push(channel: string, input: Input): void {
    this.entries.get(channel)?.machine.push(input);
  }

  channelsWith(peer: Point): readonly Entry[] {
    const id = hex(peer);
    return [...this.entries.values()].filter((entry) => entry.peer === id);
  }

  byShortId(scid: ShortChannelId): Entry | undefined {
    const key = this.ids.ofScid(scid);
    return key === undefined ? undefined : this.entries.get(key);
  }

  byChannelId(peer: Point, id: Uint8Array): Entry | undefined {
    const key = this.ids.ofChannelId(peer, id);
    return key === undefined ? undefined : this.entries.get(key);
  }

  incoming(channel: string, id: bigint): Htlc | undefined {
    const entry = this.entries.get(channel);
    return entry && incomingOf(entry.machine.state, id);
  }

  offered(channel: string, id: bigint): Htlc | undefined {
    const entry = this.entries.get(channel);
    return entry && coreOf(entry.machine.state)?.outgoing.get(id);
  }

  *allOffered(): Generator<{ readonly channel: string; readonly htlc: Htlc }> {
    for (const { key, machine } of this.entries.values())
      for (const htlc of coreOf(machine.state)?.outgoing.values() ?? []) yield { channel: key, htlc };
  }

  /** How logs name the channel with this key; undefined where there is none any more. */
  nameOf(key: string): string | undefined {
    const entry = this.entries.get(key);
    return entry && (channelName(entry.machine.state) ?? entry.lastName);
  }

  peerOf(channel: string): Point {
    return point(unhex(this.entries.get(channel)?.peer ?? ''));
  }

  /**
   * A peer's message about one of its channels. A flood is slowed down to what the channel can take: the promise holds back
   * the peer's next message. False when the peer has no such channel.
   */
  receive(
    peer: Peer,
    id: Uint8Array,
    message: ChannelMessage,
  ): { readonly wait: Promise<void> | undefined } | undefined {
    const entry = this.byChannelId(peer.id, id);
    if (entry === undefined) return undefined;
    entry.machine.push({ type: 'message', message });
    return { wait: entry.machine.backlog > 64 ? entry.machine.settled() : undefined };
  }

  /** `error` or `warning` with a channel_id of zero: it is about all channels of the peer. */
  receiveForAll(peer: Peer, message: MessageOf<'error'> | MessageOf<'warning'>): void {
    for (const entry of this.channelsWith(peer.id)) entry.machine.push({ type: 'message', message });
  }

  connected(peer: Peer): void {
    const input = this.connectedTo(peer);
    for (const entry of this.channelsWith(peer.id)) entry.machine.push(input);
  }

  private connectedTo(peer: Peer): Input {
    const features = channelFeatures(peer);
    this.connections.set(features, peer);
    return { type: 'connected', features };
  }

  disconnected(peer: Peer): void {
    for (const entry of this.channelsWith(peer.id)) entry.machine.push({ type: 'disconnected' });
  }

  block(height: number): void {
    for (const entry of this.entries.values()) {
      reportDoubleSpend(entry, this.parts.wallet, height);
      entry.machine.push({ type: 'block', height });
    }
  }

  /** The chain's estimate may be another now: channels that we fund look whether theirs still fits. */
  feeratesChanged(): void {
    for (const entry of this.entries.values())
      if (isOnline(entry.machine.state)) entry.machine.push({ type: 'update_fee' });
  }

  /** Resolves once no channel has anything left to do. */
  async settled(): Promise<void> {
    await Promise.all([...this.entries.values()].map((entry) => entry.machine.settled()));
  }

  /** What the chain says about something a channel asked to watch; false when the notice is not about a channel. */
  notice(notice: Notice): boolean {
    if (this.parts.onchain().notice(notice)) return true;
    const key = keyOfWatch(notice.id);
    const entry = key === undefined ? undefined : this.entries.get(key);
    if (entry !== undefined) takeFundingNotice(entry, notice, this.parts.follower().top.height);
    return key !== undefined;
  }

  private perform(entry: Entry, effect: Effect, state: ChannelState): Promise<void> | undefined {
    const { gate } = this.parts;
    switch (effect.do) {
      case 'save':
        gate.save(prefixed(`${CHANNELS}${entry.key}/`, effect.changes));
        return undefined;
      case 'send':
        // From here on the peer may speak of the channel by its real id, whatever else this step still waits for.
        if (effect.message.name === 'funding_signed') this.index(entry, state);
        this.send(entry, effect.message);
        return undefined;
      case 'fund':
        return fundChannel(this.parts, entry, effect);
      case 'watch_funding':
        return watchFunding(this.parts, entry, effect, state);
      case 'watch_outputs':
        return this.parts.onchain().watch(entry, effect);
      case 'watch_mempool':
        this.parts.onchain().watchMempool(entry, effect);
        return undefined;
      case 'claims':
        this.parts.onchain().claims(entry, effect);
        return undefined;
      case 'load_past':
        return this.parts.onchain().loadPast(entry, effect);
      case 'broadcast':
        gate.after(() => void broadcast(this.parts, entry, effect).catch(this.parts.onError));
        return undefined;
      case 'disconnect':
        this.disconnect(entry, effect.why);
        return undefined;
      case 'report':
        this.handleEvent(entry, effect.event, state);
        return undefined;
    }
  }

  /** To the connection that the channel knows of: nothing may reach a later one before channel_reestablish (BOLT 2). */
  private send({ connection }: Entry, message: ChannelMessage): void {
    if (connection !== undefined) this.parts.gate.after(() => connection.send(message));
  }

  /** Where lines about a channel go. */
  private logOf(entry: Entry): Log {
    return isStrangersUnconfirmed(entry) ? this.parts.strangers : this.parts.log;
  }

  private disconnect(entry: Entry, why: string): void {
    const { connection } = entry;
    this.logOf(entry).warn({ ...logFields(entry), why }, 'ending the connection; it will be taken up again');
    noteDisconnecting(entry, why);
    this.parts.gate.after(() => connection?.close(why));
  }

  private handleEvent(entry: Entry, event: ChannelEvent, state: ChannelState): void {
    this.index(entry, state);
    applyEvent(this.parts, entry, event, state);
    if (event.event === 'abandoned' || event.event === 'closed') this.drop(entry);
    logEvent(this.logOf(entry), entry, event);
    for (const listener of entry.listeners) listener(event);
    this.parts.onEvent(entry, event);
  }
}
