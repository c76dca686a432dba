/**
 * The records of our own payments. Pending ones are in memory and have a mark in the store, so that a start reads only those; the
 * others are read when somebody asks for them, by number or by payment hash. Below them: the saved machines of pending payments.
 */
import type { Payment } from '../../amp/payment.ts';
import { restorePayment } from '../../amp/paymentstore.ts';
import { hex } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { Listeners } from '../base/listeners.ts';
import { Waits } from '../base/waits.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import type { Gate } from '../store/gate.ts';
import { highestGiven, Numbered, numbersBelow, numberText } from '../store/numbered.ts';
import { readRecord } from '../store/records.ts';
import type { KeyPrefix } from '../store/schema.ts';
import { PaymentNumbers } from './paymentnumbers.ts';
import { decodePaymentRecord, encodePaymentRecord, PAYMENT_RECORDS, type PaymentRecord } from './paymentrecord.ts';

/** A mark for each pending payment, by its number. */
const PENDING = 'paying/';
/** An index: payment hash, then the number of each payment that has it. */
const NUMBERS_BY_HASH = 'payhash/';
const EMPTY = new Uint8Array();

const ofHash = (paymentHash: Uint8Array): KeyPrefix => `${NUMBERS_BY_HASH}${hex(paymentHash)}/`;

export class PaymentStore {
  private readonly store: Store;
  private readonly gate: Gate;
  private readonly records: Numbered<PaymentRecord>;
  /** For the records in memory: id to number, and payment hash to the latest number. */
  private readonly ids = new Map<string, bigint>();
  private readonly hashes = new Map<string, bigint>();
  private readonly numbers: PaymentNumbers;
  /** Callers that wait for a payment to end, by its id. */
  readonly waits = new Waits<string, PaymentRecord>();
  /** Told of each payment that ended, once that is durable. */
  readonly over = new Listeners<PaymentRecord>();

  private constructor(store: Store, gate: Gate, numbers: PaymentNumbers) {
    this.store = store;
    this.gate = gate;
    this.numbers = numbers;
    this.records = new Numbered(store, PAYMENT_RECORDS, decodePaymentRecord);
  }

  /** Reads the pending payments. Throws StoreError. */
  static async load(store: Store, gate: Gate, numbers = new PaymentNumbers()): Promise<PaymentStore> {
    const payments = new PaymentStore(store, gate, numbers);
    numbers.seen(await payments.records.last());
    for await (const n of numbersBelow(store, PENDING)) {
      const record = await payments.records.get(n);
      if (record === undefined)
        throw new StoreError({
          code: 'corrupt',
          key: payments.records.key(n),
          detail: 'a pending payment has no record',
        });
      payments.cache(record);
    }
    return payments;
  }

  private cache(record: PaymentRecord): void {
    const { id, createdIndex, paymentHash } = record;
    this.records.inMemory.set(createdIndex, record);
    this.ids.set(id, createdIndex);
    const hash = hex(paymentHash);
    if ((this.hashes.get(hash) ?? 0n) < createdIndex) this.hashes.set(hash, createdIndex);
  }

  private evict({ id, createdIndex, paymentHash }: PaymentRecord): void {
    this.records.inMemory.delete(createdIndex);
    this.ids.delete(id);
    const hash = hex(paymentHash);
    if (this.hashes.get(hash) === createdIndex) this.hashes.delete(hash);
  }

  /** Saves a new payment, after everything saved so far. Throws WireError when a field does not fit its record. */
  begin(draft: Omit<PaymentRecord, 'createdIndex' | 'status' | 'result'>): PaymentRecord {
    const record: PaymentRecord = { ...draft, createdIndex: this.numbers.next, status: 'pending', result: undefined };
    // Encoded first: a payment whose fields fit no record is refused before anything has changed.
    const value = encodePaymentRecord(record);
    this.numbers.take();
    this.cache(record);
    const n = numberText(record.createdIndex);
    this.gate.save([
      { key: PAYMENT_RECORDS + n, value },
      { key: ofHash(record.paymentHash) + n, value: EMPTY },
      { key: PENDING + n, value: EMPTY },
    ]);
    return record;
  }

