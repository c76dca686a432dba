/** Two lists in the order of their numbers, read as one, row by row, and a page of it. */

import { equal } from '../../../../wire/bytes.ts';

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
