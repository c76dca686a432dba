/**
 * The book of our own payments. Those that are not over are in memory and have a mark in the store, which is all that is read at
 * the start; those that are over are read when somebody asks for them, by number or by payment hash.
 */
import { hex } from '../../wire/bytes.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import type { Gate } from '../store/gate.ts';
import { Numbered, numbersBelow, numberText } from '../store/numbered.ts';
import { decodePay, encodePay, PAYS, type PayRecord } from './paymentrecord.ts';

/** A mark for each payment that is not over. */
const PENDING = 'paying/';
/** All numbers of a payment hash. */
const HASHES = 'payhash/';
const EMPTY = new Uint8Array();

const ofHash = (paymentHash: Uint8Array): string => `${HASHES}${hex(paymentHash)}/`;

export class PayBook {
  private readonly store: Store;
  private readonly gate: Gate;
  private readonly records: Numbered<PayRecord>;
  /** Of those in memory: id to number, and payment hash to the latest number. */
  private readonly ids = new Map<string, bigint>();
  private readonly hashes = new Map<string, bigint>();
  private lastIndex = 0n;

  private constructor(store: Store, gate: Gate) {
    this.store = store;
    this.gate = gate;
    this.records = new Numbered(store, PAYS, decodePay);
  }

  /** Reads what is not over. Throws StoreError. */
  static async load(store: Store, gate: Gate): Promise<PayBook> {
    const book = new PayBook(store, gate);
    book.lastIndex = await book.records.last();
    for await (const n of numbersBelow(store, PENDING)) {
      const record = await book.records.at(n);
      if (record === undefined)
        throw new StoreError({ code: 'corrupt', key: book.records.key(n), detail: 'no record of a payment under way' });
      book.hold(record);
    }
    return book;
  }

  private hold(record: PayRecord): void {
    const { id, createdIndex, paymentHash } = record;
    this.records.held.set(createdIndex, record);
    this.ids.set(id, createdIndex);
    const hash = hex(paymentHash);
    if ((this.hashes.get(hash) ?? 0n) < createdIndex) this.hashes.set(hash, createdIndex);
  }

  private letGo({ id, createdIndex, paymentHash }: PayRecord): void {
    this.records.held.delete(createdIndex);
    this.ids.delete(id);
    const hash = hex(paymentHash);
    if (this.hashes.get(hash) === createdIndex) this.hashes.delete(hash);
  }

  /** Keeps a payment that begins, behind all that was kept before. Throws WireError when it does not fit a record. */
  begin(draft: Omit<PayRecord, 'createdIndex' | 'status' | 'end'>): PayRecord {
    const record: PayRecord = { ...draft, createdIndex: this.lastIndex + 1n, status: 'pending', end: undefined };
    // Before anything is held or promised: what no record can hold is refused, and leaves nothing behind.
    const value = encodePay(record);
    this.lastIndex = record.createdIndex;
    this.hold(record);
    const n = numberText(record.createdIndex);
    this.gate.keep([
      { key: PAYS + n, value },
      { key: ofHash(record.paymentHash) + n, value: EMPTY },
      { key: PENDING + n, value: EMPTY },
    ]);
    return record;
  }

  /** Keeps a payment's result; the record goes from memory once that is durable. */
  end(before: PayRecord, end: NonNullable<PayRecord['end']>): PayRecord {
    const record: PayRecord = { ...before, status: end.why === undefined ? 'complete' : 'failed', end };
    this.hold(record);
    const n = numberText(record.createdIndex);
    this.gate.keep([
      { key: PAYS + n, value: encodePay(record) },
      { key: PENDING + n, value: undefined },
    ]);
    this.gate.after(() => this.letGo(record));
    return record;
  }

  /** Those that are not over, in order of their creation. */
  pending(): readonly PayRecord[] {
    return [...this.records.held.values()].filter(({ status }) => status === 'pending');
  }

  /** One that is not over. */
  underWay(id: string): PayRecord | undefined {
    const n = this.ids.get(id);
    const record = n === undefined ? undefined : this.records.held.get(n);
    return record?.status === 'pending' ? record : undefined;
  }

  /** The payment of a payment hash that counts: one that is complete, or else the latest. Throws StoreError. */
  async of(paymentHash: Uint8Array): Promise<PayRecord | undefined> {
    let latest: PayRecord | undefined;
    for await (const record of this.list(0n, paymentHash)) {
      if (record.status === 'complete') return record;
      latest = record;
    }
    return latest;
  }

  /** All from a number on, in order of their creation; of one payment hash alone, if one is given. Throws StoreError. */
  async *list(first = 0n, paymentHash?: Uint8Array): AsyncGenerator<PayRecord> {
    if (paymentHash === undefined) {
      yield* this.records.from(first);
      return;
    }
    const here = this.hashes.get(hex(paymentHash));
    let latest = 0n;
    for await (const n of numbersBelow(this.store, ofHash(paymentHash), first)) {
      const record = await this.records.at(n);
      if (record !== undefined) yield record;
      latest = n;
    }
    const record = here === undefined || here <= latest || here < first ? undefined : await this.records.at(here);
    if (record !== undefined) yield record;
  }
}
