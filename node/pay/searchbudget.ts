/**
 * What searches may cost that somebody else decides the number of: of payments that wait for room and look for it, and of flows. One of
 * them may go through the whole network, and nothing else is done in the meantime. A fifth of the time is theirs; where a search is
 * quick, as many look as there are.
 */

/** Milliseconds of searches for each millisecond that passes, how many are saved up, and how many are made up for. */
const SHARE = 0.2;
const MOST_SAVED = 500;
const MOST_OWED = 4_000;

export class SearchBudget {
  /** Milliseconds. */
  private readonly now: () => number;
  private left = MOST_SAVED;
  private at: number;
  /** Milliseconds of the last search. */
  private cost = 0;

  constructor(now: () => number) {
    this.now = now;
    this.at = now();
  }

  /** A search that counts took so many milliseconds. */
  took(ms: number): void {
    this.pass();
    this.cost = Math.max(0, ms);
    this.left = Math.max(-MOST_OWED, this.left - this.cost);
  }

  /** How many of so many payments may look now. */
  most(wanted: number): number {
    this.pass();
    if (this.left <= 0) return 0;
    return this.cost * wanted <= this.left ? wanted : Math.max(1, Math.floor(this.left / this.cost));
  }

  /** Milliseconds until one may look again; 0 where one may now. */
  wait(): number {
    this.pass();
    return this.left > 0 ? 0 : Math.ceil((1 - this.left) / SHARE);
  }

  private pass(): void {
    const now = this.now();
    this.left = Math.min(MOST_SAVED, this.left + SHARE * Math.max(0, now - this.at));
    this.at = now;
  }
}
