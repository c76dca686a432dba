/**
 * What a run has seen of payments and HTLCs: what callers were told, and what came to the disks. It complains as soon as one of
 * them says something else than before.
 */
import type { PaymentRequest } from '../../amp/io.ts';
import { htlcRecord } from '../../channel/records.ts';
import type { Way } from '../../channel/state.ts';
import { CHANNELS } from '../../node/channels/onchain.ts';
import { decodePay, PAYS, type PayRecord } from '../../node/pay/payrecord.ts';
import { decode } from '../../wire/codec.ts';
import { names } from './names.ts';

/** A payment as a run began it. */
export interface Started {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly scheme: PaymentRequest['scheme'];
  /** Number of the invoice it is for, which is also its label; undefined for a spontaneous one. */
  readonly bill: number | undefined;
}

/** How an HTLC ended, by one end of its channel. */
export type Ended = 'fulfill' | 'fail' | 'malformed';

export class Books {
  readonly payments = new Map<string, Started>();
  /** What the caller of each payment was told. */
  readonly told = new Map<string, PayRecord>();
  /** The last state of each payment that would survive a power cut. */
  readonly kept = new Map<string, PayRecord>();
  /** By channel, which side offered it, and id: how either end saw it end. */
  readonly ends = new Map<string, Map<Way, Ended>>();
  readonly complaints: string[] = [];

  /** A record became durable on a node's disk. */
  written(place: number, key: string, value: Uint8Array | undefined): void {
    if (value === undefined) return;
    if (key.startsWith(PAYS)) this.payment(key.slice(PAYS.length), decodePay(value));
    else if (key.startsWith(CHANNELS)) this.htlc(place, key, value);
  }

  private payment(id: string, record: PayRecord): void {
    const before = this.kept.get(id);
    if (
      before?.end !== undefined &&
      (record.status !== before.status || record.end?.delivered !== before.end.delivered)
    )
      this.complaints.push(`payment ${id} was ${before.status} and is ${record.status} now`);
    this.kept.set(id, record);
  }

  /** A payment's caller has its answer. */
  answer(id: string, record: PayRecord): void {
    if (this.told.has(id)) this.complaints.push(`payment ${id} was answered twice`);
    if (this.kept.get(id)?.status !== record.status)
      this.complaints.push(`payment ${id} was answered ${record.status} before that was durable`);
    this.told.set(id, record);
  }

  private htlc(place: number, key: string, value: Uint8Array): void {
    const [, channel = '', kind, way, id = ''] = key.split('/');
    if (kind !== 'htlc' || (way !== 'in' && way !== 'out')) return;
    const { removal } = decode(htlcRecord, value);
    if (removal === undefined) return;
    const isLeft = channel.startsWith(names[place] ?? ' ');
    const name = `${channel}/${(way === 'out') === isLeft ? 'left' : 'right'}/${id}`;
    const ends = this.ends.get(name) ?? new Map<Way, Ended>();
    this.ends.set(name, ends);
    const before = ends.get(way);
    if (before !== undefined && before !== removal.ending.kind)
      this.complaints.push(`HTLC ${name} had ended with ${before} and ends with ${removal.ending.kind}`);
    ends.set(way, removal.ending.kind);
  }

  /** HTLCs that both ends do not remember alike. */
  disagreements(): readonly string[] {
    return [...this.ends].flatMap(([name, ends]) =>
      new Set(ends.values()).size > 1 ? [`HTLC ${name}: ${JSON.stringify([...ends])}`] : [],
    );
  }
}