  /** Saves a payment's result; the record leaves memory once that is durable. */
  finish(before: PaymentRecord, result: NonNullable<PaymentRecord['result']>): PaymentRecord {
    const record: PaymentRecord = { ...before, status: result.why === undefined ? 'complete' : 'failed', result };
    this.cache(record);
    const n = numberText(record.createdIndex);
    this.gate.save([
      { key: PAYMENT_RECORDS + n, value: encodePaymentRecord(record) },
      { key: PENDING + n, value: undefined },
    ]);
    this.gate.afterSaved(() => {
      this.evict(record);
      this.waits.tell(record.id, record);
      this.over.tell(record);
    });
    return record;
  }

  /** What deletes a payment that is over; to be saved at once. */
  deletion({ createdIndex, paymentHash }: PaymentRecord): readonly Change[] {
    const n = numberText(createdIndex);
    return [
      { key: PAYMENT_RECORDS + n, value: undefined },
      { key: ofHash(paymentHash) + n, value: undefined },
      highestGiven(PAYMENT_RECORDS, this.numbers.highest),
    ];
  }

  /** The pending payments, in order of their creation. */
  pending(): readonly PaymentRecord[] {
    return [...this.records.inMemory.values()].filter(({ status }) => status === 'pending');
  }

  /** The payment with this id while it is pending. */
  pendingById(id: string): PaymentRecord | undefined {
    const n = this.ids.get(id);
    const record = n === undefined ? undefined : this.records.inMemory.get(n);
    return record?.status === 'pending' ? record : undefined;
  }

  /** Of the payments with this payment hash the complete one, or else the latest. Throws StoreError. */
  async byHash(paymentHash: Uint8Array): Promise<PaymentRecord | undefined> {
    let latest: PaymentRecord | undefined;
    for await (const record of this.list(0n, paymentHash)) {
      if (record.status === 'complete') return record;
      latest = record;
    }
    return latest;
  }

  /** Payments from number `first` on, in order of creation; only those of one payment hash, if given. Throws StoreError. */
  async *list(first = 0n, paymentHash?: Uint8Array): AsyncGenerator<PaymentRecord> {
    if (paymentHash === undefined) {
      yield* this.records.list(first);
      return;
    }
    const here = this.hashes.get(hex(paymentHash));
    let latest = 0n;
    for await (const n of numbersBelow(this.store, ofHash(paymentHash), first)) {
      const record = await this.records.get(n);
      if (record !== undefined) yield record;
      latest = n;
    }
    const record = here === undefined || here <= latest || here < first ? undefined : await this.records.get(here);
    if (record !== undefined) yield record;
  }
}

/** Key prefix of the records of a payment's machine; the payment's id and a slash follow. */
export const PAYMENT_MACHINES = 'payment/';

/** The saved machines of all pending payments, by payment id. Throws StoreError. */
export const loadPaymentMachines = async (store: Store): Promise<ReadonlyMap<string, Payment>> => {
  const found = new Map<string, Map<string, Uint8Array>>();
  for await (const [key, value] of store.entries(PAYMENT_MACHINES)) {
    const [, id = '', ...rest] = key.split('/');
    const records = found.get(id) ?? new Map<string, Uint8Array>();
    found.set(id, records.set(rest.join('/'), value));
  }
  const machines = new Map<string, Payment>();
  for (const [id, records] of found) {
    const first = records.entries().next().value;
    if (first !== undefined)
      machines.set(
        id,
        readRecord(`${PAYMENT_MACHINES}${id}/${first[0]}`, first[1], () => restorePayment(records)),
      );
  }
  return machines;
};
