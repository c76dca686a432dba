/** Numbers in ascending order, for finding all within a range without looking at the others. */

export class SortedList<T extends bigint> {
  private readonly items: T[] = [];

  /** Where `value` stands or would stand. */
  private at(value: T): number {
    let [low, high] = [0, this.items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const found = this.items[middle];
      if (found !== undefined && found < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds a number that may be there already. */
  add(value: T): void {
    const at = this.at(value);
    if (this.items[at] !== value) this.items.splice(at, 0, value);
  }

  remove(value: T): void {
    const at = this.at(value);
    if (this.items[at] === value) this.items.splice(at, 1);
  }

  /** All from `first` on and below `end`. */
  between(first: T, end: T): readonly T[] {
    return this.items.slice(this.at(first), this.at(end));
  }
}
