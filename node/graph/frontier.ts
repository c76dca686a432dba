/** What a search has reached and not looked at yet, as a binary heap: that of least cost comes out first. */
export class Frontier<T extends { readonly cost: bigint }> {
  private readonly items: T[] = [];

  push(label: T): void {
    let at = this.items.push(label) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = this.items[up];
      if (parent === undefined || parent.cost <= label.cost) break;
      this.items[at] = parent;
      at = up;
    }
    this.items[at] = label;
  }

  pop(): T | undefined {
    const top = this.items[0];
    const last = this.items.pop();
    if (top === undefined || last === undefined || this.items.length === 0) return top;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      const left = this.items[down];
      const right = this.items[down + 1];
      if (left === undefined) break;
      let child = left;
      if (right !== undefined && right.cost < left.cost) {
        child = right;
        down++;
      }
      if (child.cost >= last.cost) break;
      this.items[at] = child;
      at = down;
    }
    this.items[at] = last;
    return top;
  }
}
