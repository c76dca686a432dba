/**
 * Receiving: every HTLC whose onion ends here goes through this one machine. Nothing of a set is claimed before the set is
 * whole and enough; then all of it is. What was decided is saved before it is done, so a restart at any point repeats it.
 */

import { equal, equalConstantTime, hex } from '../wire/bytes.ts';
import { type Preimage, sumMsat } from '../wire/units.ts';
import { canClaim } from './claimable.ts';
import { forgetOld, isRemembered, remember, rememberNow } from './endedsets.ts';
import type { PaidInvoice, Refusal, SetView } from './events.ts';
import type { Keysend, ReceiverContext, ReceiverEffect, ReceiverInput } from './io.ts';
import { checkKeysend, keysendOf } from './keysend.ts';
import { LEAST_FINAL_CLTV } from './limits.ts';
import { receiverChanges } from './receiverstore.ts';
import { failureOf, isTemporary } from './refusals.ts';
import { isDust, roomFor } from './room.ts';
import type { HeldSet, HtlcInput, Part, Receiver } from './sets.ts';
import * as sets from './sets.ts';

export type ReceiverStep = readonly [next: Receiver, effects: readonly ReceiverEffect[]];

/** A step being made: the state so far, what follows the save, and the invoice that becomes paid with it. */
interface PendingStep {
  readonly state: Receiver;
  readonly effects: readonly ReceiverEffect[];
  readonly paid: PaidInvoice | undefined;
}

const ZERO_ID = new Uint8Array(11);

const put = (state: Receiver, name: string, set: HeldSet): Receiver => ({
  ...state,
  sets: state.sets.set(name, set),
});

/** What a part's resolution asks for; nothing while it is held. */
const answer = (part: Part, { height }: ReceiverContext): readonly ReceiverEffect[] => {
  const { key, resolution, amount, expiry } = part;
  switch (resolution.kind) {
    case 'held':
      return [];
    case 'claimed':
      return [{ do: 'fulfill', key, preimage: resolution.preimage }];
    case 'refused':
      return [{ do: 'fail', key, failure: failureOf(resolution.why, amount, expiry, height) }];
  }
};

const answers = (set: HeldSet, context: ReceiverContext): readonly ReceiverEffect[] =>
  [...set.parts.values()].flatMap((part) => answer(part, context));

/** One HTLC that joins no set. Nothing is saved: if the answer is lost in a crash, the HTLC comes again and is judged anew. */
const refuse = (pending: PendingStep, input: HtlcInput, why: Refusal, context: ReceiverContext): PendingStep => {
  const { key, paymentHash, amount, expiry } = input;
  const failure = failureOf(why, amount, expiry, context.height);
  const report = { event: 'htlc_refused', key, paymentHash, why } as const;
  return {
    ...pending,
    effects: [...pending.effects, { do: 'fail', key, failure }, { do: 'report', report }],
  };
};

const failSet = (pending: PendingStep, name: string, why: Refusal, context: ReceiverContext): PendingStep => {
  const before = pending.state.sets.get(name);
  if (before === undefined) return pending;
  const set = sets.decided(before, { kind: 'failed', why }, () => ({ kind: 'refused', why }));
  const report = { event: 'set_failed', set: sets.viewOf(before), why } as const;
  return {
    ...pending,
    state: put(pending.state, name, set),
    effects: [...pending.effects, ...answers(set, context), { do: 'report', report }],
  };
};

/** Claims a whole set. Other sets for the same invoice can no longer be paid and are failed in the same step. */
const settle = (
  pending: PendingStep,
  name: string,
  whole: HeldSet,
  preimages: readonly (Preimage | undefined)[],
  context: ReceiverContext,
  keysend?: Keysend,
): PendingStep => {
  const set = sets.decided(whole, { kind: 'settled' }, (_, i) => {
    const preimage = preimages[i];
    return preimage === undefined ? { kind: 'refused', why: 'not_needed' } : { kind: 'claimed', preimage };
  });
  const claimed = [...set.parts.values()].filter(({ resolution }) => resolution.kind === 'claimed');
  const known = preimages.filter((preimage) => preimage !== undefined);
  // A keysend has no invoice before it is paid; the node makes one of it, which has the payment hash for its name.
  const invoice = keysend === undefined ? set.invoice : hex(set.id);
  const paid: PaidInvoice | undefined =
    invoice === undefined
      ? undefined
      : {
          invoice,
          received: sumMsat(claimed.map(({ amount }) => amount)),
          at: context.now,
          set: set.id,
          preimages: set.content.kind === 'ordinary' ? known.slice(0, 1) : known,
          ...(keysend !== undefined && { keysend: { extraTlvs: keysend.extraTlvs } }),
        };
  const settled: PendingStep = {
    state: put(pending.state, name, set),
    paid,
    effects: [
      ...pending.effects,
      ...answers(set, context),
      { do: 'report', report: { event: 'set_settled', set: sets.viewOf(set), at: context.now } },
      ...(paid === undefined ? [] : [{ do: 'report', report: { event: 'invoice_paid', ...paid } } as const]),
    ],
  };
  if (set.invoice === undefined) return settled;
  // Such an invoice may be paid by any number of sets.
  if (set.content.kind === 'deployed') return settled;
  const rivals = [...settled.state.sets].filter(
    ([, other]) => sets.isIncomplete(other) && other.invoice === set.invoice,
  );
  return rivals.reduce((so, [rival]) => failSet(so, rival, 'no_open_invoice', context), settled);
};

