/**
 * Closing together, second stage (BOLT 2, "Legacy Closing Negotiation: closing_signed"): agreeing on a fee, by ranges where
 * the peer gives one and by approaching each other where it does not. Begins anew with each connection.
 */
import { equal } from '../wire/bytes.ts';
import { msat, type Sat, type Signature, sat } from '../wire/units.ts';
import { buildLegacyClosing, type Closing, type ClosingContent, closingFee, dustThreshold } from './closingtx.ts';
import { report, send } from './effects.ts';
import { ChannelError } from './errors.ts';
import type { Context, Effect, PeerMessageOf, Step } from './io.ts';
import { larger, smaller } from './limits.ts';
import { completeFundingSpend, signFundingSpend, verifyFundingSpend } from './signing.ts';
import { inLocal, specOf } from './spec.ts';
import type { Core, Negotiating, Round } from './state.ts';

/** What transactions must pay at least to be relayed, sat per 1,000 weight. */
const RELAY_FEERATE = 253;

interface Range {
  readonly min: Sat;
  readonly max: Sat;
}

const within = (fee: bigint, { min, max }: Range): boolean => min <= fee && fee <= max;

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

/** What we would like to pay and what we would still pay. Who does not pay is content with anything that is relayed. */
const ourRange = (state: Negotiating, { feerate, maxFeerate }: Context): Range & { readonly ideal: Sat } => {
  const { core, ours, theirs, feerates } = state;
  const { us, them } = balances(core);
  const purse = sat((weFund(core) ? us : them) / 1000n);
  const at = (rate: number): Sat => sat(smaller(closingFee(Math.max(rate, RELAY_FEERATE), ours, theirs), purse));
  if (!weFund(core)) return { min: at(RELAY_FEERATE), ideal: at(feerate), max: purse };
  const min = feerates?.min ?? Math.floor(feerate / 2);
  const max = feerates?.max ?? Math.max(2 * feerate, Math.min(10 * RELAY_FEERATE, maxFeerate));
  return { min: at(min), ideal: at(Math.min(Math.max(feerate, min), max)), max: at(max) };
};

/** Our signature of a closing transaction, as a message. */
const proposal = (state: Negotiating, fee: Sat, closing: Closing, range: Range): PeerMessageOf<'closing_signed'> => ({
  name: 'closing_signed',
  channel_id: state.core.channelId,
  fee_satoshis: fee,
  signature: signFundingSpend(closing, state.core.keys.funding),
  fee_range: { min_fee_satoshis: range.min, max_fee_satoshis: range.max },
});

const propose = (state: Negotiating, fee: Sat, range: Range): Step => {
  const closing = buildLegacyClosing(contentOf(state, fee), state.core.params.local.dustLimit);
  const round: Round = { sent: fee, sentRange: { min: range.min, max: range.max }, received: state.round?.received };
  return [{ ...state, round }, [send(proposal(state, fee, closing, range))]];
};

/** Both sides have said shutdown on this connection: the funder makes the first proposal, the fundee waits for it. */
export const beginRound = (state: Negotiating, context: Context): Step => {
  const begun: Negotiating = { ...state, round: { sent: undefined, sentRange: undefined, received: undefined } };
  if (!weFund(state.core)) return [begun, []];
  const range = ourRange(begun, context);
  return propose(begun, range.ideal, range);
};

/**
 * The closing transaction that the peer signed: outputs are left out by its own dust limit, which may differ from ours, and
 * it may leave out its own altogether. Throws ChannelError when it signed none of them.
 */
const signedClosing = (state: Negotiating, fee: Sat, signature: Signature): Closing => {
  const { local, remote } = state.core.params;
  const content = contentOf(state, fee);
  const key = remote.basepoints.funding;
  const variants = [
    () => buildLegacyClosing(content, remote.dustLimit),
    () => buildLegacyClosing(content, local.dustLimit),
    () => buildLegacyClosing({ ...content, leaveOut: 'remote' }, local.dustLimit),
  ];
  for (const variant of variants) {
    const closing = variant();
    if (verifyFundingSpend(closing, { key, signature })) return closing;
  }
  throw new ChannelError({ code: 'invalid_closing_signature', fee });
};

