/**
 * Our own payments: one machine each, which gets routes, outlets and the results of its HTLCs. Everything a payment needs to go on
 * after a restart is durable before its first HTLC leaves; its result is durable in its record before its machine is deleted.
 */

import type { PaymentEvent } from '../../amp/events.ts';
import type { Outcome, PaymentContext, PaymentEffect, PaymentInput, PaymentRequest } from '../../amp/io.ts';
import { isDeployed, isIn, isOrdinary, newPayment, type Payment, type PaymentResult } from '../../amp/payment.ts';
import { checkRequest, paymentTables } from '../../amp/paymentstore.ts';
import { changes } from '../../amp/tables.ts';
import { hex } from '../../wire/bytes.ts';
import type { Preimage } from '../../wire/units.ts';
import { Machine } from '../base/machine.ts';
import { StoreError } from '../store/errors.ts';
import { prefixed } from '../store/space.ts';
import { offerHtlc, searchInTurn } from './paymenteffects.ts';
import { beginning, hasWaited, type PaymentDetails, type PaymentsParts, type Running } from './paymentparts.ts';
import {
  draftOf,
  neverSent,
  type PaymentRecord,
  pendingOf,
  resultOf,
  resultOfInternalError,
  shardFailureText,
  shortfall,
  withClaims,
} from './paymentrecord.ts';
import { PAYMENT_MACHINES } from './paymentstore.ts';
import { attemptsAmong, loadedPayments, resumingInputs } from './resuming.ts';
import { RoundTrips } from './roundtrips.ts';
import { type ShardRecord, Shards } from './shards.ts';
import { paymentNames, paymentSteps, recordedPayment } from './stepnames.ts';
import { WaitingPayments } from './waitingpayments.ts';
import { Wakeups } from './wakeups.ts';

export class Payments {
  private readonly parts: PaymentsParts;
  private readonly running = new Map<string, Running>();
  readonly shards = new Shards();
  private readonly roundTrips = new RoundTrips();
  private readonly wakeups = new Wakeups();
  private readonly waiting: WaitingPayments;
  /** Payment hashes for which `startOnce` is looking for earlier payments. */
  private readonly beingChecked: Set<string>;
  /** Before `resume` no payment goes on: what its channels have of it is not known yet. */
  private isResumed = false;

  constructor(parts: PaymentsParts) {
    this.parts = parts;
    this.beingChecked = parts.beingChecked ?? new Set();
    this.waiting = new WaitingPayments(
      parts.channels,
      (id, outlets) => this.running.get(id)?.machine.push({ type: 'room', outlets: parts.windows.on(outlets) }),
      () => parts.clock.now(),
    );
  }

  /** Reads the pending payments; none goes on before `resume`. Throws StoreError or WireError. */
  async load(): Promise<void> {
    for (const [id, state, note] of await loadedPayments(this.parts)) this.add(id, state, note);
  }

  /** The share schemes and strategies that payments can be made with. */
  get tables(): Pick<PaymentContext, 'schemes' | 'strategies'> {
    return this.parts.context();
  }

  /** After a restart, once the channels are loaded: attempts that no channel has an HTLC for were never sent, and count as failed. */
  resume(): void {
    this.isResumed = true;
    const { paymentStore, channels } = this.parts;
    // Those without a machine: the node stopped before that was saved, so no HTLC of theirs was sent.
    for (const record of paymentStore.pending()) if (!this.running.has(record.id)) this.recordResult(record, neverSent);
    const known = attemptsAmong(channels().offeredHtlcs());
    for (const running of this.running.values()) {
      const { id, machine } = running;
      const isOver = machine.state.kind === 'finished' && paymentStore.pendingById(id) === undefined;
      if (isOver) this.running.delete(id);
      for (const input of resumingInputs(running, isOver, known)) machine.push(input);
    }
  }

  private add(id: string, state: Payment, note: Parameters<typeof beginning>[3]): Running {
    const known = beginning(id, state, this.parts.paymentStore.pendingById(id), note);
    const step = recordedPayment(this.parts.recorder, known, state);
    const running: Running = {
      ...known,
      machine: new Machine({
        state,
        step: (before, input) => step(before, input, this.parts.context()),
        perform: (effect) => this.perform(running, effect),
        traced: paymentSteps(this.parts.log, () => paymentNames(running)),
        survives: (error, input, effect) => this.survives(running, error, input, effect),
        onFatal: (error) => this.parts.fatal(error),
      }),
    };
    this.running.set(id, running);
    return running;
  }

