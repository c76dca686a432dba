/**
 * A status session between payer and payee, beside the network: the payer learns where its HTLCs stand and what the payee holds. So it
 * replaces one that stands still, which the payee promises to refuse should it still come; and it knows that the set is complete before a
 * preimage is back. For AMPs alone: of an ordinary payment all HTLCs have one hash, and whoever keeps the first could claim it, too,
 * with the preimage of its replacement. (The replacement of a real session needs a child index of its own for the same reason.)
 */
import type { EventQueue } from './eventqueue.ts';
import { drawLatency, type Latency } from './latency.ts';
import type { Random } from './random.ts';

/** None; `perfect`: whatever is said is known at once; `distant`: each message takes as long as an HTLC takes for a hop. */
export const statusKinds = ['none', 'perfect', 'distant'] as const;
export type StatusKind = (typeof statusKinds)[number];

/** Deviations above the mean that one value of a normal distribution in a thousand exceeds. */
const ONE_IN_A_THOUSAND = 3.09;

/** Milliseconds after which an HTLC that was passed on stands still: all hops but one in a thousand take no longer. */
export const patienceOf = (latency: Latency): number => {
  switch (latency.kind) {
    case 'fixed':
      return latency.ms;
    case 'between':
      return latency.most;
    case 'tail':
      return latency.median * Math.exp(ONE_IN_A_THOUSAND * latency.spread);
  }
};

/** What an HTLC that stands still is to the session. */
export interface StandingHtlc {
  /** Whether it has reached the payee by now. */
  readonly isThere: () => boolean;
  /** The payee refuses it from now on. */
  readonly refuse: () => void;
  /** The payer knows that, and may send another in its place. */
  readonly replace: () => void;
}

export interface StatusParts {
  readonly queue: EventQueue;
  readonly latency: Latency;
  readonly random: Random;
}

export class StatusSession {
  private readonly kind: Exclude<StatusKind, 'none'>;
  private readonly parts: StatusParts;

  constructor(kind: Exclude<StatusKind, 'none'>, parts: StatusParts) {
    this.kind = kind;
    this.parts = parts;
  }

  /** A message from one to the other. */
  private say(then: () => void): void {
    const { queue, latency, random } = this.parts;
    queue.after(this.kind === 'perfect' ? 0 : drawLatency(latency, random), then);
  }

  /** An HTLC stands still: the payer is told, asks the payee to refuse it, and goes on once it has agreed. */
  standsStill({ isThere, refuse, replace }: StandingHtlc): void {
    this.say(() =>
      this.say(() => {
        if (isThere()) return;
        refuse();
        this.say(replace);
      }),
    );
  }

  /** The payee has the whole set: the payer is told. */
  complete(told: () => void): void {
    this.say(told);
  }
}
