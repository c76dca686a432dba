/** The event queue of a simulation, a heap ordered by time. Events of the same time happen in the order in which they were added. */

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Virtual time, in milliseconds since the beginning of the simulation; it advances only from one event to the next. */
export class EventQueue {
  private readonly heap: Entry[] = [];
  private order = 0;
  private time = 0;

  get now(): number {
    return this.time;
  }

  /** How many events are still to happen. */
  get size(): number {
    return this.heap.length;
  }

  /** Adds an event, so many milliseconds from now. */
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

  /** Advances the time to the next event and runs it; false where there is none. */
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
