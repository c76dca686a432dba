/**
 * HTLCs that a caller sends over a route or with an onion of its own (`sendpay`, `sendonion`): each is one record, saved before it leaves,
 * and is never tried again. Rules of Core Lightning hold between those of one payment hash, and those of `pay` count among them.
 */

import type { Outcome } from '../../amp/io.ts';
import { equal, hex } from '../../wire/bytes.ts';
import { type Msat, type PaymentHash, type Point, type ShortChannelId, scidText } from '../../wire/units.ts';
import type { Waits } from '../base/waits.ts';
import type { Clock, Log } from '../ports/ports.ts';
import { decodeOrigin, encodeOrigin } from './origin.ts';
import type { PaymentChannels } from './paymentparts.ts';
import type { PaymentRecord } from './paymentrecord.ts';
import type { Payments } from './payments.ts';
import { failureOf, failureWords, noFirstChannel, unsendable } from './sendpayfailure.ts';
import { type Part, type PartRefusal, partOfPayment, partOfSendpay, progressOf } from './sendpayprogress.ts';
import { paymentOfParts, type SendpayFailure, type SendpayRecord, statusOfAll } from './sendpayrecord.ts';
import type { SendpayStore } from './sendpaystore.ts';

/** An HTLC as a caller wants it sent. */
export interface SendpayRequest
  extends Pick<
    SendpayRecord,
    | 'paymentHash'
    | 'partid'
    | 'amount'
    | 'total'
    | 'destination'
    | 'label'
    | 'bolt11'
    | 'description'
    | 'route'
    | 'sharedSecrets'
  > {
  /** undefined: one more than the last of this payment hash. */
  readonly groupid: bigint | undefined;
  readonly first: FirstHop;
  /** 1366 bytes. */
  readonly onion: Uint8Array;
}

/** Where the HTLC leaves this node. */
export interface FirstHop {
  readonly node: Point;
  /** undefined: any channel with that node that carries the amount. */
  readonly scid: ShortChannelId | undefined;
  readonly amount: Msat;
  /** cltv_expiry, a block height. */
  readonly expiry: number;
}

export type SendpayRefusal =
  | PartRefusal
  /** `pay` is about to pay the same hash. */
  | { readonly code: 'pay_begins' }
  /** The preimage is known here: whoever is paid may get it from this node. */
  | { readonly code: 'own_hash' }
  /** Nothing could leave this node, and nothing is on record. */
  | { readonly code: 'unsendable'; readonly failure: SendpayFailure };

export interface SendpaysParts {
  readonly store: SendpayStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly channels: PaymentChannels;
  /** The payments of `pay`. */
  readonly payments: Pick<Payments, 'byHash'>;
  /** Those who wait for one of them to end, by its id. */
  readonly paymentWaits: Waits<string, PaymentRecord>;
  /** Whether an invoice of ours has this hash. */
  readonly isOwnInvoice: (paymentHash: PaymentHash) => Promise<boolean>;
  /** Ourselves. */
  readonly source: Point;
  /** Payment hashes, in hex, of which `pay` or `sendpay` is looking for earlier payments. */
  readonly beingChecked: Set<string>;
}

export class Sendpays {
  private readonly parts: SendpaysParts;
  /** Those that were pending when the node was started, until `resume`. */
  private readonly restored: ReadonlySet<bigint>;
  /** Requests are looked at one after the other, so that two of one hash see each other. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(parts: SendpaysParts) {
    this.parts = parts;
    this.restored = new Set(parts.store.pending().map(({ createdIndex }) => createdIndex));
  }

  /** After a restart, once the channels are loaded: those that no channel has an HTLC for were never sent, and have failed. */
  resume(): void {
    const known = new Set<bigint>();
    for (const { htlc } of this.parts.channels.offeredHtlcs()) {
      const origin = decodeOrigin(htlc.origin);
      if (origin.kind === 'sendpay') known.add(origin.number);
    }
    for (const number of this.restored) if (!known.has(number)) this.outcome(number, { kind: 'refused', why: 'lost' });
  }

  /**
   * Sends an HTLC, unless the rules of its payment hash forbid it. Answers with its record: failed where the channel refused it at once;
   * or with the part that this request repeats, which is pending or complete. Throws WireError for a field that fits no record, StoreError.
   */
  begin(request: SendpayRequest): Promise<{ readonly part: Part } | { readonly refused: SendpayRefusal }> {
    const run = (): Promise<{ readonly part: Part } | { readonly refused: SendpayRefusal }> => this.check(request);
    const over = this.turn.then(run, run);
    this.turn = over.catch(() => undefined);
    return over;
  }

  private async check(
    request: SendpayRequest,
  ): Promise<{ readonly part: Part } | { readonly refused: SendpayRefusal }> {
    const { beingChecked, channels, source } = this.parts;
    const { paymentHash, destination, first } = request;
    const hash = hex(paymentHash);
    if (beingChecked.has(hash)) return { refused: { code: 'pay_begins' } };
    beingChecked.add(hash);
    try {
      const before = await this.partsOf(paymentHash);
      const progress = progressOf(before, request);
      if ('refused' in progress || 'part' in progress) return progress;
      const isForUs = destination !== undefined && equal(destination, source);
      if (!isForUs && ((await this.parts.isOwnInvoice(paymentHash)) || channels.isPreimageKnown(paymentHash)))
        return { refused: { code: 'own_hash' } };
      const outlet = this.outletFor(first);
      if ('failure' in outlet) return { refused: { code: 'unsendable', failure: outlet.failure } };
      return { part: partOfSendpay(await this.send({ ...request, groupid: progress.groupid }, outlet.scid)) };
    } finally {
      beingChecked.delete(hash);
    }
  }