  /**
   * An internal error costs the payment in which it happens: HTLCs in flight are waited for, and with none in flight the payment
   * has failed. Only a failed save ends the node.
   */
  private survives(
    running: Running,
    error: unknown,
    input: PaymentInput | undefined,
    effect: PaymentEffect | undefined,
  ): boolean {
    if (error instanceof StoreError || effect?.do === 'save') return false;
    const { machine } = running;
    this.parts.log.error(
      { internal: 'payments', ...paymentNames(running), at: effect?.do ?? input?.type, error },
      'internal error in a payment: this payment ends, no other is affected. Please report this line',
    );
    const preimage =
      input?.type === 'outcome' && input.outcome.kind === 'fulfilled' ? input.outcome.preimage : undefined;
    const isFirst = running.failed === undefined;
    running.failed = true;
    if (machine.state.kind !== 'running' || preimage !== undefined) this.abandon(running, preimage);
    else {
      if (isFirst) machine.push({ type: 'cancel' });
      // The HTLC did not reach the channel.
      if (effect?.do === 'offer')
        machine.push({ type: 'outcome', attempt: effect.attempt, outcome: { kind: 'refused', why: 'lost' } });
      else if (!isFirst) this.abandon(running, preimage);
    }
    return true;
  }

  /** Ends a payment whose machine can no longer be used. While an HTLC of it is in flight its result is unknown: it stays pending. */
  private abandon(running: Running, preimage: Preimage | undefined): void {
    const { state } = running.machine;
    const before = this.parts.paymentStore.pendingById(running.id);
    if (before === undefined) return;
    const isOut = state.kind === 'running' && state.shards.some(isIn('in_flight'));
    if (isOut && preimage === undefined) {
      // Told to be pending, as it is: whoever took it for failed would pay a second time.
      this.notifyWaiters(running, this.withProgress(before));
      return;
    }
    const result = resultOfInternalError(state, preimage);
    this.parts.gate.save(prefixed(`${PAYMENT_MACHINES}${running.id}/`, changes(paymentTables(state), [])));
    this.running.delete(running.id);
    this.roundTrips.forget(running.id);
    this.waiting.remove(running.id);
    running.machine.stop();
    this.notifyWaiters(running, this.recordResult(before, result));
  }

  /**
   * Starts a payment; resolves with its record once it has ended, or is complete except for shards that a peer withholds; or as
   * pending, after an internal error with HTLCs in flight. The request's id is the payment's. Throws WireError when a field does
   * not fit its record: then nothing was started.
   */
  start(request: PaymentRequest, note: PaymentDetails): Promise<PaymentRecord> {
    const { paymentStore, channels, windows } = this.parts;
    const outlets = windows.on(channels().outlets());
    checkRequest(request);
    // Saved before the machine's own records, and those before any message that follows from them.
    paymentStore.begin(draftOf(request, note, this.now()));
    const running = this.add(request.id, newPayment, note);
    const over = new Promise<PaymentRecord>((resolve) => running.waiters.push(resolve));
    running.machine.push({ type: 'start', request, outlets, exclude: note.exclude });
    return over;
  }

  /**
   * As `start`, for a hash that may be paid only once, but for lnd's AMP. If a payment of this hash is complete, that is the result.
   * Nothing is started while one is pending, nor when an invoice of ours has the same hash. Throws StoreError.
   */
  async startOnce(request: PaymentRequest, note: PaymentDetails): Promise<PaymentRecord | 'under_way' | 'ours'> {
    const hash = hex(note.paymentHash);
    if (this.beingChecked.has(hash)) return 'under_way';
    this.beingChecked.add(hash);
    try {
      if (isOrdinary(request) && (await this.parts.isOwnInvoice(request.paymentHash))) return 'ours';
      const byParts = await this.parts.paidByParts?.(note.paymentHash, request.destination);
      if (byParts !== undefined) return byParts;
      const before = isDeployed(request) ? pendingOf(this.pending(), hash) : await this.byHash(note.paymentHash);
      if (before?.status === 'pending') return 'under_way';
      return before?.status === 'complete' ? before : this.start(request, note);
    } finally {
      this.beingChecked.delete(hash);
    }
  }

  /** The result of an attempt's HTLC. Resolves once the payment's machine has handled it; at once when the payment has ended. */
  outcome(id: string, attempt: number, outcome: Outcome): Promise<void> {
    return this.running.get(id)?.machine.deliver({ type: 'outcome', attempt, outcome }) ?? Promise.resolve();
  }

  /** Once a second and after each block: checks deadlines, and answers callers that have waited long enough for the remaining shards. */
  tick(): void {
    if (!this.isResumed) return;
    this.waiting.tick();
    const now = this.now();
    for (const running of this.running.values()) {
      if (running.failed === undefined) running.machine.push({ type: 'tick' });
      const record = this.parts.paymentStore.pendingById(running.id);
      if (record !== undefined && hasWaited(running, now)) this.notifyWaiters(running, this.withProgress(record));
    }
  }

  /** A channel is rid of so many HTLCs that it had offered, or can be used again. */
  roomFreed(htlcs: number): void {
    if (this.isResumed) this.waiting.roomFreed(htlcs);
  }

