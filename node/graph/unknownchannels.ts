/**
 * Channels of which an update came that are not known here: they are gathered for a moment, and then the peer that sent the updates is
 * asked for them (BOLT 7, `query_short_channel_ids`).
 */
import type { ShortChannelId } from '../../wire/units.ts';
import type { NodeKey } from './graph.ts';
import { SharedPlaces } from './shares.ts';

/** Most channels that are gathered; of more, those of the peer that has most give way. */
export const MAX_UNKNOWN = 500;
/** Seconds that they are gathered. */
export const GATHER_SECONDS = 10;

export class UnknownChannels {
  private readonly from = new SharedPlaces<ShortChannelId, NodeKey>(MAX_UNKNOWN);
  /** When the first of them came. */
  private since = 0;

  /** Adds a channel whose update a peer sent, at this time in seconds. */
  add(scid: ShortChannelId, peer: NodeKey, now: number): void {
    if (this.from.size === 0) this.since = now;
    this.from.set(scid, peer, peer);
  }

  /** Forgets those of a peer that is gone. */
  forget(peer: NodeKey): void {
    for (const [scid, from] of [...this.from]) if (from === peer) this.from.delete(scid);
  }

  /** Takes out those of the peer whose turn it is, ascending; undefined while they are being gathered. */
  take(now: number): { readonly from: NodeKey; readonly ids: readonly ShortChannelId[] } | undefined {
    const [first] = this.from;
    if (first === undefined || now - this.since < GATHER_SECONDS) return undefined;
    const [, from] = first;
    const ids = [...this.from].flatMap(([scid, peer]) => (peer === from ? [scid] : []));
    for (const scid of ids) this.from.delete(scid);
    return { from, ids: ids.sort((a, b) => (a < b ? -1 : 1)) };
  }
}
