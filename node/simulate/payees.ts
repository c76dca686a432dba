/** Nodes that are paid: the receiving machine of each, and what it asks for. */
import type { FinalPayload, InvoiceTerms } from '../../amp/io.ts';
import { defaultLimits, LEAST_FINAL_CLTV } from '../../amp/limits.ts';
import { receive } from '../../amp/receiving.ts';
import type { Schemes } from '../../amp/scheme.ts';
import { emptyReceiver, type Receiver } from '../../amp/sets.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import type { Msat, PaymentHash, Point, Preimage } from '../../wire/units.ts';
import type { EventQueue } from './eventqueue.ts';
import { BEGINNING } from './routes.ts';

/** The height of the chain, in which no block comes: a payment takes seconds. */
export const HEIGHT = 900_000;

/** Milliseconds between two looks at sets that wait for more. */
const TICK = 1000;

/** An HTLC that has reached its payee. */
export interface Arrival {
  readonly peer: Point;
  readonly amount: Msat;
  readonly expiry: number;
  readonly paymentHash: PaymentHash;
  readonly payload: FinalPayload;
  readonly invoice: string;
  readonly fulfill: (preimage: Preimage) => void;
  readonly fail: (failure: Failure) => void;
}

export interface PayeesParts {
  readonly queue: EventQueue;
  readonly schemes: Schemes;
  /** An invoice was paid, with so much. */
  readonly paid: (invoice: string, received: number) => void;
}

type Input = Parameters<typeof receive>[1];

class Payee {
  private readonly parts: PayeesParts;
  private state: Receiver = emptyReceiver();
  private readonly held = new Map<bigint, Arrival>();
  private readonly invoices: Map<string, InvoiceTerms>;
  private last = 0n;
  private isTicking = false;

  constructor(parts: PayeesParts, invoices: Map<string, InvoiceTerms>) {
    this.parts = parts;
    this.invoices = invoices;
  }

  arrive(arrival: Arrival): void {
    const id = this.last++;
    this.held.set(id, arrival);
    const { peer, amount, expiry, paymentHash, payload } = arrival;
    const invoice = this.invoices.get(arrival.invoice);
    this.step({ type: 'htlc', key: { channel: '', id }, peer, amount, expiry, paymentHash, payload, invoice });
    if (!this.isTicking && this.held.size > 0) this.tickLater();
  }

  private tickLater(): void {
    this.isTicking = true;
    this.parts.queue.after(TICK, () => {
      this.isTicking = false;
      this.step({ type: 'tick', closed: [] });
      if (this.held.size > 0) this.tickLater();
    });
  }

  private step(input: Input): void {
    const { queue, schemes, paid } = this.parts;
    const now = BEGINNING + Math.floor(queue.now / 1000);
    const [next, effects] = receive(this.state, input, {
      ...{ now, height: HEIGHT, schemes, spontaneous: false, minFinalCltv: LEAST_FINAL_CLTV, limits: defaultLimits },
    });
    this.state = next;
    const answered: bigint[] = [];
    for (const effect of effects) {
      if (effect.do === 'report') continue;
      if (effect.do === 'save') {
        if (effect.paid === undefined) continue;
        const { invoice: id, received } = effect.paid;
        const invoice = this.invoices.get(id);
        if (invoice !== undefined) this.invoices.set(id, { ...invoice, status: 'paid' });
        paid(id, Number(received));
        continue;
      }
      const arrival = this.held.get(effect.key.id);
      if (arrival === undefined) continue;
      this.held.delete(effect.key.id);
      answered.push(effect.key.id);
      if (effect.do === 'fulfill') arrival.fulfill(effect.preimage);
      else arrival.fail(effect.failure);
    }
    for (const id of answered) this.step({ type: 'resolved', key: { channel: '', id } });
  }
}

/** All payees of a simulation, each made when its first HTLC arrives. */
export class Payees {
  private readonly parts: PayeesParts;
  private readonly invoices = new Map<string, InvoiceTerms>();
  private readonly nodes = new Map<number, Payee>();

  constructor(parts: PayeesParts) {
    this.parts = parts;
  }

  /** A payee asks for a payment. */
  invite(invoice: InvoiceTerms): void {
    this.invoices.set(invoice.id, invoice);
  }

  /** Its invoice is not wanted any more. */
  forget(id: string): void {
    this.invoices.delete(id);
  }

  /** An HTLC reaches its payee. */
  arrive(node: number, arrival: Arrival): void {
    const payee = this.nodes.get(node) ?? new Payee(this.parts, this.invoices);
    this.nodes.set(node, payee);
    payee.arrive(arrival);
  }
}
