/**
 * Our own payments: one machine each, fed with routes, outlets and the fates of its HTLCs. Everything a payment needs to go on
 * is durable before its first HTLC leaves; a payment's result is durable in its record before the machine forgets.
 */

import type { PaymentEvent } from '../../amp/events.ts';
import type { Outcome, PaymentEffect, PaymentInput, PaymentRequest } from '../../amp/io.ts';
import { isIn, isOrdinary, newPayment, type Payment } from '../../amp/payment.ts';
import { checkRequest, paymentTables } from '../../amp/paymentstore.ts';
import type { Schemes } from '../../amp/scheme.ts';
import { pay } from '../../amp/sending.ts';
import { changes } from '../../amp/tables.ts';
import { hex } from '../../wire/bytes.ts';
import { msat, type Preimage } from '../../wire/units.ts';
import { Machine } from '../base/machine.ts';
import { findRoute, type Hint } from '../graph/routing.ts';
import { StoreError } from '../store/errors.ts';
import { prefixed } from '../store/space.ts';
import { keptMachines, MACHINES } from './keptmachines.ts';
import { decodeOrigin, encodeOrigin } from './origin.ts';
import type { PaymentsParts, PayNote } from './paymentparts.ts';
import { brokenEnd, failureOf, type PayRecord, shardFailureText, shortfall, withClaims } from './paymentrecord.ts';
import { type ShardRecord, Shards } from './shards.ts';
import { paymentSteps } from './steps.ts';

/**
 * Seconds that a caller waits for the other shards once one was claimed. They follow within a second where nobody is to blame;
 * a peer that holds one back may do so until it expires, and the payment is complete without it.
 */
const SETTLING = 10;

interface Running {
  readonly id: string;
  readonly machine: Machine<Payment, PaymentInput, PaymentEffect>;
  readonly hints: readonly Hint[];
  /** Unix seconds at which its invoice can be paid no more, in the run in which it began. */
  readonly expiresAt: number | undefined;
  /** How a shard of it failed last, in this run. */
  lastFailure?: string;
  waiting: ((record: PayRecord) => void)[];
  /** Unix seconds at which its first shard was claimed, in this run. */
  claimedAt?: number;
  /** An error inside the node ended it: what is in flight is waited for, and nothing more is sent. */
  failed?: true;
}

type Ended = Extract<PaymentEvent, { event: 'payment_succeeded' | 'payment_failed' }>;

export class Payments {
  private readonly parts: PaymentsParts;
  private readonly running = new Map<string, Running>();
  private readonly shards = new Shards();
  /** Payment hashes of which somebody looks whether they were paid before. */
  private readonly asked = new Set<string>();

  constructor(parts: PaymentsParts) {
    this.parts = parts;
  }

  /** Reads what is still under way; nothing moves before `begin`. Throws StoreError or WireError. */
  async load(): Promise<void> {
    for (const [id, state] of await keptMachines(this.parts.store)) this.add(id, state, { hints: [] });
  }

  /** The share schemes that payments can be made with. */
  get schemes(): Schemes {
    return this.parts.context().schemes;
  }

  /** After a restart, once the channels are loaded: attempts that no channel knows never left. */
  begin(): void {
    this.endUnbegun();
    const known = new Set<string>();
    for (const { htlc } of this.parts.channels().allOffered()) {
      const origin = decodeOrigin(htlc.origin);
      if (origin.kind === 'payment') known.add(`${origin.payment}/${origin.attempt}`);
    }
    for (const { id, machine } of this.running.values()) {
      if (machine.state.kind === 'finished' && this.parts.book.underWay(id) === undefined) {
        // Its result was kept; the crash came before its machine could forget.
        this.running.delete(id);
        machine.push({ type: 'acknowledged' });
        continue;
      }
      machine.push({ type: 'restored' });
      if (machine.state.kind !== 'running') continue;
      for (const { state } of machine.state.shards)
        if (state.kind === 'in_flight' && !known.has(`${id}/${state.attempt}`))
          machine.push({ type: 'outcome', attempt: state.attempt, outcome: { kind: 'refused', why: 'lost' } });
    }
  }

  /** A crash came before the machine of these was kept, so nothing of them had left. */
  private endUnbegun(): void {
    for (const record of this.parts.book.pending())
      if (!this.running.has(record.id))
        this.close(record, {
          delivered: msat(0n),
          sent: msat(0n),
          parts: 0,
          preimages: [],
          why: 'the node stopped before anything was sent',
        });
  }

  private add(id: string, state: Payment, { hints, expiresAt }: Pick<PayNote, 'hints' | 'expiresAt'>): Running {
    const running: Running = {
      ...{ id, hints, expiresAt },
      waiting: [],
      machine: new Machine({
        state,
        step: (before, input) => pay(before, input, this.parts.context()),
        perform: (effect) => this.perform(running, effect),
        traced: paymentSteps(this.parts.log, id.slice(0, 12)),
        survives: (error, input, effect) => this.survives(running, error, input, effect),
        broke: (error) => this.parts.fatal(error),
      }),
    };
    this.running.set(id, running);
    return running;
  }

