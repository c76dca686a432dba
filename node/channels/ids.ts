/** Finds channels by every id that peers, onions and callers use for them. */

import type { ChannelState } from '../../channel/model/state.ts';
import { channelIdOf } from '../../channel/tx/funding.ts';
import { hex } from '../../wire/bytes.ts';
import type { Point, ShortChannelId } from '../../wire/units.ts';
import { coreOf, type Entry } from './entry.ts';

export class ChannelIds {
  /** Peer and channel_id, temporary ones too, to key. */
  private readonly byId = new Map<string, string>();
  private readonly byScid = new Map<ShortChannelId, string>();

  /** The first channel with an id keeps it: where a peer gives two channels the same funding output, it loses only the second. */
  private name(entry: Entry, id: Uint8Array): void {
    const name = `${entry.peer}/${hex(id)}`;
    if (!this.byId.has(name)) this.byId.set(name, entry.key);
  }

  /** Adds all ids that a channel has so far. */
  add(entry: Entry, state: ChannelState): void {
    const core = coreOf(state);
    if (core !== undefined) {
      this.name(entry, core.channelId);
      const { scid } = core.lockin;
      if (scid !== undefined) this.byScid.set(scid, entry.key);
      if (core.params.alias !== undefined) this.byScid.set(core.params.alias, entry.key);
      return;
    }
    // BOLT 2: `funding_signed` has the final channel_id already.
    if ('funding' in state) this.name(entry, channelIdOf(state.funding));
    if ('params' in state) this.name(entry, state.params.temporaryChannelId);
    else if ('proposal' in state) this.name(entry, state.proposal.temporaryChannelId);
  }

  remove({ key }: Entry): void {
    for (const [id, named] of this.byId) if (named === key) this.byId.delete(id);
    for (const [scid, named] of this.byScid) if (named === key) this.byScid.delete(scid);
  }

  /** The key of the channel that a peer means by an id. */
  ofChannelId(peer: Point, id: Uint8Array): string | undefined {
    return this.byId.get(`${hex(peer)}/${hex(id)}`);
  }

  /** The key of the channel with this short_channel_id or alias of ours. */
  ofScid(scid: ShortChannelId): string | undefined {
    return this.byScid.get(scid);
  }
}
