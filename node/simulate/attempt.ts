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
import type { EventQueue } from './eventqueue.ts';
import type { Flights } from './flights.ts';
import { nodeId, nodeOf } from './names.ts';
import type { Payees } from './payees.ts';
import type { Payer } from './payers.ts';
import { BEGINNING } from './routes.ts';
import type { StatusSession } from './status.ts';

/** What the machines of one run share. */
export interface RunParts {
  readonly queue: EventQueue;
  readonly flights: Flights;
  readonly payees: Payees;
  readonly context: (reading: (reason: Uint8Array) => ReturnedFailure) => PaymentContext;
  /** Between payers and payees, if there is one. */
  readonly status: StatusSession | undefined;
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
  private readonly world: RunParts;
  private readonly ended: (result: PaymentResult) => void;
  private readonly reasons = new WeakMap<Uint8Array, ReturnedFailure>();
  private readonly inputs: PaymentInput[] = [];
  private readonly offers = new Map<number, Offer>();
  private state: Payment = newPayment;
  private isStepping = false;
  /** HTLCs that are not back. */
  private away = 0;
  /** What has come of it, once the machine is at its end. */
  private result: PaymentResult | undefined;
  private knewAt: number | undefined;

  constructor(
    payer: Payer,
    number: number,
    request: PaymentRequest,
    invoice: InvoiceTerms,
    world: RunParts,
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

  /** When the payer knew that the payee has all of it. */
  get knownAt(): number | undefined {
    return this.knewAt;
  }

  /** The payee has the whole set: no new HTLC once the payer is told. */
  complete(): void {
    this.world.status?.complete(() => {
      this.knows();
      this.push({ type: 'cancel' });
    });
  }

  private knows(): void {
    this.knewAt ??= this.world.queue.now;
  }

  private tickLater(): void {
    this.world.queue.after(TICK, () => {
      if (this.state.kind !== 'running') return;
      this.payer.tick(Math.floor(this.world.queue.now / TICK));
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
    const { queue } = this.world;
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
        queue.after(effect.at - BEGINNING * 1000 - queue.now, () => this.push({ type: 'tick' }));
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
        this.result = event;
        this.endOnceBack();
        return;
      default:
    }
  }

  /** One that was replaced is still locked when the payment is over, and counts until it is back. */
  private endOnceBack(): void {
    const { result } = this;
    if (result === undefined || this.away > 0) return;
    this.result = undefined;
    this.ended(result);
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
    const { flights, payees, status } = this.world;
    const offer = this.offers.get(attempt);
    this.offers.delete(attempt);
    if (offer === undefined) return;
    const { payer, counts, invoice } = this;
    const { node, amount, expiry } = route.at(-1) ?? route[0];
    const last = route.length - 1;
    let [isThere, isRefused] = [false, false];
    const sent = flights.begin(payer.node, route, {
      arrived: (flight) => {
        if (isRefused) return flights.fail(flight, last, { name: 'mpp_timeout' });
        isThere = true;
        return payees.arrive(nodeOf(node), {
          peer: route.at(-2)?.node ?? nodeId(payer.node),
          ...{ amount, expiry, paymentHash, payload: this.payloadOf(event), invoice: invoice.id },
          fulfill: (preimage: Preimage) => flights.fulfill(flight, preimage),
          fail: (failure) => flights.fail(flight, last, failure),
        });
      },
      standsStill:
        status &&
        ((hop) =>
          status.standsStill({
            isThere: () => isThere || isRefused,
            refuse: () => {
              isRefused = true;
            },
            replace: () => this.replace(event, hop),
          })),
      unlocked: (_, msats, ms) => {
        counts.locked += (msats / 1000) * (ms / 1000);
      },
      ended: (end) => {
        this.away--;
        if (end.kind === 'fulfilled') {
          counts.claimed++;
          this.knows();
          this.push({ type: 'outcome', attempt, outcome: end });
        } else {
          const reason = new Uint8Array(1);
          this.reasons.set(reason, { kind: 'attributed', hop: end.hop, failure: end.failure });
          this.push({ type: 'outcome', attempt, outcome: { kind: 'failed', reason } });
        }
        payer.waiting.roomFreed(1);
        this.endOnceBack();
      },
    });
    if (sent) {
      counts.offered++;
      this.away++;
    } else this.push({ type: 'outcome', attempt, outcome: { kind: 'refused', why: 'full' } });
  }

  /**
   * An HTLC that stands still at the end of channel `hop` is over for the machine, to which it is nothing new when it comes back. The
   * node is dearer for this payer from then on, and not forbidden: there may be no other way.
   */
  private replace({ attempt, route }: Offered, hop: number): void {
    if (this.state.kind !== 'running') return;
    this.payer.avoid(route, hop);
    this.push({ type: 'outcome', attempt, outcome: { kind: 'refused', why: 'lost' } });
  }
}
