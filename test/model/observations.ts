/**
 * What a run has seen of payments and HTLCs: what callers were told, and what came to the disks. It complains as soon as one of
 * them says something else than before.
 */
import type { PaymentRequest } from '../../amp/io.ts';
import { htlcRecord } from '../../channel/model/records.ts';
import type { HtlcDirection } from '../../channel/model/state.ts';
import { CHANNELS } from '../../node/channels/onchain.ts';
import { decodeOrigin } from '../../node/pay/origin.ts';
import { decodePaymentRecord, PAYMENT_RECORDS, type PaymentRecord } from '../../node/pay/paymentrecord.ts';
import type { Change } from '../../wire/change.ts';
import { decode } from '../../wire/codec.ts';
import { names } from './names.ts';

/** A payment as a run began it. */
export interface Started {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly scheme: PaymentRequest['scheme'];
  /** Number of the invoice it is for, which is also its label; undefined for a spontaneous one. */
  readonly invoiceNumber: number | undefined;
}

/** How an HTLC ended, by one end of its channel. */
export type Ended = 'fulfill' | 'fail' | 'malformed';

/** Who wrote a record, and when. */
interface Writing {
  /** How an HTLC ends counts only in the eyes of who looks after it. */
  readonly honest: boolean;
  /** Of the chain. */
  readonly height: number;
}

/** An HTLC by its channel, the side that offered it, and its id. */
const nameOf = (channel: string, place: number, way: HtlcDirection, id: string): string => {
  const isLeft = channel.startsWith(names[place] ?? ' ');
  return `${channel}/${(way === 'out') === isLeft ? 'left' : 'right'}/${id}`;
};

export class Observations {
  readonly payments = new Map<string, Started>();
  /** What the caller of each payment was told. */
  readonly told = new Map<string, PaymentRecord>();
  /** The last state of each payment that would survive a power cut. */
  readonly kept = new Map<string, PaymentRecord>();
  /** By channel, which side offered it, and id: how either end saw it end. */
  readonly ends = new Map<string, Map<HtlcDirection, Ended>>();
  /** Of forwarded HTLCs: the outgoing one's name to the incoming one's, and the amount. */
  private readonly forwards = new Map<string, { readonly incoming: string; readonly amount: bigint }>();
  /** Names of HTLCs that were signed. */
  private readonly offered = new Set<string>();
  readonly complaints: string[] = [];

  /** A record became durable on a node's disk. */
  written(place: number, { key, value }: Change, { honest, height }: Writing): void {
    if (value === undefined) return;
    if (key.startsWith(PAYMENT_RECORDS)) this.payment(decodePaymentRecord(value));
    else if (key.startsWith(CHANNELS) && honest) this.htlc(place, key, value, height);
  }

  private payment(record: PaymentRecord): void {
    const { id } = record;
    const before = this.kept.get(id);
    if (
      before?.result !== undefined &&
      (record.status !== before.status || record.result?.delivered !== before.result.delivered)
    )
      this.complaints.push(`payment ${id} was ${before.status} and is ${record.status} now`);
    this.kept.set(id, record);
  }

  /** A payment's caller has its answer. */
  answer(id: string, record: PaymentRecord): void {
    if (this.told.has(id)) this.complaints.push(`payment ${id} was answered twice`);
    const status = this.kept.get(id)?.status;
    // One preimage makes a payment complete, though its record waits for shards that somebody holds back.
    if (status !== record.status && !(status === 'pending' && record.status === 'complete'))
      this.complaints.push(`payment ${id} was answered ${record.status} before that was durable`);
    this.told.set(id, record);
  }

  private htlc(place: number, key: string, value: Uint8Array, height: number): void {
    const [, channel = '', kind, way, id = ''] = key.split('/');
    if (kind !== 'htlc' || (way !== 'in' && way !== 'out')) return;
    const { removal, amount, expiry, origin: bytes } = decode(htlcRecord, value);
    const name = nameOf(channel, place, way, id);
    // An offer is kept when it is first signed, and not before.
    if (way === 'out' && !this.offered.has(name) && height >= expiry)
      this.complaints.push(`HTLC ${name} of expiry ${expiry} was signed at height ${height}`);
    if (way === 'out') this.offered.add(name);
    const origin = way === 'out' ? decodeOrigin(bytes) : undefined;
    if (origin?.kind === 'forward')
      this.forwards.set(name, { incoming: nameOf(origin.channel, place, 'in', `${origin.id}`), amount });
    if (removal === undefined) return;
    const ends = this.ends.get(name) ?? new Map<HtlcDirection, Ended>();
    this.ends.set(name, ends);
    const before = ends.get(way);
    if (before !== undefined && before !== removal.ending.kind)
      this.complaints.push(`HTLC ${name} had ended with ${before} and ends with ${removal.ending.kind}`);
    ends.set(way, removal.ending.kind);
  }

  /**
   * HTLCs of at least so many millisatoshi (smaller ones may have had no output on chain) that both ends do not remember alike,
   * or that ended otherwise on the one link than on the other.
   */
  disagreements(least: bigint): readonly string[] {
    const said = (name: string): readonly string[] =>
      [...(this.ends.get(name)?.values() ?? [])].map((end) => (end === 'fulfill' ? 'fulfilled' : 'failed'));
    const alone = [...this.ends].filter(([, ends]) => new Set(ends.values()).size > 1).map(([name]) => name);
    const pairs = [...this.forwards]
      .filter(([, { amount }]) => amount >= least)
      .map(([outgoing, { incoming }]) => [outgoing, incoming])
      .filter((pair) => new Set(pair.flatMap(said)).size > 1);
    return [...alone, ...pairs.map((pair) => pair.join(', '))].map((name) => `HTLC ${name} ended both ways`);
  }
}
