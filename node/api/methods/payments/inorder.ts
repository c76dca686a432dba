/** Two lists in the order of their numbers, read as one, row by row. */

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