/** Whether there is no time left to claim an HTLC for certain. */
const isLate = (expiry: number, { height, limits }: ReceiverContext): boolean => expiry <= height + limits.expiryMargin;

/** What is wrong with record 14 and what it goes with, whatever came before. */
const checkDeployed = (
  { paymentSecret, total, setId }: Extract<HtlcInput['payload'], { kind: 'deployed' }>,
  invoice: HtlcInput['invoice'],
): Refusal | undefined => {
  if (paymentSecret === undefined || total === undefined) return 'no_payment_secret';
  if (setId.every((byte) => byte === 0)) return 'bad_set_id';
  if (total === 0n || total < (invoice?.amount ?? 0n)) return 'below_amount_asked';
  return invoice?.amount !== undefined && total > 2n * invoice.amount ? 'above_twice_amount_asked' : undefined;
};

/** What a final hop checks of any HTLC on its own (BOLT 4, "Failure Messages"). */
const checkHtlc = (input: HtlcInput, context: ReceiverContext): Refusal | undefined => {
  const { amount, expiry, payload, invoice } = input;
  if (amount < payload.amount) return 'amount_below_onion';
  if (expiry < payload.expiry) return 'expiry_below_onion';
  // BOLT 2, "Forwarding HTLCs": what a stranger could have us hold for so long is not taken.
  if (expiry > context.height + context.limits.expiryAhead) return 'expiry_too_far';
  const keysend = keysendOf(input);
  const leastCltv = invoice?.minFinalCltv ?? (keysend === undefined ? context.minFinalCltv : LEAST_FINAL_CLTV);
  if (expiry < context.height + leastCltv) return 'expiry_too_near';
  // Whatever the invoice says.
  if (isLate(expiry, context)) return 'expiry_too_near';
  if (payload.kind === 'eob') {
    const [first] = payload.blobs;
    const mixed = first === undefined || payload.blobs.some(({ setId }) => !equal(setId, first.setId));
    if (mixed) return 'mixed_blobs';
    const alone = context.schemes.get(payload.scheme)?.furtherBlobs === false;
    return alone && payload.blobs.length > 1 ? 'too_many_blobs' : undefined;
  }
  if (payload.kind === 'deployed') return checkDeployed(payload, invoice);
  if (keysend !== undefined) return checkKeysend(input, keysend, context);
  // A stranger on the way knows the payment hash; only who has the invoice knows the secret, and may touch the set.
  const { paymentSecret, total } = payload;
  if (paymentSecret === undefined || total === undefined) return 'no_payment_secret';
  if (invoice?.kind !== 'ordinary' || invoice.preimage === undefined) return 'no_open_invoice';
  if (!equalConstantTime(paymentSecret, invoice.paymentSecret)) return 'wrong_payment_secret';
  if (invoice.amount === undefined) return undefined;
  if (total < invoice.amount) return 'below_amount_asked';
  return total > 2n * invoice.amount ? 'above_twice_amount_asked' : undefined;
};

/** Whether the payment is one we take at all. */
const checkPurpose = ({ payload, invoice }: HtlcInput, context: ReceiverContext): Refusal | undefined => {
  if (payload.kind === 'ordinary')
    return payload.keysend !== undefined || invoice?.status === 'open' ? undefined : 'no_open_invoice';
  if (payload.kind === 'deployed' && invoice !== undefined)
    return invoice.kind === 'deployed_amp' && invoice.status === 'open' ? undefined : 'no_open_invoice';
  if (payload.kind === 'deployed' || equal(payload.paymentId, ZERO_ID))
    return context.spontaneous ? undefined : 'spontaneous_refused';
  const named = invoice?.kind === 'eob_amp' && equal(invoice.paymentSecret.subarray(0, 11), payload.paymentId);
  return named && invoice.status === 'open' ? undefined : 'no_open_invoice';
};

