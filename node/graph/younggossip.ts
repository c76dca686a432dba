/**
 * Announcements of channels that are a few blocks too young for this node to believe. Whoever announces a channel saw six confirmations,
 * and a node that reads its blocks later would miss it for good, since nobody announces it to the same peer twice. They are kept until
 * the blocks come. Signatures are not checked before that, so there are few of them, and of the sender that has most the oldest gives way.
 */
import { equal } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { type Point, type ShortChannelId, scidParts } from '../../wire/units.ts';
import { nodeKey } from './graph.ts';
import { keyOfNode } from './nodekeys.ts';
import { SharedPlaces } from './shares.ts';

/** Channels that are kept, and node_announcements of their nodes. */
const MOST = 500;
/** Blocks that the funding may lie above ours: a node farther behind asks its peers once it has caught up. */
const MOST_AHEAD = 12;

/** A message as it came. */
interface Kept<T> {
  readonly message: T;
  readonly raw: Uint8Array;
  readonly from: Point | undefined;
  readonly source: string | undefined;
}

export type YoungChannel = Kept<MessageOf<'channel_announcement'>>;
export type YoungNode = Kept<MessageOf<'node_announcement'>>;

/** Whose place it takes: peers that connected to us can make up any number of node ids, not of sources. */
const holderOf = ({ from, source }: Kept<unknown>): string => source ?? (from === undefined ? '' : keyOfNode(from));

export class YoungGossip {
  private readonly channels = new SharedPlaces<ShortChannelId, YoungChannel>(MOST);
  private readonly nodes = new SharedPlaces<string, YoungNode>(MOST);
  /** Channels that are old enough and being looked up on the chain: what is told of their nodes meanwhile still comes too early. */
  private readonly lookedUp = new Set<YoungChannel>();

  /** Keeps a channel's announcement, at our height. */
  keepChannel(kept: YoungChannel, height: number): void {
    const scid = kept.message.short_channel_id;
    if (scidParts(scid).height <= height + MOST_AHEAD) this.channels.set(scid, kept, holderOf(kept));
  }

  /** Keeps a node's announcement if it is a node of one of these channels. */
  keepNode(kept: YoungNode): void {
    const { node_id: id } = kept.message;
    const isNamed = [...this.lookedUp, ...[...this.channels].map(([, one]) => one)].some(
      ({ message }) => equal(message.node_id_1, id) || equal(message.node_id_2, id),
    );
    if (isNamed) this.nodes.set(nodeKey(id), kept, holderOf(kept));
  }

  /** Takes out the channels that are old enough now. `handled` is to be told of them. */
  take(isTooYoung: (scid: ShortChannelId) => boolean): readonly YoungChannel[] {
    const kept = [...this.channels].map(([, one]) => one);
    const channels = kept.filter(({ message }) => !isTooYoung(message.short_channel_id));
    for (const channel of channels) {
      this.channels.delete(channel.message.short_channel_id);
      this.lookedUp.add(channel);
    }
    return channels;
  }

  /** These channels are in the graph now, or never will be. Takes out the node_announcements, to be kept again where still too early. */
  handled(channels: readonly YoungChannel[]): readonly YoungNode[] {
    if (channels.length === 0) return [];
    for (const channel of channels) this.lookedUp.delete(channel);
    const nodes = [...this.nodes].map(([, one]) => one);
    this.nodes.clear();
    return nodes;
  }
}
