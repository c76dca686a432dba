/**
 * The receiving machine in the node: HTLCs come in, fulfils and failures go out. Its records and those of the invoices it pays are
 * saved in one write.
 */

import { claimedOf } from '../../amp/claimable.ts';
import type { HtlcKey, ReceiverEvent, SetView } from '../../amp/events.ts';
import type {
  ArrivedHtlc,
  AtStake,
  InvoiceTerms,
  ReceiverContext,
  ReceiverEffect,
  ReceiverInput,
} from '../../amp/io.ts';
import { restoreReceiver } from '../../amp/receiverstore.ts';
import { listSets, receive } from '../../amp/receiving.ts';
import { htlcName, isIncomplete, type Receiver } from '../../amp/sets.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import type { PaymentHash, Preimage } from '../../wire/units.ts';
import type { Listeners } from '../base/listeners.ts';
import { Machine } from '../base/machine.ts';
import { recorded, type StepRecorder } from '../base/recording.ts';
import type { Clock, Log, Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import type { Gate } from '../store/gate.ts';
import { prefixed } from '../store/space.ts';
import type { InvoiceRecord } from './invoicerecord.ts';
import type { Invoices } from './invoices.ts';
import { receiverSteps, setNames } from './stepnames.ts';

const PREFIX = 'receiver/';

type Arrival =
  /** `same`: an invoice with the payment hash of a keysend, in whatever state. */
  | ({ readonly type: 'htlc'; readonly same?: InvoiceRecord | undefined } & ArrivedHtlc)
  | Extract<ReceiverInput, { type: 'resolved' }>
  | { readonly type: 'tick' };

export interface ReceiverParts {
  readonly store: Store;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Log;
  /** For lines that payers can cause: rate-limited. */
  readonly limitedLog: Log;
  readonly invoices: Invoices;
  readonly context: () => ReceiverContext;
  /** Whether an invoice of this node has, or had, this payment_secret. */
  readonly isOwnSecret: (paymentSecret: Uint8Array) => boolean;
  /** Told of what becomes of sets. */
  readonly reported: Listeners<ReceiverEvent>;
  readonly fulfill: (key: HtlcKey, preimage: Preimage) => void;
  readonly fail: (key: HtlcKey, failure: Failure) => void;
  /** Records each step; undefined: nothing does. */
  readonly recorder?: StepRecorder | undefined;
  readonly fatal: (error: unknown) => void;
}

/** The invoices that incomplete sets pay. */
const invoicesOfIncompleteSets = ({ sets }: Receiver): readonly string[] => [
  ...new Set(
    [...sets.values()].flatMap((set) => (isIncomplete(set) && set.invoice !== undefined ? [set.invoice] : [])),
  ),
];

/** What is known of an invoice of ours that is no longer in memory: that it cannot be paid. */
const closedInvoice = (paymentSecret: Uint8Array): InvoiceTerms => ({
  ...{ id: '', kind: 'deployed_amp', status: 'expired', amount: undefined, paymentSecret },
  ...{ preimage: undefined, minFinalCltv: 0 },
});

const isOpen = (invoices: Invoices, id: string): boolean => {
  const invoice = invoices.openByHash(unhex(id));
  return invoice !== undefined && invoices.terms(invoice).status === 'open';
};

export class ReceiverHost {
  private readonly parts: ReceiverParts;
  private readonly machine: Machine<Receiver, Arrival, ReceiverEffect>;
  /** Height at which it was last logged that a payment was failed because the wallet could not pay for claiming it. */
  private lastUnclaimableHeight: number | undefined;
  private stopTicking: () => void = () => undefined;

  private constructor(parts: ReceiverParts, state: Receiver) {
    this.parts = parts;
    const step = recorded(parts.recorder, { kind: 'receiver', id: 'receiver', state }, receive);
    this.machine = new Machine({
      state,
      step: (before, input) => step(before, this.withInvoice(before, input), parts.context()),
      perform: (effect) => this.perform(effect),
      traced: receiverSteps(parts.log),
      survives: (error, input, effect) => this.survives(error, input, effect),
      onFatal: (error) => parts.fatal(error),
    });
  }

  /** Throws StoreError or WireError when its records cannot be read. */
  static async load(parts: ReceiverParts): Promise<ReceiverHost> {
    const records = new Map<string, Uint8Array>();
    for await (const [key, value] of parts.store.entries(PREFIX)) records.set(key.slice(PREFIX.length), value);
    return new ReceiverHost(parts, restoreReceiver(records));
  }

  /**
   * An internal error costs the HTLC at which it happens: it is failed, unless it is on record; all others stay as they were. Only
   * a failed save ends the node.
   */
  private survives(error: unknown, input: Arrival | undefined, effect: ReceiverEffect | undefined): boolean {
    if (error instanceof StoreError || effect?.do === 'save') return false;
    this.parts.log.error(
      { internal: 'received payments', at: effect?.do ?? input?.type, error },
      'internal error while receiving a payment: its HTLC is failed, no other is affected. Please report this line',
    );
    if (input?.type === 'htlc' && effect === undefined && !this.isOnRecord(input.key))
      this.parts.fail(input.key, { name: 'temporary_node_failure' });
    return true;
  }

  /** Checks once a second for sets that have timed out, or whose invoice has expired. */
  start(): void {
    this.stopTicking = this.parts.clock.after(1000, () => {
      this.machine.push({ type: 'tick' });
      this.start();
    });
  }

  stop(): Promise<void> {
    this.stopTicking();
    return this.machine.settled();
  }

  /** Whether an HTLC is on record: then it was decided on before a restart, and its second arrival changes nothing. */
  isOnRecord(key: HtlcKey): boolean {
    return this.machine.state.owners.has(htlcName(key));
  }

  htlc(htlc: ArrivedHtlc): void {
    if (htlc.payload.kind === 'ordinary' && htlc.payload.keysend !== undefined) void this.keysend(htlc);
    else this.machine.push({ type: 'htlc', ...htlc });
  }

  /** Invoices that are paid or expired are not in memory, and a keysend must not pass for a payment of one. */
  private async keysend(htlc: ArrivedHtlc): Promise<void> {
    try {
      const same = await this.parts.invoices.byId(hex(htlc.paymentHash));
      this.machine.push({ type: 'htlc', ...htlc, same });
    } catch (error) {
      this.parts.fatal(error);
    }
  }

  resolved(key: HtlcKey): void {
    this.machine.push({ type: 'resolved', key });
  }

  tick(): void {
    this.machine.push({ type: 'tick' });
  }

  /** HTLCs that we have fulfilled and that are not irrevocably removed yet. */
  claimed(): readonly AtStake[] {
    return claimedOf(this.machine.state.sets.values());
  }

  sets(): readonly SetView[] {
    return listSets(this.machine.state);
  }

  /** Looks the invoice up when the input is handled, not when it is queued: another set may have paid it in between. */
  private withInvoice(state: Receiver, input: Arrival): ReceiverInput {
    const { invoices } = this.parts;
    if (input.type === 'resolved') return input;
    if (input.type === 'tick')
      return { ...input, closed: invoicesOfIncompleteSets(state).filter((id) => !isOpen(invoices, id)) };
    const { same, ...htlc } = input;
    const invoice = this.termsFor(htlc.payload, htlc.paymentHash);
    return { ...htlc, invoice: invoice ?? (same && invoices.terms(same)) };
  }

  private termsFor(payload: ArrivedHtlc['payload'], paymentHash: PaymentHash): InvoiceTerms | undefined {
    const { invoices } = this.parts;
    const termsOf = (found: InvoiceRecord | undefined) => found && invoices.terms(found);
    if (payload.kind === 'eob') return termsOf(invoices.openByPaymentId(payload.paymentId));
    if (payload.kind === 'ordinary') return termsOf(invoices.openByHash(paymentHash));
    const { paymentSecret } = payload;
    if (paymentSecret === undefined) return undefined;
    const closed = this.parts.isOwnSecret(paymentSecret) ? closedInvoice(paymentSecret) : undefined;
    return termsOf(invoices.openBySecret(paymentSecret)) ?? closed;
  }

  /** Limits the warning to once a block: payers may retry any number of times. */
  private isFirstUnclaimableAtHeight(): boolean {
    const { height } = this.parts.context();
    const isNew = this.lastUnclaimableHeight !== height;
    this.lastUnclaimableHeight = height;
    return isNew;
  }

  private perform(effect: ReceiverEffect): undefined {
    const { gate, invoices, log, limitedLog } = this.parts;
    switch (effect.do) {
      case 'save': {
        const paid = effect.paid === undefined ? undefined : invoices.paidChange(effect.paid);
        gate.save([...prefixed(PREFIX, effect.changes), ...(paid?.changes ?? [])]);
        paid?.settle();
        return undefined;
      }
      case 'fulfill':
        this.parts.fulfill(effect.key, effect.preimage);
        return undefined;
      case 'fail':
        this.parts.fail(effect.key, effect.failure);
        return undefined;
      case 'report': {
        const { report } = effect;
        this.parts.reported.tell(report);
        if (report.event === 'set_failed' && report.why === 'unclaimable' && this.isFirstUnclaimableAtHeight())
          log.warn(
            { ...setNames(report.set), amount_msat: `${report.set.total}` },
            'refused a payment: the wallet is too short to claim its HTLCs on chain should the peer stop responding. Send coins to an address of this node (newaddr)',
          );
        else if (report.event === 'set_failed')
          limitedLog.info(
            { ...setNames(report.set), why: report.why },
            'a set of HTLCs failed; all its HTLCs are failed back',
          );
        else if (report.event === 'set_settled')
          log.info(
            { ...setNames(report.set), parts: report.set.htlcs.length },
            'all HTLCs of a payment are here; fulfilling them',
          );
        else if (report.event === 'htlc_refused')
          limitedLog.info({ payment_hash: hex(report.paymentHash), why: report.why }, 'an HTLC for us was refused');
        return undefined;
      }
    }
  }
}