/** Takes the peer's fee: the transaction is complete. We reply unless the peer has our signature of it already. */
const agree = (state: Negotiating, message: PeerMessageOf<'closing_signed'>, closing: Closing, range: Range): Step => {
  const { core, round } = state;
  const { fee_satoshis: fee, signature } = message;
  const reply = proposal(state, fee, closing, range);
  const ours = buildLegacyClosing(contentOf(state, fee), core.params.local.dustLimit);
  const known = round?.sent === fee && equal(ours.txid, closing.txid);
  const tx = completeFundingSpend(
    closing,
    { key: core.params.local.basepoints.funding, signature: reply.signature },
    { key: core.params.remote.basepoints.funding, signature },
  ).toBuffer();
  const effects: Effect[] = [
    { do: 'broadcast', tx, why: 'closing' },
    report({ event: 'closing', tx, txid: closing.txid }),
  ];
  const done: Round = { sent: fee, sentRange: round?.sentRange ?? range, received: fee };
  return [{ ...state, agreed: tx, round: done }, known ? effects : [send(reply), ...effects]];
};

/** With ranges: the funder's is the word, the fundee picks from what both allow. */
const byRange = (
  state: Negotiating,
  message: PeerMessageOf<'closing_signed'>,
  closing: Closing,
  ours: Range & { readonly ideal: Sat },
  theirs: Range,
): Step => {
  const { core, round } = state;
  const fee = message.fee_satoshis;
  const overlap: Range = { min: sat(larger(ours.min, theirs.min)), max: sat(smaller(ours.max, theirs.max)) };
  if (overlap.min > overlap.max) throw new ChannelError({ code: 'closing_ranges_disjoint' });
  if (within(fee, overlap)) return agree(state, message, closing, ours);
  if (weFund(core) || round?.sent !== undefined)
    throw new ChannelError({ code: 'closing_fee_out_of_range', fee, ...overlap });
  return propose({ ...state, round: { sent: undefined, sentRange: undefined, received: fee } }, overlap.min, ours);
};

/** Without: each proposal lies strictly between the last two, so that it ends, if need be satoshi by satoshi. */
const byApproach = (
  state: Negotiating,
  message: PeerMessageOf<'closing_signed'>,
  closing: Closing,
  ours: Range & { readonly ideal: Sat },
): Step => {
  const { round } = state;
  const fee = message.fee_satoshis;
  const { sent, received } = round ?? { sent: undefined, received: undefined };
  if (sent !== undefined && received !== undefined) {
    const [low, high] = sent < received ? [sent, received] : [received, sent];
    if (fee <= low || fee >= high) throw new ChannelError({ code: 'closing_fee_no_progress', fee });
  }
  const from = sent ?? ours.ideal;
  const middle = sat((from + fee) / 2n);
  if (within(fee, ours) || middle === fee || middle === from) return agree(state, message, closing, ours);
  return propose({ ...state, round: { sent, sentRange: round?.sentRange, received: fee } }, middle, ours);
};

/** The peer proposes or agrees. Throws ChannelError. */
export const onClosingSigned = (
  state: Negotiating,
  message: PeerMessageOf<'closing_signed'>,
  context: Context,
): Step => {
  const { core, round } = state;
  if (round === undefined)
    throw new ChannelError({ code: 'unexpected_message', message: message.name, phase: state.phase });
  const fee = message.fee_satoshis;
  const { us, them } = balances(core);
  if (fee * 1000n > (weFund(core) ? us : them)) throw new ChannelError({ code: 'invalid_closing_signature', fee });
  const closing = signedClosing(state, fee, message.signature);
  const { outputs } = closing.transaction;
  if (outputs.length === 0 || outputs.some(({ value, script }) => value < dustThreshold(script)))
    throw new ChannelError({ code: 'closing_output_dust', fee });
  if (state.agreed !== undefined && round.sent === fee && round.received === fee) return [state, []];
  const ours = ourRange(state, context);
  if (round.sent === fee || (round.sentRange !== undefined && within(fee, round.sentRange)))
    return agree(state, message, closing, round.sentRange ?? ours);
  const range = message.fee_range;
  return range === undefined
    ? byApproach(state, message, closing, ours)
    : byRange(state, message, closing, ours, { min: range.min_fee_satoshis, max: range.max_fee_satoshis });
};
