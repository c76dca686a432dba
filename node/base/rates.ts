/** How often somebody may do something: so many times at once, and after that once in so many seconds. */

interface Bucket {
  readonly tokens: number;
  /** Unix seconds. */
  readonly at: number;
}

/** Buckets remembered; that which was not used for longest is forgotten first, and counts as full then. */
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
    // A clock set back takes nothing away.
    return Math.min(this.burst, bucket.tokens + Math.max(0, now - bucket.at) / this.seconds);
  }

  /** Whether it may be done now. */
  allows(key: string, now: number): boolean {
    return this.tokens(key, now) >= 1;
  }

  /** It was done. */
  count(key: string, now: number): void {
    const tokens = Math.max(0, this.tokens(key, now) - 1);
    this.buckets.delete(key);
    this.buckets.set(key, { tokens, at: now });
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > MOST && oldest !== undefined) this.buckets.delete(oldest);
  }
}
