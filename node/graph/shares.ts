/**
 * Places that peers share: where all are taken, who has most of them gives one up. So no peer can keep the others out, whatever it
 * sends, and one alone may have them all. Who has how many is counted as they come and go, since a stranger's flood comes fast.
 */

interface Place<V> {
  readonly value: V;
  readonly holder: string;
}

export class SharedPlaces<K, V> {
  private readonly most: number;
  /** In the order in which they were taken. */
  private readonly places = new Map<K, Place<V>>();
  private readonly counts = new Map<string, number>();

  constructor(most: number) {
    this.most = most;
  }

  get size(): number {
    return this.places.size;
  }

  /** What is kept, by key, the oldest first. */
  *[Symbol.iterator](): Generator<readonly [key: K, value: V]> {
    for (const [key, { value }] of this.places) yield [key, value];
  }

  /** Takes a place for a holder, anew where the key has one. Where all are taken, the oldest of who has most is given up. */
  set(key: K, value: V, holder: string): void {
    this.delete(key);
    this.places.set(key, { value, holder });
    this.counts.set(holder, (this.counts.get(holder) ?? 0) + 1);
    if (this.size > this.most) this.giveUp();
  }

  delete(key: K): void {
    const place = this.places.get(key);
    if (place === undefined) return;
    this.places.delete(key);
    const left = (this.counts.get(place.holder) ?? 1) - 1;
    if (left > 0) this.counts.set(place.holder, left);
    else this.counts.delete(place.holder);
  }

  clear(): void {
    this.places.clear();
    this.counts.clear();
  }

  private giveUp(): void {
    const most = Math.max(...this.counts.values());
    for (const [key, { holder }] of this.places)
      if (this.counts.get(holder) === most) {
        this.delete(key);
        return;
      }
  }
}
