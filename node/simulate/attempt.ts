/**
 * One payment machine in a simulation, from its request to its result. A payment is one of these; one in packets is many, each with an
 * invoice of its own.
 */
import type { PaymentEvent } from '../../amp/events.ts';
import type {
  FinalPayload,
  InvoiceTerms,
  PaymentContext,
  PaymentEffect,
  PaymentInput,
  PaymentRequest,
} from '../../amp/io.ts';
import { isDeployed, isOrdinary, newPayment, type Payment, type PaymentResult } from '../../amp/payment.ts';
import { payUnsaved } from '../../amp/sending.ts';
import { decodeBlob } from '../../amp/shares.ts';
import type { ReturnedFailure } from '../../onion/failureonion.ts';
import type { Preimage } from '../../wire/units.ts';
import type { Agenda } from './agenda.ts';
import type { Flights } from './flights.ts';
import { nodeId, nodeOf } from './names.ts';
import type { Payees } from './payees.ts';
import type { Payer } from './payers.ts';
import { BEGINNING } from './routes.ts';

/** What the machines of one run share. */
export interface Surroundings {
  readonly agenda: Agenda;
  readonly flights: Flights;
  readonly payees: Payees;
  readonly context: (reading: (reason: Uint8Array) => ReturnedFailure) => PaymentContext;
}

/** Msat and sat times seconds. */
export interface AttemptCounts {
  offered: number;
  claimed: number;
  locked: number;
}

type Offer = Extract<PaymentEffect, { do: 'offer' }>;
type Offered = Extract<PaymentEvent, { event: 'shard_offered' }>;

/** Milliseconds between two ticks of a payment, as a node gives them. */
const TICK = 1000;

export class Attempt {
  readonly payer: Payer;
  /** Of those that wait for room, the lowest is first. */
  private readonly number: number;
  readonly counts: AttemptCounts = { offered: 0, claimed: 0, locked: 0 };
  private readonly request: PaymentRequest;
  private readonly invoice: InvoiceTerms;
  private readonly world: Surroundings;
  private readonly ended: (result: PaymentResult) => void;
  private readonly reasons = new WeakMap<Uint8Array, ReturnedFailure>();
  private readonly inputs: PaymentInput[] = [];
  private readonly offers = new Map<number, Offer>();
  private state: Payment = newPayment;
  private isStepping = false;

  constructor(
    payer: Payer,
    number: number,
    request: PaymentRequest,
    invoice: InvoiceTerms,
    world: Surroundings,
    ended: (result: PaymentResult) => void,
  ) {
    this.payer = payer;
    this.number = number;
    this.request = request;
    this.invoice = invoice;
    this.world = world;
    this.ended = ended;
  }

  /** Begins, and goes on by itself. */
  begin(): void {
    this.world.payees.invite(this.invoice);
    this.payer.add(this.request.id, (outlets) => this.push({ type: 'room', outlets }));
    this.push({ type: 'start', request: this.request, outlets: this.payer.outlets() });
    this.tickLater();
  }

  /** No new HTLC from here on. */
  cancel(): void {
    this.push({ type: 'cancel' });
  }

  private tickLater(): void {
    this.world.agenda.after(TICK, () => {
      if (this.state.kind !== 'running') return;
      this.payer.tick(Math.floor(this.world.agenda.now / TICK));
      this.push({ type: 'tick' });
      this.tickLater();
    });
  }

  private push(input: PaymentInput): void {
    this.inputs.push(input);
    if (this.isStepping) return;
    this.isStepping = true;
    for (let next = this.inputs.shift(); next !== undefined; next = this.inputs.shift()) {
      const context = this.world.context((reason) => this.reasons.get(reason) ?? { kind: 'unattributable' });
      const [state, effects] = payUnsaved(this.state, next, context);
      this.state = state;
      for (const effect of effects) this.perform(effect);
    }
    this.isStepping = false;
  }

  private perform(effect: PaymentEffect): void {
    const { agenda } = this.world;
    switch (effect.do) {
      case 'save':
        return;
      case 'find_route':
        this.push(this.payer.route(effect));
        return;
      case 'offer':
        this.offers.set(effect.attempt, effect);
        return;
      case 'wake':
        agenda.after(effect.at - BEGINNING * 1000 - agenda.now, () => this.push({ type: 'tick' }));
        return;
      case 'wait_for_room':
        this.payer.waiting.add(this.request.id, this.number, effect.hasInFlight);
        return;
      case 'report':
        this.report(effect.report);
    }
  }

  private report(event: PaymentEvent): void {
    this.payer.learn(event);
    switch (event.event) {
      case 'shard_offered':
        this.launch(event);
        return;
      case 'payment_succeeded':
      case 'payment_failed':
        this.payer.remove(this.request.id);
        this.world.payees.forget(this.invoice.id);
        this.ended(event);
        return;
      default:
    }
  }

  /** What the payee will read of an HTLC: nobody has to decrypt it. */
  private payloadOf({ route, blobs }: Offered): FinalPayload {
    const { request } = this;
    const { amount, expiry } = route.at(-1) ?? route[0];
    if (isOrdinary(request))
      return { kind: 'ordinary', amount, expiry, paymentSecret: request.paymentSecret, total: request.amount };
    if (isDeployed(request)) throw new RangeError('a simulation has no payments by record 14');
    const { scheme, paymentId } = request;
    return { kind: 'eob', amount, expiry, scheme, paymentId, blobs: blobs.map(decodeBlob) };
  }

  private launch(event: Offered): void {
    const { attempt, route, paymentHash } = event;
    const { flights, payees } = this.world;
    const offer = this.offers.get(attempt);
    this.offers.delete(attempt);
    if (offer === undefined) return;
    const { payer, counts, invoice } = this;
    const { node: last, amount, expiry } = route.at(-1) ?? route[0];
    const sent = flights.begin(payer.node, route, {
      arrived: (flight) =>
        payees.arrive(nodeOf(last), {
          peer: route.at(-2)?.node ?? nodeId(payer.node),
          ...{ amount, expiry, paymentHash, payload: this.payloadOf(event), invoice: invoice.id },
          fulfill: (preimage: Preimage) => flights.fulfill(flight, preimage),
          fail: (failure) => flights.fail(flight, route.length - 1, failure),
        }),
      unlocked: (_, msats, ms) => {
        counts.locked += (msats / 1000) * (ms / 1000);
      },
      ended: (end) => {
        if (end.kind === 'fulfilled') {
          counts.claimed++;
          this.push({ type: 'outcome', attempt, outcome: end });
        } else {
          const reason = new Uint8Array(1);
          this.reasons.set(reason, { kind: 'attributed', hop: end.hop, failure: end.failure });
          this.push({ type: 'outcome', attempt, outcome: { kind: 'failed', reason } });
        }
        payer.waiting.roomFreed(1);
      },
    });
    if (sent) counts.offered++;
    else this.push({ type: 'outcome', attempt, outcome: { kind: 'refused', why: 'full' } });
  }
}