  /**
   * An error inside the node costs the payment in which it happens: what is in flight is waited for, and with nothing in flight
   * it has failed. Only what could not be saved ends the node.
   */
  private survives(
    running: Running,
    error: unknown,
    input: PaymentInput | undefined,
    effect: PaymentEffect | undefined,
  ): boolean {
    if (error instanceof StoreError || effect?.do === 'save') return false;
    const { id, machine } = running;
    this.parts.log.error(
      { internal: 'payments', payment: id.slice(0, 12), at: effect?.do ?? input?.type, error },
      'an error inside the node: this payment ends, no other is touched. Please report this line',
    );
    const preimage =
      input?.type === 'outcome' && input.outcome.kind === 'fulfilled' ? input.outcome.preimage : undefined;
    const isFirst = running.failed === undefined;
    running.failed = true;
    if (machine.state.kind !== 'running' || preimage !== undefined) this.giveUp(running, preimage);
    else {
      if (isFirst) machine.push({ type: 'cancel' });
      // It did not come as far as the channel.
      if (effect?.do === 'offer')
        machine.push({ type: 'outcome', attempt: effect.attempt, outcome: { kind: 'refused', why: 'lost' } });
      else if (!isFirst) this.giveUp(running, preimage);
    }
    return true;
  }

  /** The machine is of no use any more. While an HTLC of it is out nobody can know how it ends: then it stays under way. */
  private giveUp(running: Running, preimage: Preimage | undefined): void {
    const { state } = running.machine;
    const before = this.parts.book.underWay(running.id);
    if (before === undefined) return;
    const end = brokenEnd(state, preimage);
    const isOut = state.kind === 'running' && state.shards.some(isIn('in_flight'));
    if (isOut && preimage === undefined) {
      this.tell(running, { ...before, status: 'failed', end: { at: this.now(), ...end } });
      return;
    }
    this.parts.gate.keep(prefixed(`${MACHINES}${running.id}/`, changes(paymentTables(state), [])));
    this.running.delete(running.id);
    running.machine.stop();
    this.tell(running, this.close(before, end));
  }

  /**
   * Begins a payment; resolves with its record once it is over, or complete but for shards that somebody holds back. The
   * request's id is the payment's. Throws WireError where a field of it fits no record: then nothing has begun.
   */
  start(request: PaymentRequest, note: PayNote): Promise<PayRecord> {
    const { book, clock, channels } = this.parts;
    const { id, destination, amount, scheme } = request;
    const { paymentHash, label, bolt11, description } = note;
    const createdAt = Math.floor(clock.now() / 1000);
    checkRequest(request);
    // Kept before the machine's own records, and those before any message that follows from them.
    book.begin({ id, createdAt, destination, paymentHash, amount, scheme, label, bolt11, description });
    const running = this.add(id, newPayment, note);
    const over = new Promise<PayRecord>((resolve) => running.waiting.push(resolve));
    running.machine.push({ type: 'start', request, outlets: channels().outlets() });
    return over;
  }

  /**
   * As `start`, for what may be paid only once. A payment of the same hash of which a preimage is known is the result. Not
   * begun while one is under way, nor where an invoice of ours has the same hash. Throws StoreError.
   */
  async startOnce(request: PaymentRequest, note: PayNote): Promise<PayRecord | 'under_way' | 'ours'> {
    const hash = hex(note.paymentHash);
    if (this.asked.has(hash)) return 'under_way';
    this.asked.add(hash);
    try {
      if (isOrdinary(request) && (await this.parts.isOurs(request.paymentHash))) return 'ours';
      const before = await this.of(note.paymentHash);
      if (before?.status === 'pending') return 'under_way';
      // Begun in this very turn, so that whoever asks next finds it under way.
      return before?.status === 'complete' ? before : this.start(request, note);
    } finally {
      this.asked.delete(hash);
    }
  }

  /** Resolves once the payment has taken note; at once when there is no such payment any more. */
  outcome(id: string, attempt: number, outcome: Outcome): Promise<void> {
    return this.running.get(id)?.machine.deliver({ type: 'outcome', attempt, outcome }) ?? Promise.resolve();
  }

  /** Looks at deadlines, and at who has waited long enough. */
  tick(): void {
    const now = this.now();
    for (const running of this.running.values()) {
      if (running.failed === undefined) running.machine.push({ type: 'tick' });
      const record = this.parts.book.underWay(running.id);
      if (record !== undefined && running.claimedAt !== undefined && now >= running.claimedAt + SETTLING)
        this.tell(running, this.standing(record));
    }
  }

