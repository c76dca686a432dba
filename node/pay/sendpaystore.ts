/**
 * The records of HTLCs that were sent with `sendpay`. Pending ones are in memory and have a mark in the store, so that a start reads
 * only those; the others are read when somebody asks for them, by number or by payment hash.
 */
import { hex } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { Listeners } from '../base/listeners.ts';
import { Waits } from '../base/waits.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import type { Gate } from '../store/gate.ts';
import { highestGiven, Numbered, numbersBelow, numberText } from '../store/numbered.ts';
import type { KeyPrefix } from '../store/schema.ts';
import type { PaymentNumbers } from './paymentnumbers.ts';
import { decodeSendpay, encodeSendpay, type SendpayRecord, type SendpayResult, statusOf } from './sendpayrecord.ts';

const RECORDS = 'sendpay/';
/** A mark for each pending one, by its number. */
const PENDING = 'sendpaying/';
/** An index: payment hash, then the number of each one that has it. */
const NUMBERS_BY_HASH = 'sendpayhash/';
const EMPTY = new Uint8Array();

const ofHash = (paymentHash: Uint8Array): KeyPrefix => `${NUMBERS_BY_HASH}${hex(paymentHash)}/`;
const byNumber = (a: SendpayRecord, b: SendpayRecord): number => (a.createdIndex < b.createdIndex ? -1 : 1);

export class SendpayStore {
  private readonly store: Store;
  private readonly gate: Gate;
  private readonly numbers: PaymentNumbers;
  private readonly records: Numbered<SendpayRecord>;
  /** Callers that wait for one to end, by its number. */
  readonly waits = new Waits<bigint, SendpayRecord>();
  /** Told of each that ended, once that is durable. */
  readonly over = new Listeners<SendpayRecord>();

  private constructor(store: Store, gate: Gate, numbers: PaymentNumbers) {
    this.store = store;
    this.gate = gate;
    this.numbers = numbers;
    this.records = new Numbered(store, RECORDS, decodeSendpay);
  }

  /** Reads the pending ones. Throws StoreError. */
  static async load(store: Store, gate: Gate, numbers: PaymentNumbers): Promise<SendpayStore> {
    const sendpays = new SendpayStore(store, gate, numbers);
    const { records } = sendpays;
    numbers.seen(await records.last());
    for await (const n of numbersBelow(store, PENDING)) {
      const record = await records.get(n);
      if (record === undefined)
        throw new StoreError({ code: 'corrupt', key: records.key(n), detail: 'a pending sendpay has no record' });
      records.inMemory.set(n, record);
    }
    return sendpays;
  }

  /** Saves a new one, after everything saved so far. Throws WireError when a field does not fit its record. */
  begin(draft: Omit<SendpayRecord, 'createdIndex' | 'result'>): SendpayRecord {
    const record: SendpayRecord = { ...draft, createdIndex: this.numbers.next, result: undefined };
    // Encoded first: one whose fields fit no record is refused before anything has changed.
    const value = encodeSendpay(record);
    const n = this.numbers.take();
    this.records.inMemory.set(n, record);
    this.gate.save([
      { key: RECORDS + numberText(n), value },
      { key: ofHash(record.paymentHash) + numberText(n), value: EMPTY },
      { key: PENDING + numberText(n), value: EMPTY },
    ]);
    return record;
  }

  /** Saves how it ended; once that is durable the record leaves memory, and who waits is told. */
  finish(before: SendpayRecord, result: SendpayResult): SendpayRecord {
    const record: SendpayRecord = { ...before, sharedSecrets: [], result };
    const n = record.createdIndex;
    this.records.inMemory.set(n, record);
    this.gate.save([
      { key: RECORDS + numberText(n), value: encodeSendpay(record) },
      { key: PENDING + numberText(n), value: undefined },
    ]);
    this.gate.afterSaved(() => {
      this.records.inMemory.delete(n);
      this.waits.tell(n, record);
      this.over.tell(record);
    });
    return record;
  }

  /** What deletes one that is over; to be saved at once. */
  deletion({ createdIndex, paymentHash }: SendpayRecord): readonly Change[] {
    const n = numberText(createdIndex);
    return [
      { key: RECORDS + n, value: undefined },
      { key: ofHash(paymentHash) + n, value: undefined },
      highestGiven(RECORDS, this.numbers.highest),
    ];
  }

  /** The pending ones, in order of their creation. */
  pending(): readonly SendpayRecord[] {
    return [...this.records.inMemory.values()].filter((record) => statusOf(record) === 'pending').sort(byNumber);
  }

  /** The one with this number while it is pending. */
  pendingByNumber(n: bigint): SendpayRecord | undefined {
    const record = this.records.inMemory.get(n);
    return record !== undefined && statusOf(record) === 'pending' ? record : undefined;
  }

  /** All of one payment hash, in order of their creation. Throws StoreError. */
  async byHash(paymentHash: Uint8Array): Promise<readonly SendpayRecord[]> {
    const found = new Map<bigint, SendpayRecord>();
    for await (const n of numbersBelow(this.store, ofHash(paymentHash))) {
      const record = await this.records.get(n);
      if (record !== undefined) found.set(n, record);
    }
    // What is in memory may not be durable yet, and is newer.
    const hash = hex(paymentHash);
    for (const [n, record] of this.records.inMemory) if (hex(record.paymentHash) === hash) found.set(n, record);
    return [...found.values()].sort(byNumber);
  }

  /** Those from number `first` on, in order of creation. Throws StoreError. */
  list(first = 0n): AsyncGenerator<SendpayRecord> {
    return this.records.list(first);
  }
}
