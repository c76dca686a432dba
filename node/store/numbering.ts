/**
 * Schemas 2 to 4: the records of payments and invoices, which had random names and were all read at the start, get numbers as names,
 * marks for those that are pending or open, and indexes by payment hash and label. The records themselves do not change.
 */

import { hex, u64be } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { bytes, bytes16, decode, optional, rest, struct, u8, u32, u64 } from '../../wire/codec.ts';
import { sha256 } from '../../wire/crypto.ts';
import type { Store } from '../ports/ports.ts';
import { numberText } from './numbered.ts';
import { readRecord } from './records.ts';

const EMPTY = new Uint8Array();

/** The first fields of a payment's record. */
const payment = struct({
  id: bytes16,
  createdIndex: u64,
  createdAt: u64,
  destination: bytes(33),
  paymentHash: bytes(32),
  amount: u64,
  scheme: u8,
  label: optional(bytes16),
  bolt11: optional(bytes16),
  description: optional(bytes16),
  /** 0: pending. */
  status: u8,
  more: rest,
});

/** 2 to 3: `pay/<id>` becomes `pay/<number>`. */
export const paymentsByNumber: Migration = async (store) => {
  const changes: Change[] = [];
  for await (const [key, value] of store.entries('pay/')) {
    const { createdIndex, paymentHash, status } = readRecord(key, value, (kept) => decode(payment, kept));
    const n = numberText(createdIndex);
    changes.push({ key, value: undefined });
    changes.push({ key: `pay/${n}`, value }, { key: `payhash/${hex(paymentHash)}/${n}`, value: EMPTY });
    if (status === 0) changes.push({ key: `paying/${n}`, value: EMPTY });
  }
  return changes;
};

/** An invoice's record up to its pay_index. */
const invoice = struct({
  label: bytes16,
  kind: u8,
  bolt11: bytes16,
  description: bytes16,
  amount: optional(u64),
  paymentHash: bytes(32),
  paymentSecret: bytes(32),
  preimage: optional(bytes(32)),
  minFinalCltv: u32,
  createdIndex: u64,
  expiresAt: u64,
  paid: optional(struct({ payIndex: u64, more: rest })),
});

/** 3 to 4: `invoice/<payment hash>` becomes `invoice/<number>`. */
export const invoicesByNumber: Migration = async (store) => {
  const changes: Change[] = [];
  for await (const [key, value] of store.entries('invoice/')) {
    const kept = readRecord(key, value, (record) => decode(invoice, record));
    const n = numberText(kept.createdIndex);
    changes.push({ key, value: undefined }, { key: `invoice/${n}`, value });
    changes.push({ key: `invoicehash/${hex(kept.paymentHash)}/${n}`, value: EMPTY });
    changes.push({ key: `invoicelabel/${hex(sha256(kept.label))}/${n}`, value: EMPTY });
    if (kept.paid === undefined) changes.push({ key: `invoiceopen/${n}`, value: EMPTY });
    else changes.push({ key: `invoicepaid/${numberText(kept.paid.payIndex)}`, value: u64be(kept.createdIndex) });
  }
  return changes;
};

/** By the index of a schema: the changes that bring its records to the next. */
export type Migration = (store: Store) => Promise<readonly Change[]>;