  private now(): number {
    return Math.floor(this.parts.clock.now() / 1000);
  }

  private tell(running: Running, record: PayRecord): void {
    const { waiting } = running;
    running.waiting = [];
    if (waiting.length === 0) return;
    this.parts.gate.after(() => {
      for (const tell of waiting) tell(record);
    });
  }

  /** A payment as it stands: complete as soon as a preimage of it is known, though others of its shards may still be out. */
  private standing(record: PayRecord): PayRecord {
    const running = this.running.get(record.id);
    return withClaims(record, running?.machine.state, running?.claimedAt ?? this.now());
  }

  /** The payment of a payment hash that counts, as it stands: one that is complete, or else the latest. Throws StoreError. */
  async of(paymentHash: Uint8Array): Promise<PayRecord | undefined> {
    const found = await this.parts.book.of(paymentHash);
    return found && this.standing(found);
  }

  /** Those of which nothing is known yet, in order of their creation. */
  pending(): readonly PayRecord[] {
    return this.parts.book.pending().filter((record) => this.standing(record).status === 'pending');
  }

  /** All from a number on, in order of their creation; of one payment hash alone, if one is given. Throws StoreError. */
  async *list(first?: bigint, paymentHash?: Uint8Array): AsyncGenerator<PayRecord> {
    for await (const record of this.parts.book.list(first, paymentHash)) yield this.standing(record);
  }

  /** The last attempt of each shard, for payments of this process. */
  shardsOf(id: string): readonly ShardRecord[] {
    return this.shards.of(id);
  }

  /** The machine's state of a payment under way. */
  stateOf(id: string): Payment | undefined {
    return this.running.get(id)?.machine.state;
  }

  async settled(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ machine }) => machine.settled()));
  }

  private perform(running: Running, effect: PaymentEffect): undefined {
    const { gate, channels, routes } = this.parts;
    const { id, machine } = running;
    switch (effect.do) {
      case 'save':
        gate.keep(prefixed(`${MACHINES}${id}/`, effect.changes));
        return undefined;
      case 'find_route': {
        const found = findRoute({ ...routes, outlets: channels().outlets(), hints: running.hints }, effect);
        machine.push({ type: 'route', query: effect.query, ...found });
        return undefined;
      }
      case 'offer': {
        const { scid, attempt, amount, paymentHash, expiry, onion } = effect;
        const origin = encodeOrigin({ kind: 'payment', payment: id, attempt });
        const refused = (why: 'preimage_known' | 'unavailable') =>
          machine.push({ type: 'outcome', attempt, outcome: { kind: 'refused', why } });
        // Looked at here, last of all, since it is here that the HTLC leaves: whatever was planned was so before.
        if (channels().isKnown(paymentHash)) refused('preimage_known');
        else if (!channels().offer(scid, { amount, paymentHash, expiry, onion, origin })) refused('unavailable');
        return undefined;
      }
      case 'report':
        this.take(running, effect.report);
        return undefined;
    }
  }

  private take(running: Running, event: PaymentEvent): void {
    const { log, clock } = this.parts;
    const payment = running.id.slice(0, 12);
    this.shards.note(running.id, event, clock.now());
    switch (event.event) {
      case 'shard_fulfilled':
        running.claimedAt ??= this.now();
        break;
      case 'shard_failed':
        running.lastFailure = shardFailureText(event);
        log.info({ payment, hop: event.hop, failure: event.failure }, 'a payment part failed; trying another route');
        break;
      case 'payment_succeeded':
      case 'payment_failed':
        this.end(running, event);
        break;
      default:
        log.debug({ payment, event: event.event }, 'payment goes on');
        break;
    }
  }

  private end(running: Running, event: Ended): void {
    const { log } = this.parts;
    const { id } = running;
    const before = this.parts.book.underWay(id);
    if (before === undefined) return;
    const { lastFailure, expiresAt } = running;
    const failed =
      event.event === 'payment_failed'
        ? failureOf(event.reason, lastFailure, expiresAt !== undefined && this.now() > expiresAt)
        : { why: undefined };
    const { amount: delivered, amountSent: sent, parts, preimages } = event;
    const record = this.close(before, { delivered, sent, parts, preimages, ...failed });
    const { why } = failed;
    log.info(
      { payment: id.slice(0, 12), to: hex(record.destination).slice(0, 16), parts, why: why ?? shortfall(record) },
      `payment ${record.status}`,
    );
    this.running.delete(id);
    running.machine.push({ type: 'acknowledged' });
    this.tell(running, record);
  }

  /** Keeps a payment's result. */
  private close(before: PayRecord, result: Omit<NonNullable<PayRecord['end']>, 'at'>): PayRecord {
    return this.parts.book.end(before, { at: this.now(), ...result });
  }
}
