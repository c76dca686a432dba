/**
 * The feerate that the estimate has not fallen below for long enough that a channel's funder had time to follow it with `update_fee`:
 * only then is a lower commitment feerate held against the funder. Only estimates of this run of the node count.
 */

/** Seconds that a funder gets: some look after their fees once an hour, and see a rise later than we do. */
const SECONDS = 7_200;
/** Or so many blocks, as deadlines are counted in those; but never less than a moment, in which a lost peer is found again. */
const BLOCKS = 12;
const MOMENT = 60;

/** An estimate, from this moment and this block on. */
interface DatedEstimate {
  readonly from: number;
  readonly block: number;
  readonly estimate: number;
}

export class SteadyFeerate {
  /** Oldest first. */
  private told: readonly DatedEstimate[] = [];
  private blocks = 0;

  /** A block came, and this is the estimate now; `now` in unix seconds. */
  add(estimate: number, now: number): void {
    const known = this.within(now);
    this.blocks++;
    const before = known.at(-1)?.estimate === estimate;
    this.told = before ? known : [...known, { from: now, block: this.blocks, estimate }];
  }

  /** sat per 1,000 weight; zero while nobody can tell. */
  at(now: number): number {
    const known = this.within(now);
    const [first] = known;
    if (first === undefined || !this.isOld(first, now)) return 0;
    return known.reduce((least, { estimate }) => Math.min(least, estimate), first.estimate);
  }

  private isOld({ from, block }: DatedEstimate, now: number): boolean {
    return now - from >= SECONDS || (this.blocks - block >= BLOCKS && now - from >= MOMENT);
  }

  /** What was estimated in the time that counts; the first of it held when that began. A clock that was set back told nothing. */
  private within(now: number): readonly DatedEstimate[] {
    const told = this.told.filter(({ from }) => from <= now);
    return told.slice(
      Math.max(
        told.findLastIndex((one) => this.isOld(one, now)),
        0,
      ),
    );
  }
}
