/**
 * The lowest of the recent fee estimates. A channel's funder needs time to follow a rise with `update_fee`, so its commitment feerate
 * counts as too low only when it is below every estimate of that time. Only estimates of this run of the node count.
 */

/** Seconds that a funder has: some nodes check their fees once an hour, and see a rise later than we do. */
const SECONDS = 7_200;
/** Or so many blocks, since deadlines are counted in blocks; but at least MOMENT seconds, in which a lost peer can reconnect. */
const BLOCKS = 12;
const MOMENT = 60;

/** An estimate, and since when it holds: unix seconds, and the count of blocks. */
interface DatedEstimate {
  readonly from: number;
  readonly block: number;
  readonly estimate: number;
}

export class SteadyFeerate {
  /** Oldest first. */
  private estimates: readonly DatedEstimate[] = [];
  private blocks = 0;

  /** Records the estimate after a new block; `now` in unix seconds. */
  add(estimate: number, now: number): void {
    const known = this.within(now);
    this.blocks++;
    const before = known.at(-1)?.estimate === estimate;
    this.estimates = before ? known : [...known, { from: now, block: this.blocks, estimate }];
  }

  /** sat per 1,000 weight; zero while there are not enough estimates. */
  at(now: number): number {
    const known = this.within(now);
    const [first] = known;
    if (first === undefined || !this.isOld(first, now)) return 0;
    return known.reduce((least, { estimate }) => Math.min(least, estimate), first.estimate);
  }

  private isOld({ from, block }: DatedEstimate, now: number): boolean {
    return now - from >= SECONDS || (this.blocks - block >= BLOCKS && now - from >= MOMENT);
  }

  /** The estimates of the time that counts, the first of which held when it began. Those dated in the future, by a clock that was set back, are left out. */
  private within(now: number): readonly DatedEstimate[] {
    const past = this.estimates.filter(({ from }) => from <= now);
    return past.slice(
      Math.max(
        past.findLastIndex((one) => this.isOld(one, now)),
        0,
      ),
    );
  }
}
