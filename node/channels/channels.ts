/**
 * Finds the channels of one chain: by key, by peer, and by the ids that peers, onions and callers use. It is made before the parts that
 * work with channels, so that all of them can have it; what happens to a channel is in host.ts.
 */
import type { ChannelMessage, Context, Input } from '../../channel/model/io.ts';
import type { ChannelState, Htlc } from '../../channel/model/state.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { type Point, point, type ShortChannelId } from '../../wire/units.ts';
import type { Peer } from '../peer/peer.ts';
import { coreOf, type Entry, incomingOf } from './entry.ts';
import { ChannelIds } from './ids.ts';
import { channelName } from './naming.ts';

/** Inputs queued for a channel above which its peer's messages are no longer read. */
const MAX_BACKLOG = 64;

export class Channels {
  /** By key. */
  readonly entries = new Map<string, Entry>();
  /** Channels with anchors that are being opened and have no entry yet; coins are reserved for them. */
  openingWithAnchors = 0;
  /** The height and the feerates that channels use now. */
  readonly context: () => Context;
  private readonly ids = new ChannelIds();

  constructor(context: () => Context) {
    this.context = context;
  }

  add(entry: Entry, state: ChannelState): void {
    this.entries.set(entry.key, entry);
    this.index(entry, state);
  }

  /** Adds the ids that a channel has in this state, unless the channel was removed. */
  index(entry: Entry, state: ChannelState): void {
    if (this.entries.get(entry.key) === entry) this.ids.add(entry, state);
  }

  remove(entry: Entry): void {
    this.entries.delete(entry.key);
    this.ids.remove(entry);
  }

  push(channel: string, input: Input): void {
    this.entries.get(channel)?.machine.push(input);
  }

  channelsWith(peer: Point): readonly Entry[] {
    const id = hex(peer);
    return [...this.entries.values()].filter((entry) => entry.peer === id);
  }

  /** By the short_channel_id or an alias of ours. */
  byShortId(scid: ShortChannelId): Entry | undefined {
    const key = this.ids.ofScid(scid);
    return key === undefined ? undefined : this.entries.get(key);
  }

  /** By the channel_id or temporary_channel_id, 32 bytes, that this peer uses. */
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

  /** The name in logs of the channel with this key; undefined where there is no such channel any more. */
  nameOf(key: string): string | undefined {
    const entry = this.entries.get(key);
    return entry && (channelName(entry.machine.state) ?? entry.lastName);
  }

  peerOf(channel: string): Point {
    return point(unhex(this.entries.get(channel)?.peer ?? ''));
  }

  /**
   * Gives a peer's message to the channel that it names. A flood is slowed down to what the channel can process: `wait` delays the peer's
   * next message. undefined: the peer has no such channel.
   */
  receive(
    peer: Peer,
    id: Uint8Array,
    message: ChannelMessage,
  ): { readonly wait: Promise<void> | undefined } | undefined {
    const entry = this.byChannelId(peer.id, id);
    if (entry === undefined) return undefined;
    entry.machine.push({ type: 'message', message });
    return { wait: entry.machine.backlog > MAX_BACKLOG ? entry.machine.settled() : undefined };
  }

  /** `error` or `warning` with a channel_id of zeros: it is about all channels with the peer (BOLT 1). */
  receiveForAll(peer: Peer, message: MessageOf<'error'> | MessageOf<'warning'>): void {
    for (const entry of this.channelsWith(peer.id)) entry.machine.push({ type: 'message', message });
  }

  /** Resolves once no channel has an input left to process. */
  async settled(): Promise<void> {
    await Promise.all([...this.entries.values()].map((entry) => entry.machine.settled()));
  }
}