/** What the set as a whole fails of, when this HTLC is to be in it. */
const checkSet = (input: HtlcInput, set: HeldSet | undefined, context: ReceiverContext): Refusal | undefined => {
  if (set === undefined) return checkPurpose(input, context);
  const late = overdue(set, context);
  if (late !== undefined) return late;
  if (input.payload.kind !== 'eob' && input.payload.total !== set.asked) return 'total_mismatch';
  return checkPurpose(input, context);
};

/** Whether a set would bring more than twice what its invoice asks (BOLT 4), by this HTLC or before it. */
const isTooMuch = ({ amount, payload, invoice }: HtlcInput, set: HeldSet | undefined): boolean => {
  const told = payload.kind === 'eob' ? undefined : (set?.asked ?? payload.total);
  const asked = payload.kind === 'deployed' ? told : (invoice?.amount ?? told);
  return asked !== undefined && sets.arrivedOf(set) + amount > 2n * asked;
};

/** Whether an HTLC says a child index that is none, or that another one of its set has. */
const checkIndex = (
  { payload }: HtlcInput,
  set: HeldSet | undefined,
  { schemes }: ReceiverContext,
): Refusal | undefined => {
  if (payload.kind !== 'eob') return undefined;
  const scheme = schemes.get(payload.scheme);
  const [share] = payload.blobs;
  if (share === undefined || scheme?.markerIsIndex !== true) return undefined;
  if (share.marker < scheme.leastMarker) return 'bad_marker';
  return set !== undefined && sets.hasMarker(set, share.marker) ? 'duplicate_index' : undefined;
};

/** What is wrong with an HTLC beside the set it says it belongs to, which stands. */
const checkBeside = (input: HtlcInput, set: HeldSet | undefined, context: ReceiverContext): Refusal | undefined => {
  if (set !== undefined && (!sets.belongs(set, input.payload) || keysendOf(input) !== undefined)) return 'set_mismatch';
  if (input.payload.kind !== 'ordinary' && set !== undefined && sets.hasHash(set, input.paymentHash))
    return 'duplicate_hash';
  const wrongIndex = checkIndex(input, set, context);
  if (wrongIndex !== undefined) return wrongIndex;
  return isTooMuch(input, set) ? 'above_twice_amount_asked' : undefined;
};

/** Why no more of a set is taken that is over. A set that failed for what may pass may be tried again. */
const whyOver = (
  state: Receiver,
  name: string,
  set: HeldSet | undefined,
  { kind }: HtlcInput['payload'],
): Refusal | undefined => {
  if (isRemembered(state.remembered, name) || set?.phase.kind === 'settled') return 'already_settled';
  if (isRemembered(state.failed, name)) return 'already_failed';
  if (set?.phase.kind !== 'failed') return undefined;
  return kind === 'ordinary' || isTemporary(set.phase.why) ? set.phase.why : 'already_failed';
};

/** Why an incomplete set has to be given up now. */
const overdue = (set: HeldSet, context: ReceiverContext): Refusal | undefined => {
  const { timeout, deployedTimeout } = context.limits;
  if (context.now - set.firstSeen > (set.content.kind === 'deployed' ? deployedTimeout : timeout)) return 'timeout';
  return set.sums !== undefined && isLate(set.sums.expiry, context) ? 'expiry_too_near' : undefined;
};