  private now(): number {
    return Math.floor(this.parts.clock.now() / 1000);
  }

  private notifyWaiters(running: Running, record: PaymentRecord): void {
    const { waiters } = running;
    running.waiters = [];
    if (waiters.length === 0) return;
    this.parts.gate.afterSaved(() => {
      for (const tell of waiters) tell(record);
    });
  }

  /** The record with what the machine knows by now: see `withClaims`. */
  private withProgress(record: PaymentRecord): PaymentRecord {
    const running = this.running.get(record.id);
    return withClaims(record, running?.machine.state, running?.claimedAt ?? this.now());
  }

  /** The payment of a payment hash that counts, as it stands: one that is complete, or else the latest. Throws StoreError. */
  async byHash(paymentHash: Uint8Array): Promise<PaymentRecord | undefined> {
    const found = await this.parts.paymentStore.byHash(paymentHash);
    return found && this.withProgress(found);
  }

  /** Those of which nothing is known yet, in order of their creation. */
  pending(): readonly PaymentRecord[] {
    return this.parts.paymentStore.pending().filter((record) => this.withProgress(record).status === 'pending');
  }

  /** All from a number on, in order of their creation; of one payment hash alone, if one is given. Throws StoreError. */
  async *list(first?: bigint, paymentHash?: Uint8Array): AsyncGenerator<PaymentRecord> {
    for await (const record of this.parts.paymentStore.list(first, paymentHash)) yield this.withProgress(record);
  }

  /** The last attempt of each shard, for payments since the node was started. */
  shardsOf(id: string): readonly ShardRecord[] {
    return this.shards.of(id);
  }

  /** The state of a pending payment's machine. */
  stateOf(id: string): Payment | undefined {
    return this.running.get(id)?.machine.state;
  }

  /** No payment is woken any more, and no flow looked for. */
  stop(): void {
    this.parts.flowTurns.stop();
    this.wakeups.cancel();
  }

  async settled(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ machine }) => machine.settled()));
  }

  private perform(running: Running, effect: PaymentEffect): undefined {
    const { gate, clock } = this.parts;
    const { id, machine } = running;
    switch (effect.do) {
      case 'save':
        gate.save(prefixed(`${PAYMENT_MACHINES}${id}/`, effect.changes));
        return undefined;
      case 'find_route':
        searchInTurn(this.parts, running, effect, [this.roundTrips, this.waiting], (error) =>
          this.survives(running, error, undefined, effect),
        );
        return undefined;
      case 'offer': {
        const refused = offerHtlc(this.parts, id, effect);
        if (refused !== undefined) machine.push(refused);
        return undefined;
      }
      case 'wake':
        this.wakeups.set(clock, id, effect.at, () => {
          if (this.running.get(id) === running && running.failed === undefined) machine.push({ type: 'tick' });
        });
        return undefined;
      case 'wait_for_room':
        running.countsOnPeers = true;
        this.waiting.add(id, running.number, effect.hasInFlight);
        return undefined;
      case 'report':
        this.onEvent(running, effect.report);
        return undefined;
    }
  }

  private onEvent(running: Running, event: PaymentEvent): void {
    const { log, clock } = this.parts;
    this.shards.note(running.id, event, clock.now());
    this.roundTrips.take(event, clock.now());
    this.parts.learn(event);
    switch (event.event) {
      case 'shard_fulfilled':
        running.claimedAt ??= this.now();
        break;
      case 'shard_failed':
        running.lastFailure = shardFailureText(event);
        log.info(
          { ...paymentNames(running), hop: event.hop, failure: event.failure },
          'a payment part failed; trying another route',
        );
        break;
      case 'payment_succeeded':
      case 'payment_failed':
        this.end(running, event);
        break;
      default:
        log.debug({ ...paymentNames(running), event: event.event }, 'payment event');
        break;
    }
  }

  private end(running: Running, event: PaymentResult): void {
    const { id } = running;
    const before = this.parts.paymentStore.pendingById(id);
    if (before === undefined) return;
    const { lastFailure, expiresAt } = running;
    const result = resultOf(event, lastFailure, expiresAt !== undefined && this.now() > expiresAt);
    const record = this.recordResult(before, result);
    this.running.delete(id);
    this.waiting.remove(id);
    running.machine.push({ type: 'acknowledged' });
    this.notifyWaiters(running, record);
    const { why, parts } = result;
    this.parts.log.info(
      { ...paymentNames(running), to: hex(record.destination).slice(0, 16), parts, why: why ?? shortfall(record) },
      `payment ${record.status}`,
    );
  }

  /** Saves a payment's result. */
  private recordResult(before: PaymentRecord, result: Omit<NonNullable<PaymentRecord['result']>, 'at'>): PaymentRecord {
    return this.parts.paymentStore.finish(before, { at: this.now(), ...result });
  }
}
