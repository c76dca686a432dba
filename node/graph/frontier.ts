/** What a search has reached and not looked at yet, as a binary heap of numbers by cost: that of least cost comes out first. */
export class Frontier {
  private costs = new Float64Array(1024);
  private items = new Int32Array(1024);
  private size = 0;

  clear(): void {
    this.size = 0;
  }

  push(item: number, cost: number): void {
    if (this.size === this.items.length) {
      const [costs, items] = [this.costs, this.items];
      this.costs = new Float64Array(2 * this.size);
      this.costs.set(costs);
      this.items = new Int32Array(2 * this.size);
      this.items.set(items);
    }
    const { costs, items } = this;
    let at = this.size++;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = costs[up] ?? 0;
      if (above <= cost) break;
      costs[at] = above;
      items[at] = items[up] ?? 0;
      at = up;
    }
    costs[at] = cost;
    items[at] = item;
  }

  /** The item of least cost; -1 where there is none. */
  pop(): number {
    if (this.size === 0) return -1;
    const { costs, items } = this;
    const top = items[0] ?? 0;
    const end = --this.size;
    const cost = costs[end] ?? 0;
    const item = items[end] ?? 0;
    let at = 0;
    for (let child = 1; child < end; child = 2 * at + 1) {
      if (child + 1 < end && (costs[child + 1] ?? 0) < (costs[child] ?? 0)) child++;
      const below = costs[child] ?? 0;
      if (below >= cost) break;
      costs[at] = below;
      items[at] = items[child] ?? 0;
      at = child;
    }
    costs[at] = cost;
    items[at] = item;
    return top;
  }
}
