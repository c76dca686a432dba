/** The receiving machine under test: every step of it is also a round trip through its records, and every answer is kept. */

import { expect } from 'vitest';
import type { HtlcKey, PaidInvoice, ReceiverEvent } from '../../amp/events.ts';
import type { InvoiceTerms, ReceiverContext, ReceiverEffect, ReceiverInput } from '../../amp/io.ts';
import { defaultLimits } from '../../amp/limits.ts';
import { restoreReceiver } from '../../amp/receiverstore.ts';
import { receive } from '../../amp/receiving.ts';
import { schemes } from '../../amp/schemes.ts';
import { emptyReceiver, type HeldSet, htlcName, type Receiver } from '../../amp/sets.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import type { Change } from '../../wire/change.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, type PaymentHash, type Point, type Preimage, paymentHash, point, preimage } from '../../wire/units.ts';

export type Htlc = Omit<Extract<ReceiverInput, { type: 'htlc' }>, 'type'>;
export type Answer = { readonly fulfilled: Preimage } | { readonly failed: Failure };

export const peerOf = (n: number): Point => point(Uint8Array.from({ length: 33 }, (_, i) => (i === 0 ? 2 : n)));
export const keyOf = (id: number): HtlcKey => ({ channel: 'c', id: BigInt(id) });

/** 32 bytes that differ with `n` and look random. */
export const bytes32 = (n: number): Uint8Array => sha256(Uint8Array.of(n, n >> 8));
export const secretOf = (n: number): { readonly preimage: Preimage; readonly paymentHash: PaymentHash } => ({
  preimage: preimage(bytes32(n)),
  paymentHash: paymentHash(sha256(bytes32(n))),
});

export const context: ReceiverContext = {
  now: 1_000_000,
  height: 500,
  schemes,
  spontaneous: true,
  minFinalCltv: 18,
  // Tests of anything but the least share have small ones.
  limits: { ...defaultLimits, leastShare: msat(1n) },
};

/** Writes a save's changes into a store, as a node does. */
export const keep = (store: Map<string, Uint8Array>, changes: readonly Change[]): void => {
  for (const { key, value } of changes)
    if (value === undefined) store.delete(key);
    else store.set(key, value);
};

/** A state in tables whose order does not count. */
const plain = ({ sets, owners, ...rest }: Receiver) => ({
  ...rest,
  owners: new Map(owners),
  sets: new Map([...sets].map(([name, set]) => [name, { ...set, parts: new Map(set.parts), sums: known(set) }])),
});
// The polynomial is made anew with the next share.
const known = ({ sums }: HeldSet) => sums && { ...sums, known: new Set(sums.known.keys()), polynomial: undefined };

export class ReceiverUnderTest {
  state: Receiver = emptyReceiver();
  context: ReceiverContext = context;
  readonly store = new Map<string, Uint8Array>();
  readonly invoices = new Map<string, InvoiceTerms>();
  readonly htlcs = new Map<string, Htlc>();
  readonly answers = new Map<string, Answer>();
  readonly events: ReceiverEvent[] = [];
  readonly paid: PaidInvoice[] = [];
  /** Whether what is kept is compared with the state at every step; not where there are so many sets that it takes too long. */
  checked = true;

  /** One step; `lose` effects at its end are dropped, as a crash drops them. */
  step(input: ReceiverInput, lose = 0): readonly ReceiverEffect[] {
    const [next, effects] = receive(this.state, input, this.context);
    expect(effects.slice(1).some((effect) => effect.do === 'save')).toBe(false);
    this.state = next;
    const performed = effects.slice(0, Math.max(0, effects.length - lose));
    for (const effect of performed) this.perform(effect);
    // Without its save a step has not happened at all.
    if (this.checked && (performed.length > 0 || effects.length === 0))
      expect(plain(restoreReceiver(this.store))).toEqual(plain(next));
    return performed;
  }

