/** One count for payments and for the HTLCs of `sendpay`, so that both stand in one order, as their callers are shown them. */
export class PaymentNumbers {
  private last = 0n;

  /** A number that is in use, found in the store. */
  seen(n: bigint): void {
    if (n > this.last) this.last = n;
  }

  /** The highest number given so far. */
  get highest(): bigint {
    return this.last;
  }

  /** The number that `take` would give. */
  get next(): bigint {
    return this.last + 1n;
  }

  /** A number that nothing has yet. */
  take(): bigint {
    this.last += 1n;
    return this.last;
  }
}
