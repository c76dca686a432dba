/**
 * Where the announcements of a graph are kept as they were received (BOLT 7), to be passed on and asked for. The graph itself holds
 * numbers; a message is found by its position, and read only when somebody wants it.
 */
import type { Sat, ShortChannelId, Txid } from '../../wire/units.ts';

/** No position: a message that is not kept. */
export const NOWHERE = -1;

/** What is kept beside a channel_announcement: it costs questions to the chain to find out again. */
export interface FoundFunding {
  readonly capacity: Sat;
  /** The funding output, whose spending ends the channel. */
  readonly funding: { readonly txid: Txid; readonly vout: number };
}

/** A channel and its funding. */
export interface AnnouncedFunding extends FoundFunding {
  readonly scid: ShortChannelId;
}

/** Messages by their positions, which are numbers from 0 on, or NOWHERE where one could not be kept. */
export interface RawMessages {
  /** Keeps a channel_announcement. */
  channel(channel: AnnouncedFunding, raw: Uint8Array): number;
  /** Keeps the channel_update of one side. */
  policy(scid: ShortChannelId, side: 0 | 1, raw: Uint8Array): number;
  /** Keeps the node_announcement of a node, whose id is 66 hex digits. */
  node(id: string, raw: Uint8Array): number;
  /** A channel is no longer part of the graph: nothing of it comes back at the next start. */
  removed(scid: ShortChannelId): void;
  /** The message at a position; undefined where it cannot be read. */
  read(position: number): Uint8Array | undefined;
}

/** Messages in memory, for graphs that are made up: nothing is on disk, and nothing is ever dropped. */
export const messagesInMemory = (): RawMessages => {
  const kept: Uint8Array[] = [];
  const keep = (raw: Uint8Array): number => kept.push(raw) - 1;
  return {
    channel: (_channel, raw) => keep(raw),
    policy: (_scid, _side, raw) => keep(raw),
    node: (_id, raw) => keep(raw),
    removed: () => undefined,
    read: (position) => kept[position],
  };
};
