/** Payers, a network and a payee together, moved one small step at a time in an order that a seed decides. */
import type { Outcome, PaymentRequest } from '../../amp/io.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';
import { type Carried, type Journey, Network } from './network.ts';
import { type Offer, PaymentUnderTest } from './payer.ts';
import { bytes32, type Htlc, keyOf, ReceiverUnderTest } from './receiver.ts';

interface Flight {
  readonly payer: number;
  readonly offer: Offer;
  journey: Journey | undefined;
  /** At the payee. */
  key: number | undefined;
  outcome: Outcome | undefined;
  delivered: boolean;
}

export interface WorldWish {
  readonly seed: number;
  readonly balances: readonly bigint[];
  readonly requests: readonly PaymentRequest[];
  /** Chances of 0 to 100. */
  readonly trouble: number;
  readonly crashes: number;
}

/** Numbers that look random and follow from a seed. */
const dice = (seed: number): ((sides: number) => number) => {
  let state = seed >>> 0;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
};

/** Payer (−1) to three nodes, they to the payee (0) and among themselves. */
const links = [
  ...[1, 2, 3].map((to) => ({ from: -1, to })),
  ...[1, 2, 3].map((from) => ({ from, to: 0 })),
  { from: 1, to: 2 },
  { from: 2, to: 3 },
];

const failuresOnTheWay: readonly Failure[] = [
  { name: 'temporary_channel_failure', channel_update: zeros(0) },
  { name: 'temporary_node_failure' },
  { name: 'unknown_next_peer' },
  { name: 'fee_insufficient', htlc_msat: msat(1n), channel_update: zeros(0) },
  { name: 'unknown', code: 0x1234, data: zeros(0) },
];

export class World {
  readonly network: Network;
  readonly receiver = new ReceiverUnderTest();
  readonly payers: readonly PaymentUnderTest[];
  readonly flights: Flight[] = [];
  private readonly roll: (sides: number) => number;
  private readonly wish: WorldWish;
  private readonly invoices: readonly Htlc['invoice'][];

  constructor(wish: WorldWish, invoices: readonly Htlc['invoice'][] = []) {
    this.wish = wish;
    this.roll = dice(wish.seed);
    this.invoices = invoices;
    this.network = new Network(links.map((link, i) => ({ ...link, balance: wish.balances[i] ?? 0n })));
    for (const invoice of invoices) if (invoice !== undefined) this.receiver.invoices.set(invoice.id, invoice);
    this.payers = wish.requests.map((request) => new PaymentUnderTest().start(request, this.network.outlets()));
  }

  /** Runs until every payment is over; throws when that does not come to pass. */
  run(): this {
    for (let n = 0; n < 5000; n++) {
      if (this.payers.every(({ payment }) => payment.kind === 'finished') && this.flights.every((f) => f.delivered))
        return this;
      this.move();
    }
    throw new Error('the payments did not end');
  }

  private chance(percent: number): boolean {
    return this.roll(100) < percent;
  }

  private move(): void {
    const moves: (() => void)[] = [];
    for (const [i, payer] of this.payers.entries()) {
      if (payer.query !== undefined) moves.push(() => this.answer(i));
      if (payer.offers.length > 0) moves.push(() => this.carry(i));
    }
    for (const flight of this.flights)
      if (flight.outcome !== undefined && !flight.delivered) moves.push(() => this.deliver(flight));
    if (moves.length === 0 || this.chance(3)) moves.push(() => this.tick());
    moves[this.roll(moves.length)]?.();
  }

  private tick(): void {
    for (const payer of this.payers) payer.tick();
    this.receiver.tick(1);
    this.collect();
  }

  private give(i: number, input: Parameters<PaymentUnderTest['step']>[0]): void {
    const payer = this.payers[i];
    if (!this.chance(this.wish.crashes)) {
      payer?.step(input);
      return;
    }
    payer?.step(input, this.roll(4));
    payer?.restart();
    if (payer?.payment.kind !== 'running') return;
    // What the node finds out at start: attempts that no channel has ever heard of.
    for (const { state } of payer.payment.shards) {
      if (state.kind !== 'in_flight') continue;
      const known = [...this.flights.filter((f) => f.payer === i).map((f) => f.offer), ...payer.offers];
      if (!known.some(({ attempt }) => attempt === state.attempt))
        payer.step({ type: 'outcome', attempt: state.attempt, outcome: { kind: 'refused', why: 'lost' } });
    }
  }

