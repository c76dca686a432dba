/**
 * What `listpays` and `listsendpays` have in common: their parameters; two lists in the order of their numbers, read as one, row by
 * row; and a page of it.
 */

import { z } from 'zod';
import { equal } from '../../../../wire/bytes.ts';
import * as param from '../../params.ts';
import { readInvoice } from '../invoices/invoicetext.ts';

export const listParams = z.strictObject({
  bolt11: param.text.optional().describe('only payments of this invoice'),
  payment_hash: param.hash32.optional().describe('only payments of this hash'),
  status: param.word('pending', 'complete', 'failed').optional().describe('only payments that stand so'),
  index: param.word('created').optional().describe('the order: there is one'),
  start: param.index.optional().describe('first index to show'),
  limit: param.u32.optional().describe('how many to show'),
});

type Listed<T> = AsyncIterable<T> | Iterable<T>;

async function* each<T>(list: Listed<T>): AsyncGenerator<T> {
  yield* list;
}

/** Both lists are in increasing order of `createdIndex`, and so is what comes. */
export async function* inOrder<T extends { readonly createdIndex: bigint }>(
  a: Listed<T>,
  b: Listed<T>,
): AsyncGenerator<T> {
  const [first, second] = [each(a), each(b)];
  try {
    let [one, other] = [await first.next(), await second.next()];
    while (!one.done || !other.done) {
      if (!one.done && (other.done || one.value.createdIndex <= other.value.createdIndex)) {
        yield one.value;
        one = await first.next();
      } else if (!other.done) {
        yield other.value;
        other = await second.next();
      }
    }
  } finally {
    // Whoever reads may stop before the end: the store is then no longer read either.
    await first.return(undefined);
    await second.return(undefined);
  }
}

/** What of a list a caller wants. */
export interface Wanted<Status> {
  readonly status?: Status | undefined;
  /** The first number to show. */
  readonly start?: number | undefined;
  /** How many rows; all unless given. */
  readonly limit?: number | undefined;
  /** Of this payment hash alone. */
  readonly hash: Uint8Array | undefined;
}

/**
 * What a caller of a list wants; undefined where it names an invoice and another payment hash, which no payment has both. Throws ApiError
 * for an invoice that cannot be read.
 */
export const wantedOf = ({
  bolt11,
  payment_hash,
  status,
  start,
  limit,
}: z.output<typeof listParams>): Wanted<'pending' | 'complete' | 'failed'> | undefined => {
  const named = bolt11 === undefined ? undefined : readInvoice('bolt11', bolt11).paymentHash;
  if (named !== undefined && payment_hash !== undefined && !equal(named, payment_hash)) return undefined;
  return { status, start, limit, hash: named ?? payment_hash };
};

/** The rows of a list that are wanted: `all` is in increasing order, and `rowOf` makes the row of one of its records. */
export async function* pageOf<
  T extends { readonly createdIndex: bigint; readonly paymentHash: Uint8Array },
  Row extends { readonly status: string },
>(
  all: AsyncIterable<T>,
  { status, start = 0, limit, hash }: Wanted<Row['status']>,
  rowOf: (record: T) => Row,
): AsyncGenerator<Row> {
  const first = BigInt(start);
  let left = limit ?? Number.POSITIVE_INFINITY;
  if (left === 0) return;
  for await (const one of all) {
    if (one.createdIndex < first || (hash !== undefined && !equal(one.paymentHash, hash))) continue;
    const row = rowOf(one);
    if (status !== undefined && row.status !== status) continue;
    yield row;
    if (--left === 0) return;
  }
}
