/**
 * Fee negotiation of a cooperative close (BOLT 2, "Legacy Closing Negotiation: closing_signed"): by fee_range where the peer sends
 * one, otherwise by moving towards each other. Begins anew with each connection. Every signature goes
 * through `signed`: it is of a fee within our range, of a transaction that is relayed now, and remembered before it is sent.
 */

import { equal, hex } from '../../wire/bytes.ts';
import { msat, type Sat, type Signature, sat } from '../../wire/units.ts';
import { ChannelError } from '../model/errors.ts';
import type { ChannelMessageOf, Context, Effect, Step } from '../model/io.ts';
import { inLocal, specOf } from '../model/spec.ts';
import type { ClosingRange, ClosingRound, Core, Negotiating } from '../model/state.ts';
import { clampFee, closingRange, isWithin, relayFault } from '../rules/closingrange.ts';
import { report, send } from '../rules/effects.ts';
import { larger, smaller } from '../rules/limits.ts';
import { buildLegacyClosing, type Closing, type ClosingContent, dustThreshold } from '../tx/closingtx.ts';
import { completeFundingSpend, signFundingSpend, verifyFundingSpend } from '../tx/signing.ts';
import { unsigned } from '../tx/transaction.ts';
import { higherFeerateClosing, noteAgreedClosing, noteSignedClosing } from './exits.ts';
import { reactToFault } from './failing.ts';

type ClosingSigned = ChannelMessageOf<'closing_signed'>;

/** A state in a round. */
type InRound = Negotiating & { readonly round: ClosingRound };

const weFund = ({ params }: Core): boolean => params.role === 'funder';

const balances = (core: Core) => {
  const { toUs, toThem } = specOf(core, inLocal(core.head.local));
  return { us: msat(toUs), them: msat(toThem) };
};

const contentOf = ({ core, ours, theirs }: Negotiating, fee: Sat): ClosingContent => {
  const { params, funding } = core;
  const { us, them } = balances(core);
  return {
    funding,
    fundingAmount: params.capacity,
    local: { funding: params.local.basepoints.funding, balance: us, script: ours },
    remote: { funding: params.remote.basepoints.funding, balance: them, script: theirs },
    payer: weFund(core) ? 'local' : 'remote',
    fee,
  };
};

const rangeOf = ({ core, ours, theirs, feerates }: Negotiating, context: Context) => {
  const { us, them } = balances(core);
  const payer = weFund(core) ? 'us' : 'them';
  const purse = sat((payer === 'us' ? us : them) / 1000n);
  return closingRange({ payer, purse, scripts: [ours, theirs], feerates }, context);
};

/**
 * Our signature of a closing transaction, and the state that remembers it. Throws ChannelError for a fee that is not ours to
 * pay or a transaction that is not relayed; one that we have signed before says nothing new.
 */
const signed = (
  state: InRound,
  fee: Sat,
  closing: Closing,
  context: Context,
): { readonly state: InRound; readonly message: ClosingSigned } => {
  const { range } = state.round;
  const core = noteSignedClosing(state.core, closing.txid);
  if (core !== state.core) {
    if (!isWithin(fee, range))
      throw new ChannelError({ code: 'closing_fee_refused', fee, min: range.min, max: range.max });
    const fault = relayFault(closing, context);
    if (fault !== undefined) throw new ChannelError(fault);
  }
  const message: ClosingSigned = {
    name: 'closing_signed',
    channel_id: core.channelId,
    fee_satoshis: fee,
    signature: signFundingSpend(closing, core.keys.funding),
    fee_range: { min_fee_satoshis: range.min, max_fee_satoshis: range.max },
  };
  return { state: { ...state, core }, message };
};

/** Throws ChannelError. */
const propose = (state: InRound, fee: Sat, context: Context): Step => {
  const closing = buildLegacyClosing(contentOf(state, fee), state.core.params.local.dustLimit);
  const { state: next, message } = signed(state, fee, closing, context);
  return [{ ...next, round: { ...next.round, sent: fee } }, [send(message)]];
};

/**
 * Both sides have said shutdown on this connection: the funder makes the first proposal, the fundee waits for it. Where there is
 * nothing that we may sign, the peer is told and the connection ended: fees may be others when it is there again.
 */
