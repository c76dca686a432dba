/**
 * What the graph knows of channels that searches do not look at, in typed arrays by the number of a channel (compact.ts): funding outputs,
 * where announcements lie, heights of closes. Channels are found by their funding outputs here.
 */
import { equal } from '../../wire/bytes.ts';
import { type Txid, txid } from '../../wire/units.ts';
import { grown, NONE } from './compact.ts';
import { NOWHERE } from './rawmessages.ts';

const TXID = 32;

/** The first six bytes of a txid as a number: few other transactions have them. */
const beginningOf = (id: Uint8Array): number =>
  new DataView(id.buffer, id.byteOffset, id.byteLength).getUint32(0) * 0x1_0000 + ((id[4] ?? 0) << 8) + (id[5] ?? 0);

export class ChannelDetails {
  /** By channel: an even feature bit that this node does not know, NONE where there is none. */
  unknownBit = new Int32Array(32);
  /** By channel: height of the block that spends the funding output, NONE while there is none. */
  spentAt = new Int32Array(32);
  /** By channel: where its channel_announcement lies. */
  announcement = new Float64Array(32);
  /** By direction: where its channel_update lies. */
  update = new Float64Array(64);
  /** By direction: the checksum of its policy (BOLT 7). */
  checksum = new Uint32Array(64);
  private txids = new Uint8Array(32 * TXID);
  private vouts = new Uint16Array(32);
  /** By channel: the next one whose funding txid begins alike. */
  private next = new Int32Array(32);
  private readonly byBeginning = new Map<number, number>();

  /** Enters a channel, whose updates are still to come. */
  set(channel: number, id: Txid, vout: number, announcement: number, unknownBit: number | undefined): void {
    this.makeRoom(channel + 1);
    this.unknownBit[channel] = unknownBit ?? NONE;
    this.spentAt[channel] = NONE;
    this.announcement[channel] = announcement;
    this.update.fill(NOWHERE, 2 * channel, 2 * channel + 2);
    this.txids.set(id, channel * TXID);
    this.vouts[channel] = vout;
    const beginning = beginningOf(id);
    this.next[channel] = this.byBeginning.get(beginning) ?? NONE;
    this.byBeginning.set(beginning, channel);
  }

  /** Takes a channel out of those that are found by their funding outputs. */
  remove(channel: number): void {
    this.announcement[channel] = NOWHERE;
    this.update.fill(NOWHERE, 2 * channel, 2 * channel + 2);
    const beginning = beginningOf(this.txids.subarray(channel * TXID, (channel + 1) * TXID));
    const after = this.next[channel] ?? NONE;
    let at = this.byBeginning.get(beginning) ?? NONE;
    if (at === channel) {
      if (after === NONE) this.byBeginning.delete(beginning);
      else this.byBeginning.set(beginning, after);
      return;
    }
    for (; at !== NONE; at = this.next[at] ?? NONE)
      if (this.next[at] === channel) {
        this.next[at] = after;
        return;
      }
  }

  funding(channel: number): { readonly txid: Txid; readonly vout: number } {
    return {
      txid: txid(this.txids.slice(channel * TXID, (channel + 1) * TXID)),
      vout: this.vouts[channel] ?? 0,
    };
  }

  /** The channel that an output funds. */
  fundedBy(id: Uint8Array, vout: number): number | undefined {
    for (let at = this.byBeginning.get(beginningOf(id)) ?? NONE; at !== NONE; at = this.next[at] ?? NONE)
      if (this.vouts[at] === vout && equal(this.txids.subarray(at * TXID, (at + 1) * TXID), id)) return at;
    return undefined;
  }

  private makeRoom(channels: number): void {
    this.unknownBit = grown(this.unknownBit, channels);
    this.spentAt = grown(this.spentAt, channels);
    this.announcement = grown(this.announcement, channels);
    this.update = grown(this.update, 2 * channels);
    this.checksum = grown(this.checksum, 2 * channels);
    this.txids = grown(this.txids, channels * TXID);
    this.vouts = grown(this.vouts, channels);
    this.next = grown(this.next, channels);
  }
}