  private perform(effect: ReceiverEffect): void {
    switch (effect.do) {
      case 'save':
        keep(this.store, effect.changes);
        if (effect.paid !== undefined) this.pay(effect.paid);
        return;
      case 'fulfill':
        this.answer(effect.key, { fulfilled: effect.preimage });
        return;
      case 'fail':
        this.answer(effect.key, { failed: effect.failure });
        return;
      case 'report':
        this.events.push(effect.report);
    }
  }

  private pay(paid: PaidInvoice): void {
    const invoice = this.invoices.get(paid.invoice);
    if (paid.keysend === undefined) expect(invoice?.status).toBe('open');
    if (invoice !== undefined && invoice.kind !== 'deployed_amp')
      this.invoices.set(paid.invoice, { ...invoice, status: 'paid' });
    this.paid.push(paid);
  }

  /** An HTLC ends once. Told the same again, as after a restart, is no second end. */
  private answer(key: HtlcKey, answer: Answer): void {
    const name = htlcName(key);
    expect(this.htlcs.has(name)).toBe(true);
    if (this.answers.has(name)) expect(this.answers.get(name)).toEqual(answer);
    this.answers.set(name, answer);
  }

  private withInvoice(htlc: Htlc): Htlc {
    const id = htlc.invoice?.id;
    return id === undefined ? htlc : { ...htlc, invoice: this.invoices.get(id) };
  }

  /** An HTLC arrives; its invoice is looked up as it stands now. */
  arrive(htlc: Htlc, lose = 0): readonly ReceiverEffect[] {
    if (htlc.invoice !== undefined && !this.invoices.has(htlc.invoice.id))
      this.invoices.set(htlc.invoice.id, htlc.invoice);
    this.htlcs.set(htlcName(htlc.key), htlc);
    return this.step({ type: 'htlc', ...this.withInvoice(htlc) }, lose);
  }

  tick(seconds: number, blocks = 0): void {
    this.context = { ...this.context, now: this.context.now + seconds, height: this.context.height + blocks };
    const closed = [...this.invoices.values()].filter(({ status }) => status !== 'open').map(({ id }) => id);
    this.step({ type: 'tick', closed });
  }

  /** The process ends and begins again: what is on disk is all there is, and open HTLCs are delivered again. */
  restart(): void {
    this.state = restoreReceiver(this.store);
    for (const htlc of this.htlcs.values())
      if (!this.answers.has(htlcName(htlc.key))) this.step({ type: 'htlc', ...this.withInvoice(htlc) });
  }

  /** Every HTLC with an answer leaves its channel. */
  resolve(): void {
    for (const [name, { key }] of this.htlcs)
      if (this.answers.has(name)) {
        this.step({ type: 'resolved', key });
        this.htlcs.delete(name);
      }
  }

  /** `held`, the failure's name, or `fulfilled`, by id. */
  resolution(id: number): string {
    const answer = this.answers.get(htlcName(keyOf(id)));
    if (answer === undefined) return 'held';
    return 'fulfilled' in answer ? 'fulfilled' : answer.failed.name;
  }
}

/* What tests of the rules of receiving share. */

export const WRONG = 'incorrect_or_unknown_payment_details';
export const at = (htlcs: readonly Htlc[], i: number): Htlc => {
  const htlc = htlcs[i];
  if (htlc === undefined) throw new RangeError(`no HTLC ${i}`);
  return htlc;
};
export const run = (htlcs: readonly Htlc[], before?: (receiver: ReceiverUnderTest) => void): ReceiverUnderTest => {
  const receiver = new ReceiverUnderTest();
  before?.(receiver);
  for (const htlc of htlcs) receiver.arrive(htlc);
  return receiver;
};
export const resolutions = (receiver: ReceiverUnderTest, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => receiver.resolution(i));
export const whys = (receiver: ReceiverUnderTest): readonly string[] =>
  receiver.events.flatMap((event) => ('why' in event ? [event.why] : []));
export const settled = (n: number) => Array(n).fill('fulfilled');