export const beginRound = (state: Negotiating, context: Context): Step => {
  const range = rangeOf(state, context);
  if ('code' in range) return reactToFault(state, range);
  const begun: InRound = { ...state, round: { sent: undefined, received: undefined, repeats: 0, range } };
  if (!weFund(state.core)) return [begun, []];
  try {
    return propose(begun, range.ideal, context);
  } catch (error) {
    // What the last message brought must not be lost with a proposal that cannot be made.
    if (error instanceof ChannelError) return reactToFault(begun, error.fault);
    throw error;
  }
};

/**
 * The caller allows other fees. What is said of our range on a connection holds for as long as that lasts, so where anything
 * was, it is ended, and the next one begins with the new range. What both signed already stands.
 */
export const changeFeerates = (state: Negotiating, feerates: Negotiating['feerates'], context: Context): Step => {
  const next: Negotiating = { ...state, feerates };
  const { round } = next;
  if (round === undefined || next.agreed !== undefined) return [next, []];
  if (round.sent !== undefined) return reactToFault(next, { code: 'closing_fees_changed' });
  const range = rangeOf(next, context);
  return 'code' in range ? reactToFault(next, range) : [{ ...next, round: { ...round, range } }, []];
};

/**
 * The ways of leaving outputs out that a peer may have signed. Each side leaves out what is below its own dust limit, and may
 * leave out its own altogether (BOLT 3); but some leave out what is exactly at a limit too, some go by the script instead, and
 * some by each owner's limit. Ours is only ever left out where it is no more than the largest of those.
 */
const variantsOf = (state: Negotiating, fee: Sat): readonly Closing[] => {
  const { local, remote } = state.core.params;
  const content = contentOf(state, fee);
  const limits = [local.dustLimit, remote.dustLimit, dustThreshold(state.ours)];
  const { outputs } = buildLegacyClosing(content, NO_LIMIT).transaction;
  const ours = outputs.find(({ owner }) => owner === 'local')?.value ?? sat(0n);
  const cuts: ClosingContent[] = [content, { ...content, leaveOut: 'remote' }];
  if (ours <= limits.reduce(larger, 0n)) cuts.push({ ...content, leaveOut: 'local' });
  return [
    buildLegacyClosing(content, remote.dustLimit),
    buildLegacyClosing(content, local.dustLimit),
    ...cuts.map((cut) => buildLegacyClosing(cut, NO_LIMIT)),
  ];
};
/** Every output that has anything. */
const NO_LIMIT = sat(1n);

/** The closing transaction that the peer signed. Throws ChannelError when it signed none that there could be. */
const signedClosing = (state: Negotiating, fee: Sat, signature: Signature): Closing => {
  const key = state.core.params.remote.basepoints.funding;
  const tried = new Set<string>();
  for (const closing of variantsOf(state, fee)) {
    const id = hex(closing.txid);
    if (!tried.has(id) && verifyFundingSpend(closing, { key, signature })) return closing;
    tried.add(id);
  }
  const expected = buildLegacyClosing(contentOf(state, fee), state.core.params.remote.dustLimit);
  throw new ChannelError({ code: 'invalid_closing_signature', fee, tx: unsigned(expected.transaction) });
};

/**
 * Takes the peer's fee: the transaction is complete. We reply unless the peer has our signature of it already. One that pays
 * less than what was agreed on an earlier connection does not take its place: both are as valid as ever.
 */
const agree = (before: InRound, message: ClosingSigned, closing: Closing, context: Context): Step => {
  const { fee_satoshis: fee, signature } = message;
  const { state, message: reply } = signed(before, fee, closing, context);
  const { core, round } = state;
  const ours = buildLegacyClosing(contentOf(state, fee), core.params.local.dustLimit);
  const known = round.sent === fee && equal(ours.txid, closing.txid);
  const complete = completeFundingSpend(
    closing,
    { key: core.params.local.basepoints.funding, signature: reply.signature },
    { key: core.params.remote.basepoints.funding, signature },
  ).toBuffer();
  const { tx, txid } = higherFeerateClosing(core, state.agreed, complete);
  const effects: Effect[] = [{ do: 'broadcast', tx, why: 'closing' }, report({ event: 'closing', tx, txid })];
  const done: ClosingRound = { ...round, sent: fee, received: fee };
  const next: Negotiating = { ...state, core: noteAgreedClosing(core, context.height), agreed: tx, round: done };
  return [next, known ? effects : [send(reply), ...effects]];
};

