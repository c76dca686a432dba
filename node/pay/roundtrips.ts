/**
 * How long it takes until an HTLC that fails on its way is back: measured for each channel it left by and each number of hops, and
 * smoothed with its variance as TCP does for its timeouts (RFC 6298). A payment that must know which shards came through waits
 * as long, not longer.
 */
import type { PaymentEvent } from '../../amp/events.ts';
import type { Route } from '../../amp/route.ts';

/** Milliseconds that are waited where nothing is known (RFC 6298, 2.1), and the bounds of what follows from measurements. */
const UNKNOWN = 1000;
const LEAST = 50;
const MOST = 5000;
/** Channels and numbers of hops remembered; of more, those measured longest ago are forgotten. */
const REMEMBERED = 1000;
/** Milliseconds for which a route that brought an HTLC to its destination counts as one that carries as much. */
const PROVEN = 10_000;

interface Smoothed {
  /** Both in milliseconds. */
  readonly mean: number;
  readonly deviation: number;
}

const smooth = (before: Smoothed | undefined, sample: number): Smoothed => {
  if (before === undefined) return { mean: sample, deviation: sample / 2 };
  const { mean, deviation } = before;
  return { mean: (7 * mean + sample) / 8, deviation: (3 * deviation + Math.abs(mean - sample)) / 4 };
};

const timeoutOf = ({ mean, deviation }: Smoothed): number =>
  Math.min(MOST, Math.max(LEAST, Math.ceil(mean + 4 * deviation)));

/** Puts a value behind all others, and forgets the first of too many. */
const put = <T>(map: Map<string, T>, key: string, value: T): void => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= REMEMBERED) return;
  const oldest = map.keys().next().value;
  if (oldest !== undefined) map.delete(oldest);
};

const nameOf = (route: Route): string => route.map(({ scid }) => scid).join('/');

export class RoundTrips {
  private readonly measured = new Map<string, Smoothed>();
  private readonly hopsSeen = new Set<number>();
  private readonly offered = new Map<string, { readonly route: Route; readonly at: number }>();
  /** By payment, as long as it is under way: the attempt that left last. */
  private readonly latest = new Map<string, number>();
  private readonly proven = new Map<string, { readonly amount: bigint; readonly until: number }>();

  /** Takes what a payment says of its shards, `now` in milliseconds. */
  take(event: PaymentEvent, now: number): void {
    if (event.event === 'shard_offered') {
      put(this.offered, `${event.payment}/${event.attempt}`, { route: event.route, at: now });
      put(this.latest, event.payment, event.attempt);
    }
    if (event.event === 'payment_succeeded' || event.event === 'payment_failed') this.forget(event.payment);
    if (event.event !== 'shard_failed' && event.event !== 'shard_fulfilled') return;
    const attempt = `${event.payment}/${event.attempt}`;
    const offered = this.offered.get(attempt);
    this.offered.delete(attempt);
    if (offered === undefined) return;
    const { route, at } = offered;
    const last = route.length - 1;
    const hop = event.event === 'shard_fulfilled' ? last : event.hop;
    // The payee answers the HTLC at once that completes a set; others wait for that one.
    const isDirect = event.event === 'shard_failed' ? hop !== last : this.latest.get(event.payment) === event.attempt;
    if (hop !== undefined && hop >= 0 && isDirect) this.note(route, hop, now - at);
    if (hop === last) this.arrived(route, now);
  }

  /** A payment is over. */
  forget(payment: string): void {
    this.latest.delete(payment);
  }

  /** How many payments are kept in mind. */
  get payments(): number {
    return this.latest.size;
  }

  /** An HTLC over `route` came back after `took` milliseconds from hop `hop`, counted from 0. */
  note(route: Route, hop: number, took: number): void {
    const hops = hop + 1;
    this.hopsSeen.add(hops);
    for (const key of [`${route[0].scid}/${hops}`, `any/${hops}`])
      put(this.measured, key, smooth(this.measured.get(key), Math.max(0, took)));
  }

  /**
   * The destination answered an HTLC, as it does a probe: the route carried it. Another one of as much is then taken to get through,
   * also where the first was claimed, though it took of the balances. `now` in milliseconds.
   */
  arrived(route: Route, now: number): void {
    const { amount } = route.at(-1) ?? route[0];
    put(this.proven, nameOf(route), { amount, until: now + PROVEN });
  }

  /**
   * Milliseconds until a failure of an HTLC over this route has come back, as far as can be known. Nothing where only its
   * destination can fail it, or where the route has just been proven for as much.
   */
  of(route: Route, now: number): number {
    const forwarders = route.length - 1;
    if (forwarders === 0) return 0;
    const known = this.proven.get(nameOf(route));
    if (known !== undefined && now < known.until && known.amount >= (route.at(-1) ?? route[0]).amount) return 0;
    // A way back from farther off takes no less.
    const farther = [...this.hopsSeen].filter((hops) => hops >= forwarders).sort((a, b) => a - b);
    for (const outlet of [`${route[0].scid}`, 'any'])
      for (const hops of farther) {
        const found = this.measured.get(`${outlet}/${hops}`);
        if (found !== undefined) return timeoutOf(found);
      }
    return UNKNOWN;
  }
}
