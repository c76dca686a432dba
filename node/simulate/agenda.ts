/** What is to happen in a simulation, by its time: a heap, of which what was put in first comes first among equals. */

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Time in milliseconds since the beginning of the simulation; it stands still while something happens. */
export class Agenda {
  private readonly heap: Entry[] = [];
  private order = 0;
  private time = 0;

  get now(): number {
    return this.time;
  }

  /** How much is still to happen. */
  get size(): number {
    return this.heap.length;
  }

  /** Lets something happen so many milliseconds from now. */
  after(delay: number, happen: () => void): void {
    const entry = { at: this.time + Math.max(0, delay), order: this.order++, happen };
    const { heap } = this;
    let at = heap.length;
    for (let above = (at - 1) >> 1; at > 0; above = (at - 1) >> 1) {
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  /** Lets the next thing happen; false where there is none. */
  step(): boolean {
    const { heap } = this;
    const [next] = heap;
    const last = heap.pop();
    if (next === undefined || last === undefined) return false;
    if (heap.length > 0) this.sink(last);
    this.time = next.at;
    next.happen();
    return true;
  }

  private sink(entry: Entry): void {
    const { heap } = this;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) break;
      const [child, place] = b !== undefined && isBefore(b, a) ? [b, left + 1] : [a, left];
      if (isBefore(entry, child)) break;
      heap[at] = child;
      at = place;
    }
    heap[at] = entry;
  }
}