/** With ranges: the funder's is the word, the fundee picks from what both allow. */
const byRange = (state: InRound, message: ClosingSigned, closing: Closing, theirs: Range, context: Context): Step => {
  const { core, round } = state;
  const fee = message.fee_satoshis;
  const ours = round.range;
  const overlap = { min: sat(larger(ours.min, theirs.min)), max: sat(smaller(ours.max, theirs.max)) };
  if (overlap.min > overlap.max) throw new ChannelError({ code: 'closing_ranges_disjoint' });
  if (isWithin(fee, overlap)) return agree(state, message, closing, context);
  if (weFund(core) || round.sent !== undefined)
    throw new ChannelError({ code: 'closing_fee_out_of_range', fee, ...overlap });
  return propose({ ...state, round: { ...round, received: fee } }, clampFee(ours.ideal, overlap), context);
};
type Range = Pick<ClosingRange, 'min' | 'max'>;

/**
 * Rounds in which we stay at the end of our range while a peer without ranges comes nearer. lnd goes a tenth a round and takes what is
 * within 30 % of its last word, so one that asked for eight times as much is there by then.
 */
const MOST_REPEATS = 24;

/**
 * Without: each proposal lies strictly between the last two, so that it ends, if need be satoshi by satoshi. Ours goes half of the
 * way to what the peer asks, or to the end of our range: so it never leaves that, and a peer that comes down a tenth at a time, as
 * lnd does, has the rounds for it. At that end it is said again for a while, which signs nothing new; then nothing is left to be
 * said on this connection.
 */
const byApproach = (state: InRound, message: ClosingSigned, closing: Closing, context: Context): Step => {
  const { round } = state;
  const fee = message.fee_satoshis;
  const { sent, received, range } = round;
  if (sent !== undefined && received !== undefined) {
    const [low, high] = sent < received ? [sent, received] : [received, sent];
    if (fee <= low || fee >= high) throw new ChannelError({ code: 'closing_fee_no_progress', fee });
  }
  if (isWithin(fee, range)) return agree(state, message, closing, context);
  const from = sent ?? range.ideal;
  const goal = clampFee(fee, range);
  const half = sat((from + goal) / 2n);
  const middle = half === sent ? goal : half;
  const repeats = middle === sent ? round.repeats + 1 : 0;
  if (repeats > MOST_REPEATS)
    throw new ChannelError({ code: 'closing_fee_refused', fee, min: range.min, max: range.max });
  return propose({ ...state, round: { ...round, received: fee, repeats } }, middle, context);
};

const isRound = (state: Negotiating): state is InRound => state.round !== undefined;

/** The peer proposes or agrees. Throws ChannelError. */
export const onClosingSigned = (state: Negotiating, message: ClosingSigned, context: Context): Step => {
  if (!isRound(state)) {
    const { name } = message;
    throw new ChannelError({ code: 'unexpected_message', message: name, phase: state.phase });
  }
  const { core, round } = state;
  const fee = message.fee_satoshis;
  const { us, them } = balances(core);
  if (fee * 1000n > (weFund(core) ? us : them)) throw new ChannelError({ code: 'invalid_closing_signature', fee });
  const closing = signedClosing(state, fee, message.signature);
  const { outputs } = closing.transaction;
  if (outputs.length === 0 || outputs.some(({ value, script }) => value < dustThreshold(script)))
    throw new ChannelError({ code: 'closing_output_dust', fee });
  if (state.agreed !== undefined && round.sent === fee && round.received === fee) return [state, []];
  // What we said of our range on this connection is our word.
  if (round.sent !== undefined && isWithin(fee, round.range)) return agree(state, message, closing, context);
  const range = message.fee_range;
  return range === undefined
    ? byApproach(state, message, closing, context)
    : byRange(state, message, closing, { min: range.min_fee_satoshis, max: range.max_fee_satoshis }, context);
};
