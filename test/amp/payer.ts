/** The sending machine under test: every step is a round trip through its records, and its promises are checked each time. */

import { expect } from 'vitest';
import type { PaymentEvent } from '../../amp/events.ts';
import type {
  AmpRequest,
  DeployedRequest,
  OrdinaryRequest,
  PaymentContext,
  PaymentEffect,
  PaymentInput,
  PaymentRequest,
} from '../../amp/io.ts';
import { hashOf, isEob, isOrdinary, newPayment, type Payment, type PaymentResult } from '../../amp/payment.ts';
import { restorePayment } from '../../amp/paymentstore.ts';
import type { Exclusions, Outlet } from '../../amp/route.ts';
import { schemes } from '../../amp/schemes.ts';
import { pay } from '../../amp/sending.ts';
import { strategies } from '../../amp/strategies.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { pointOf } from '../../wire/crypto.ts';
import { msat, type SecretKey, secretKey } from '../../wire/units.ts';
import { bytes32, context, keep, secretOf } from './receiver.ts';

export type Offer = Extract<PaymentEffect, { do: 'offer' }>;
export type Query = Extract<PaymentEffect, { do: 'find_route' }>;

export const nodeKey = (n: number): SecretKey => secretKey(bytes32(5000 + n));
export const nodeOf = (n: number) => pointOf(nodeKey(n));

const common = {
  destination: nodeOf(0),
  amount: msat(1_000_000n),
  maxFee: msat(50_000n),
  shards: undefined,
  maxShards: 16,
  minShard: msat(1000n),
  finalCltv: 40,
  maxDelay: 2016,
  entropy: bytes32(42),
  deadline: 2_000_000,
  withhold: 0,
};
/** A spontaneous AMP of 1,000 sat. */
export const ampRequest = (changes: Partial<AmpRequest> = {}): AmpRequest => ({
  id: 'amp',
  ...common,
  scheme: 'dynamic',
  paymentId: zeros(11),
  ...changes,
});
/** The same with record 14. */
export const deployedRequest = (changes: Partial<DeployedRequest> = {}): DeployedRequest => ({
  id: 'deployed',
  ...common,
  scheme: 'deployed',
  ...{ paymentSecret: bytes32(2), metadata: undefined },
  ...changes,
});
/** The same in ordinary HTLCs. */
export const ordinaryRequest = (changes: Partial<OrdinaryRequest> = {}): OrdinaryRequest => ({
  id: 'ordinary',
  ...common,
  scheme: 'mpp',
  ...{ paymentHash: secretOf(1).paymentHash, paymentSecret: bytes32(2), metadata: undefined },
  ...changes,
});

export class PaymentUnderTest {
  payment: Payment = newPayment;
  context: PaymentContext = {
    now: context.now,
    millis: context.now * 1000,
    height: context.height,
    schemes,
    strategies,
  };
  readonly store = new Map<string, Uint8Array>();
  readonly events: PaymentEvent[] = [];
  /** Taken out by whoever answers them. */
  readonly offers: Offer[] = [];
  query: Query | undefined;
  /** When it wants to be woken, Unix milliseconds. */
  wakeAt: number | undefined;
  /** Milliseconds until a failure is back, as routes are answered by hand. */
  roundTrip = 1000;
  private readonly attempts = new Set<number>();

  /** One step; `lose` effects at its end are dropped, as a crash drops them. */
  step(input: PaymentInput, lose = 0): readonly PaymentEffect[] {
    const [next, effects] = pay(this.payment, input, this.context);
    expect(effects.slice(1).some((effect) => effect.do === 'save')).toBe(false);
    this.payment = next;
    const performed = effects.slice(0, Math.max(0, effects.length - lose));
    for (const effect of performed) this.perform(effect);
    if (performed.length > 0 || effects.length === 0) this.check();
    return performed;
  }

  start(request: PaymentRequest, outlets: readonly Outlet[], exclude?: Exclusions): this {
    this.step({ type: 'start', request, outlets, exclude });
    return this;
  }

  private perform(effect: PaymentEffect): void {
    switch (effect.do) {
      case 'save':
        keep(this.store, effect.changes);
        return;
      case 'find_route':
        this.query = effect;
        return;
      case 'offer':
        // An attempt's number is its session key: used once.
        expect(this.attempts.has(effect.attempt)).toBe(false);
        this.attempts.add(effect.attempt);
        this.offers.push(effect);
        return;
      case 'wake':
        this.wakeAt = effect.at;
        return;
      case 'report':
        this.events.push(effect.report);
    }
  }

  private check(): void {
    const { payment } = this;
    const over = payment.kind === 'new' || payment.kind === 'forgotten';
    if (over) expect(this.store.size).toBe(0);
    else expect(restorePayment(this.store)).toEqual(payment);
    if (payment.kind !== 'running') return;
    const { request, shards } = payment;
    let out = 0n;
    const hashes: string[] = [];
    for (const shard of shards) {
      if (shard.state.kind === 'fulfilled') out += shard.state.sent;
      if (shard.state.kind === 'in_flight') {
        out += shard.state.route[0].amount;
        hashes.push(hex(hashOf(payment, shard)));
      }
    }
    const spare = isEob(request) ? (request.maxOverpayment ?? 0n) : 0n;
    expect(out <= request.amount + request.maxFee + spare).toBe(true);
    if (!isOrdinary(request)) expect(new Set(hashes).size).toBe(hashes.length);
    const open = shards.filter(({ state }) => state.kind !== 'dropped');
    if (payment.progress.phase === 'stopping') return;
    const planned = open.reduce((sum, { amount }) => sum + amount, 0n);
    expect(planned >= request.amount && planned <= request.amount + spare).toBe(true);
  }

  tick(seconds = 1): void {
    const now = this.context.now + seconds;
    this.context = { ...this.context, now, millis: now * 1000 };
    this.step({ type: 'tick' });
  }

  /** The process ends and begins again. */
  restart(): void {
    this.payment = restorePayment(this.store);
    this.query = undefined;
    this.step({ type: 'restored' });
  }

  get result(): PaymentResult | undefined {
    return this.payment.kind === 'finished' ? this.payment.result : undefined;
  }

  eventNames(): readonly string[] {
    return this.events.map(({ event }) => event);
  }
}
