/** How much work a search may be, counted in what it looks at: the same search is the same work on every machine and at any load. */
export class Effort {
  /** Ends of arcs looked at so far. */
  used = 0;
  private readonly most: number;

  /** `most` is the number of looks after which a search begins no further round; a round looks at each end of each arc a few times at most. */
  constructor(most = Number.POSITIVE_INFINITY) {
    this.most = most;
  }

  get isSpent(): boolean {
    return this.used >= this.most;
  }
}