  /** The channel that an HTLC leaves by. */
  private outletFor({ node, scid, amount }: FirstHop): { scid: ShortChannelId } | { failure: SendpayFailure } {
    const outlets = this.parts.channels.outlets().filter(({ peer }) => equal(peer, node));
    const named = scid === undefined ? outlets : outlets.filter((outlet) => outlet.scid === scid);
    if (named.length === 0)
      return {
        failure: noFirstChannel(
          `no channel ${scid === undefined ? '' : `${scidText(scid)} `}with ${hex(node)} can be used now: listpeerchannels shows what there is`,
        ),
      };
    const found = named.find(({ slots, spendable }) => slots > 0 && spendable >= amount);
    if (found !== undefined) return { scid: found.scid };
    const most = named.reduce((n, { slots, spendable }) => (slots > 0 && spendable > n ? spendable : n), 0n);
    return { failure: unsendable(`the first channel carries at most ${most} msat now`) };
  }

  private async send(
    { first, onion, groupid, ...draft }: SendpayRequest & { groupid: bigint },
    scid: ShortChannelId,
  ): Promise<SendpayRecord> {
    const { store, channels, clock, log } = this.parts;
    const { amount: amountSent, expiry } = first;
    const { paymentHash } = draft;
    // Saved before the channel saves the HTLC, and that before any message.
    const record = store.begin({ ...draft, groupid, amountSent, createdAt: Math.floor(clock.now() / 1000) });
    const number = record.createdIndex;
    log.info(
      {
        payment_hash: hex(paymentHash),
        part: `${record.partid}`,
        amount_msat: `${amountSent}`,
        hops: draft.route.length,
      },
      'an HTLC is sent over a route of the caller',
    );
    const origin = encodeOrigin({ kind: 'sendpay', number });
    if (!channels.offer(scid, { amount: amountSent, paymentHash, expiry, onion, origin }))
      this.outcome(number, { kind: 'refused', why: 'unavailable' });
    // A channel that refuses does so in its next step.
    await new Promise(setImmediate);
    return (await this.byNumber(record)) ?? record;
  }

  private async byNumber({ createdIndex, paymentHash }: SendpayRecord): Promise<SendpayRecord | undefined> {
    const { store } = this.parts;
    const pending = store.pendingByNumber(createdIndex);
    if (pending !== undefined) return pending;
    return (await store.byHash(paymentHash)).find((one) => one.createdIndex === createdIndex);
  }

  /** The result of an HTLC. It is handed to the store before this returns; nothing happens where it is known already. */
  outcome(number: bigint, outcome: Outcome): void {
    const { store, clock, log, source } = this.parts;
    const record = store.pendingByNumber(number);
    if (record === undefined) return;
    const at = Math.floor(clock.now() / 1000);
    const what = { payment_hash: hex(record.paymentHash), part: `${record.partid}` };
    if (outcome.kind === 'fulfilled') {
      store.finish(record, { at, kind: 'complete', preimage: outcome.preimage });
      log.info(what, 'an HTLC over a route of the caller was paid');
      return;
    }
    const failure = failureOf(record, outcome);
    store.finish(record, { at, kind: 'failed', failure });
    log.info({ ...what, why: failureWords(source, record, failure) }, 'an HTLC over a route of the caller failed');
  }

  /** All parts of a payment hash, those of `pay` among them, in order of their creation. Throws StoreError. */
  async partsOf(paymentHash: Uint8Array): Promise<readonly Part[]> {
    const paid = await this.parts.payments.byHash(paymentHash);
    const own = (await this.parts.store.byHash(paymentHash)).map(partOfSendpay);
    const all = paid === undefined ? own : [partOfPayment(paid), ...own];
    return [...all].sort((a, b) => (a.createdIndex < b.createdIndex ? -1 : 1));
  }

  /** What `pay` has to know of a payment hash: whether parts of it are under way, or that it is paid. Throws StoreError. */
  async paidByParts(paymentHash: Uint8Array, destination: Point): Promise<PaymentRecord | 'under_way' | undefined> {
    const parts = await this.parts.store.byHash(paymentHash);
    const paid = paymentOfParts(parts, destination);
    return paid ?? (statusOfAll(parts) === 'pending' ? 'under_way' : undefined);
  }

  /** Those from number `first` on, of one payment hash alone if one is given. Throws StoreError. */
  async *list(first = 0n, paymentHash?: Uint8Array): AsyncGenerator<SendpayRecord> {
    if (paymentHash === undefined) yield* this.parts.store.list(first);
    else
      for (const record of await this.parts.store.byHash(paymentHash)) if (record.createdIndex >= first) yield record;
  }

  /** Those that are under way, in order of their creation. */
  pending(): readonly SendpayRecord[] {
    return this.parts.store.pending();
  }

  /** Callers that wait for a part to end. */
  get waiting(): number {
    return this.parts.store.waits.count + this.parts.paymentWaits.count;
  }

  /** Resolves once a part that is pending has ended and that is durable, or `signal` is aborted. */
  async whenOver({ record }: Part, signal: AbortSignal): Promise<void> {
    const { store, paymentWaits } = this.parts;
    if (record.of === 'pay') await paymentWaits.wait(record.payment.id, signal);
    else if (store.pendingByNumber(record.sendpay.createdIndex) !== undefined)
      await store.waits.wait(record.sendpay.createdIndex, signal);
  }
}