const onHtlc = (pending: PendingStep, input: HtlcInput, context: ReceiverContext): PendingStep => {
  const { state } = pending;
  const htlc = sets.htlcName(input.key);
  const owned = state.sets.get(state.owners.get(htlc) ?? '')?.parts.get(htlc);
  if (owned !== undefined) return { ...pending, effects: answer(owned, context) };

  const wrong = checkHtlc(input, context);
  if (wrong !== undefined) return refuse(pending, input, wrong, context);
  const name = sets.setName(input.payload, input.paymentHash);
  const set = state.sets.get(name);
  const over = whyOver(state, name, set, input.payload);
  if (over !== undefined) return refuse(pending, input, over, context);

  const alone = checkBeside(input, set, context);
  if (alone !== undefined) return refuse(pending, input, alone, context);
  const spoilt = checkSet(input, set, context);
  if (spoilt !== undefined) return refuse(failSet(pending, name, spoilt, context), input, spoilt, context);
  const dust = isDust(input, context.limits);
  if (set !== undefined && dust) return refuse(pending, input, 'share_below_minimum', context);

  const joined = sets.join(set ?? sets.newSet(input, context.now), input, context);
  if (typeof joined === 'string') return refuse(failSet(pending, name, joined, context), input, joined, context);
  const owners = state.owners.set(htlc, name);
  const held: PendingStep = { ...pending, state: put({ ...state, owners }, name, joined) };
  const verdict = sets.verdictOn(joined, keysendOf(input)?.preimage ?? input.invoice?.preimage, context.schemes);
  switch (verdict.kind) {
    case 'incomplete': {
      // A set that its first HTLC makes complete is not held: it may be worth anything, and needs no room.
      if (dust) return refuse(pending, input, 'share_below_minimum', context);
      const room = set === undefined ? roomFor(joined, state.sets, context.limits) : [];
      if (typeof room === 'string') return refuse(pending, input, room, context);
      const made = room.reduce((so, rival) => failSet(so, rival, 'gave_way', context), held);
      const report = { event: 'set_updated', id: joined.id, shares: joined.count, total: joined.total } as const;
      return { ...made, effects: [...made.effects, { do: 'report', report }] };
    }
    case 'broken':
      return failSet(held, name, verdict.why, context);
    case 'complete':
      // Nobody knows its preimages yet but the payer.
      if (!canClaim(joined, state.sets.values(), context.claiming)) return failSet(held, name, 'unclaimable', context);
      return settle(held, name, joined, verdict.preimages, context, keysendOf(input));
  }
};

/** A finished set goes off the record with its last HTLC; one that loses an HTLC before cannot become complete. */
const onResolved = (pending: PendingStep, htlc: string, context: ReceiverContext): PendingStep => {
  const { state } = pending;
  const name = state.owners.get(htlc);
  const before = name === undefined ? undefined : state.sets.get(name);
  if (name === undefined || before === undefined) return pending;
  const owners = state.owners.delete(htlc);
  const set = sets.without(before, htlc);
  if (set.parts.size > 0) {
    const next = { ...pending, state: put({ ...state, owners }, name, set) };
    return sets.isIncomplete(set) ? failSet(next, name, 'htlc_lost', context) : next;
  }
  return { ...pending, state: { ...withOver(state, name, set, context), sets: state.sets.delete(name), owners } };
};

/** What is remembered once a set is off the record: an AMP's set_id, unless it may be tried again. */
const withOver = (state: Receiver, name: string, set: HeldSet, { limits, now }: ReceiverContext): Receiver => {
  if (set.content.kind === 'ordinary') return state;
  if (set.phase.kind === 'settled')
    return { ...state, remembered: remember(state.remembered, name, limits.remembered) };
  // One that lost its only HTLC was not failed by us, and will not be complete any more either.
  if (set.phase.kind === 'failed' && isTemporary(set.phase.why)) return state;
  return { ...state, failed: rememberNow(state.failed, name, limits.rememberedFailed, now) };
};

const onTick = (pending: PendingStep, closed: readonly string[], context: ReceiverContext): PendingStep => {
  const failed = forgetOld(pending.state.failed, context.now);
  let next = failed === pending.state.failed ? pending : { ...pending, state: { ...pending.state, failed } };
  for (const [name, set] of pending.state.sets) {
    if (!sets.isIncomplete(set)) continue;
    const unpayable = set.invoice !== undefined && closed.includes(set.invoice);
    const why = overdue(set, context) ?? (unpayable ? 'no_open_invoice' : undefined);
    if (why !== undefined) next = failSet(next, name, why, context);
  }
  return next;
};

const transition = (state: Receiver, input: ReceiverInput, context: ReceiverContext): PendingStep => {
  const pending: PendingStep = { state, effects: [], paid: undefined };
  switch (input.type) {
    case 'htlc':
      return onHtlc(pending, input, context);
    case 'resolved':
      return onResolved(pending, sets.htlcName(input.key), context);
    case 'tick':
      return onTick(pending, input.closed, context);
  }
};

/** The machine: the same state, input and context give the same step. A save, if there is one, comes first. */
export const receive = (state: Receiver, input: ReceiverInput, context: ReceiverContext): ReceiverStep => {
  const { state: next, effects, paid } = transition(state, input, context);
  const changed = next === state ? [] : receiverChanges(state, next);
  if (changed.length === 0 && paid === undefined) return [next, effects];
  return [next, [{ do: 'save', changes: changed, paid }, ...effects]];
};

/** What is on record, for `listsets`: incomplete sets and those whose HTLCs are not all resolved. */
export const listSets = (state: Receiver): readonly SetView[] => [...state.sets.values()].map(sets.viewOf);