  private answer(i: number): void {
    const query = this.payers[i]?.query;
    const payer = this.payers[i];
    if (query === undefined || payer === undefined) return;
    payer.query = undefined;
    // What congestion windows leave may be anything; only a strategy that uses them looks at it.
    const window = this.chance(this.wish.trouble) ? { window: msat(BigInt(this.roll(1_000_000))) } : {};
    const { flow } = query;
    const routes = flow && this.network.flow({ ...query, flow }, this.roll);
    const route = routes === undefined ? this.network.route(query) : routes[0];
    this.give(i, { type: 'route', query: query.query, route, routes, roundTrip: 500, ...window });
  }

  private carry(i: number): void {
    const offer = this.payers[i]?.offers.shift();
    if (offer === undefined) return;
    const flight: Flight = {
      payer: i,
      offer,
      journey: undefined,
      key: undefined,
      outcome: undefined,
      delivered: false,
    };
    this.flights.push(flight);
    const { trouble } = this.wish;
    if (this.chance(trouble / 4)) {
      flight.outcome = { kind: 'malformed', failureCode: 0xc005 };
      return;
    }
    const carried = this.network.carry(offer, () =>
      this.chance(trouble) ? failuresOnTheWay[this.roll(failuresOnTheWay.length)] : undefined,
    );
    if (carried === 'refused') flight.outcome = { kind: 'refused', why: 'full' };
    else this.arrive(flight, ...carried);
  }

  private arrive(flight: Flight, carried: Carried, journey: Journey): void {
    if (carried.kind === 'failed') {
      const garbled = this.chance(this.wish.trouble);
      flight.outcome = { kind: 'failed', reason: garbled ? sha256(carried.reason) : carried.reason };
      return;
    }
    flight.journey = journey;
    flight.key = this.flights.indexOf(flight);
    const { payload } = carried.htlc;
    const invoice =
      payload.kind === 'eob' && payload.paymentId.every((b) => b === 0) ? undefined : this.invoices[flight.payer];
    const crash = this.chance(this.wish.crashes);
    this.receiver.arrive({ ...carried.htlc, key: keyOf(flight.key), invoice }, crash ? this.roll(5) : 0);
    if (crash) this.receiver.restart();
    this.collect();
  }

  /** What the payee has decided goes back along the routes. */
  private collect(): void {
    for (const flight of this.flights) {
      const { key, journey } = flight;
      const answer = key === undefined ? undefined : this.receiver.answers.get(`c/${key}`);
      if (answer === undefined || journey === undefined || flight.outcome !== undefined) continue;
      if ('fulfilled' in answer) flight.outcome = { kind: 'fulfilled', preimage: answer.fulfilled };
      else {
        this.network.release(journey);
        flight.outcome = { kind: 'failed', reason: this.network.wrapped(journey, answer.failed) };
      }
    }
    this.receiver.resolve();
  }

  private deliver(flight: Flight): void {
    const { outcome, offer, payer } = flight;
    if (outcome === undefined) return;
    this.give(payer, { type: 'outcome', attempt: offer.attempt, outcome });
    // Told again until its step is known to be on disk.
    if (this.chance(this.wish.crashes)) return;
    this.payers[payer]?.step({ type: 'outcome', attempt: offer.attempt, outcome });
    flight.delivered = true;
  }

  /** msat that the payee claimed of payment `i`. */
  claimed(i: number): bigint {
    return this.flights
      .filter(({ payer, outcome }) => payer === i && outcome?.kind === 'fulfilled')
      .reduce((sum, { offer, journey }) => sum + (journey?.locked.at(-1)?.amount ?? offer.amount), 0n);
  }
}

/** A payment's own secret. */
export const entropyOf = (n: number): Uint8Array => bytes32(7000 + n);
