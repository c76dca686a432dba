/** Rate limits by key: a burst, then one in each so many seconds. */

interface Bucket {
  readonly tokens: number;
  /** Unix seconds. */
  readonly at: number;
}

/** Buckets kept; the least recently used is dropped first, and counts as full afterwards. */
const MOST = 50_000;

export class Rates {
  private readonly burst: number;
  private readonly seconds: number;
  private readonly buckets = new Map<string, Bucket>();

  /** `burst` at once, then one in each `seconds`. */
  constructor(burst: number, seconds: number) {
    this.burst = burst;
    this.seconds = seconds;
  }

  private tokens(key: string, now: number): number {
    const bucket = this.buckets.get(key);
    if (bucket === undefined) return this.burst;
    // A clock that is set back does not lengthen the wait.
    return Math.min(this.burst, bucket.tokens + Math.max(0, now - bucket.at) / this.seconds);
  }

  /** Whether one more is allowed now. */
  allows(key: string, now: number): boolean {
    return this.tokens(key, now) >= 1;
  }

  /** Counts one. */
  count(key: string, now: number): void {
    const tokens = Math.max(0, this.tokens(key, now) - 1);
    this.buckets.delete(key);
    this.buckets.set(key, { tokens, at: now });
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > MOST && oldest !== undefined) this.buckets.delete(oldest);
  }
}
