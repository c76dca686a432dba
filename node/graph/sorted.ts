/**
 * short_channel_ids in ascending order, for finding all within a range without looking at the others. Those added and removed are gathered
 * until somebody asks: a graph that is loaded, or asked for, gets tens of thousands in any order.
 */
import { type ShortChannelId, shortChannelId } from '../../wire/units.ts';

export class SortedIds {
  private items = new BigUint64Array(0);
  private readonly added = new Set<bigint>();
  private readonly removed = new Set<bigint>();

  /** Adds an id that may be there already. */
  add(id: ShortChannelId): void {
    this.removed.delete(id);
    this.added.add(id);
  }

  remove(id: ShortChannelId): void {
    this.added.delete(id);
    this.removed.add(id);
  }

  /** All from `first` on and below `end`. */
  between(first: ShortChannelId, end: ShortChannelId): readonly ShortChannelId[] {
    this.settle();
    return Array.from(this.items.subarray(this.at(first), this.at(end)), shortChannelId);
  }

  /** Where an id stands or would stand. */
  private at(id: ShortChannelId): number {
    let [low, high] = [0, this.items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const found = this.items[middle];
      if (found !== undefined && found < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private settle(): void {
    if (this.added.size === 0 && this.removed.size === 0) return;
    const kept = this.items.filter((id) => !this.added.has(id) && !this.removed.has(id));
    const items = new BigUint64Array(kept.length + this.added.size);
    items.set(kept);
    items.set([...this.added], kept.length);
    this.items = items.sort();
    this.added.clear();
    this.removed.clear();
  }
}
