/**
 * What may be added to a channel (BOLT 2, "Adding an HTLC: update_add_htlc" and "Updating Fees: update_fee"): htlc_minimum_msat,
 * max_accepted_htlcs, max_htlc_value_in_flight_msat, channel reserve, commitment fee and dust exposure.
 * The sender's checks are done on the very commitment on which the receiver will check, so that what we offer is accepted;
 * where BOLT 2 says SHOULD, we are strict with ourselves and lenient with the peer.
 */

import { MAX_EXPIRY_AHEAD, type Msat, msat, sat, toMsat } from '../../wire/units.ts';
import type { Fault } from '../model/errors.ts';
import { preimageOf } from '../model/htlc.ts';
import type { Context, OfferRefusal } from '../model/io.ts';
import { feerateOf, inLocal, inNextLocal, inNextRemote, type Spec, specOf } from '../model/spec.ts';
import type { Core, Htlc, HtlcDirection, Params } from '../model/state.ts';
import { isSigned, withHtlc } from '../model/updates.ts';
import { type CommitmentFormat, formats, openerCost } from '../tx/commitmentformats.ts';
import { trimThreshold } from '../tx/trimming.ts';
import { staleOfferFault } from './deadlines.ts';
import {
  type Content,
  directionOf,
  exposure,
  type FairFees,
  type Holder,
  holders,
  isLost,
  isTooExposed,
  isTrimmedFor,
  MAX_DUST_EXPOSURE,
  REFUSED_MULTIPLE,
} from './exposure.ts';
import { claimFeerate } from './unclaimed.ts';
import { missingFeerate } from './underpaid.ts';

/** BOLT 2: what still lets both sides' commitment_signed and one penalty transaction fit their limits. */
export const MAX_HTLCS = 483;
/** cltv_expiry from here on would be a time in Bitcoin (BOLT 2). */
export const EXPIRY_LIMIT = 500_000_000;

export const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
export const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const formatOf = ({ format }: Params): CommitmentFormat => formats[format];
const untrimmed = (params: Params, holder: Holder, { htlcs, feerate }: Spec): number => {
  let count = 0;
  for (const htlc of htlcs) if (!isTrimmedFor(params, holder, feerate, htlc)) count++;
  return count;
};

/** What the funder pays for a holder's commitment, with room for `more` HTLCs. */
const costFor = (params: Params, holder: Holder, spec: Spec, more = 0): Msat =>
  toMsat(openerCost(formatOf(params), spec.feerate, untrimmed(params, holder, spec) + more));

/** The dearer of both commitments. */
const cost = (params: Params, spec: Spec, more = 0): Msat => {
  return msat(larger(costFor(params, 'local', spec, more), costFor(params, 'remote', spec, more)));
};

/** What a funder keeps aside so that a doubled feerate and one more HTLC do not paralyse the channel. */
const spikeCost = (params: Params, spec: Spec, more: number): Msat =>
  cost(params, { ...spec, feerate: 2 * spec.feerate }, more);

interface Flow {
  readonly count: number;
  readonly value: bigint;
}
const flow = ({ htlcs }: Spec, way: HtlcDirection): Flow => {
  let count = 0;
  let value = 0n;
  for (const htlc of htlcs) {
    if (htlc.way !== way) continue;
    count++;
    value += htlc.amount;
  }
  return { count, value };
};

/** What each side has above its reserve, in msat, perhaps below zero. Our reserve is what the peer asked of us. */
const aboveReserve = (params: Params, spec: Spec) => ({
  us: spec.toUs - toMsat(params.remote.reserve),
  them: spec.toThem - toMsat(params.local.reserve),
});

const weFund = ({ role }: Params): boolean => role === 'funder';

type ClaimView = Pick<Context, 'feerate' | 'highestFeerate'>;

/** Counting HTLCs that are not worth their claim too: in what we offer, and in what we take on. */
const withClaims = ({ feerate }: Pick<Spec, 'feerate'>, view: ClaimView): FairFees => ({
  highestFeerate: view.highestFeerate,
  claims: claimFeerate(feerate, view.feerate),
});

/**
 * A commitment as it is judged by what it exposes: as it is, and with a raise of the feerate that the peer has said and not signed. The
 * peer cannot take that back, so no HTLC may come to it in the meantime that it would leave without an output.
 */
const withRaise = ({ params, fees }: Core, spec: Content): readonly Content[] => {
  const said = weFund(params) ? undefined : fees.find(({ marks }) => !isSigned(marks));
  return said !== undefined && said.feerate > spec.feerate ? [spec, { ...spec, feerate: said.feerate }] : [spec];
};

/** Whether HTLCs in `spec` that are not in `before` take what we could lose beyond what we risk, whatever feerate counts. */
const exposesTooMuch = (core: Core, before: Content, spec: Content, view: ClaimView): boolean =>
  withRaise(core, spec).some((judged) =>
    isTooExposed(core.params, { ...before, feerate: judged.feerate }, judged, withClaims(judged, view)),
  );

/** Blocks before its expiry at which an HTLC is too late to be offered. */
export const EXPIRY_MARGIN = 3;

/**
 * Why offers must not be signed, though nothing spoke against them when they were made: a peer can put the signature off, while
 * time passes, the funding leaves the chain, or a raise takes HTLCs their outputs. Not asked again is what both can afford,
 * for there the peer may have crossed us, and has judged our offers before it changed anything itself; nor whether the feerate has
 * become too little, for HTLCs that stand are looked after then (underpaid.ts).
 */
export const signingFault = (core: Core, context: Context): Fault | undefined => {
  const [first] = [...core.outgoing.values()].filter(({ added }) => !isSigned(added));
  if (first === undefined) return undefined;
  const withdrawn = (why: OfferRefusal['code']): Fault => ({ code: 'offer_withdrawn', id: first.id, why });
  if (core.lockin.scid === undefined) return withdrawn('not_ready');
  const signed = new Map([...core.outgoing].filter(([, { added }]) => isSigned(added)));
  const before = specOf({ ...core, outgoing: signed }, inNextRemote);
  const spec = specOf(core, inNextRemote);
  const exposed = exposesTooMuch(core, before, spec, context);
  return staleOfferFault(core, context.height) ?? (exposed ? withdrawn('dust_exposure') : undefined);
};

/** Why we do not offer this HTLC. */
export const offerRefusal = (core: Core, htlc: Htlc, context: Context): OfferRefusal | undefined => {
  const { params } = core;
  const { height } = context;
  const { remote } = params;
  if (htlc.amount === 0n || htlc.amount < remote.htlcMinimum)
    return { code: 'below_minimum', minimum: remote.htlcMinimum };
  if (htlc.expiry <= height + EXPIRY_MARGIN || htlc.expiry > height + MAX_EXPIRY_AHEAD || htlc.expiry >= EXPIRY_LIMIT)
    return { code: 'expiry_out_of_range', expiry: htlc.expiry };
  const spec = specOf({ ...core, outgoing: withHtlc(core.outgoing, htlc) }, inNextRemote);
  const { count, value } = flow(spec, 'out');
  if (count > remote.maxAcceptedHtlcs) return { code: 'too_many_htlcs', limit: remote.maxAcceptedHtlcs };
  if (value > remote.maxHtlcValueInFlight) return { code: 'too_much_in_flight', limit: remote.maxHtlcValueInFlight };
  const least = missingFeerate(core, context);
  if (least !== undefined) return { code: 'feerate_too_low', least };
  const before = specOf(core, inNextRemote);
  if (exposesTooMuch(core, before, spec, context)) return { code: 'dust_exposure', limit: MAX_DUST_EXPOSURE };
  const free = aboveReserve(params, spec);
  const price = cost(params, spec);
  const needed = weFund(params) ? larger(price, spikeCost(params, spec, 1)) : 0n;
  if (free.us < needed) return { code: 'insufficient_balance', spendable: spendable(core, context) };
  if (!weFund(params) && free.them < price && price > cost(params, before)) return { code: 'peer_cannot_pay_fee' };
  return undefined;
};

/** From which amount on an HTLC in this direction has an output in each commitment. */
const thresholds = (params: Params, feerate: number, way: HtlcDirection): readonly bigint[] =>
  holders.map((holder) =>
    toMsat(trimThreshold(formatOf(params), feerate, params[holder].dustLimit, directionOf(holder, way))),
  );

/** What of the world decides how much an HTLC may carry. */
export type FeeView = Pick<Context, 'feerate' | 'neededFeerate' | 'highestFeerate'>;

/** The most that one more HTLC can carry in a direction, above all that `spec` contains; zero when none. */
const room = (core: Core, spec: Spec, way: HtlcDirection, view: FeeView): Msat => {
  const { params } = core;
  if (missingFeerate(core, view) !== undefined) return msat(0n);
  const out = way === 'out';
  const bounds = out ? params.remote : params.local;
  const { count, value } = flow(spec, way);
  if (count >= bounds.maxAcceptedHtlcs) return msat(0n);
  const free = aboveReserve(params, spec);
  const [giver, taker] = out ? [free.us, free.them] : [free.them, free.us];
  const giverFunds = weFund(params) === out;
  const price = cost(params, spec, 1);
  const needed = giverFunds ? larger(price, spikeCost(params, spec, 2)) : 0n;
  let most = smaller(giver - needed, bounds.maxHtlcValueInFlight - value);
  const outputsFrom = thresholds(params, spec.feerate, way);
  const withOneMore = { ...spec, htlcs: [...spec.htlcs, { way, amount: most }] };
  // A funder that cannot pay for one more output, or pays too much for each, can still take what has none.
  if ((!giverFunds && taker < price) || exposesTooMuch(core, spec, withOneMore, view))
    most = smaller(most, outputsFrom.reduce(smaller) - 1n);
  // Twice, as what is cut to be dust in one commitment may by that become dust in the other.
  for (const judged of [...withRaise(core, spec), ...withRaise(core, spec)])
    for (const holder of holders) {
      const fees = withClaims(judged, view);
      if (isLost(params, holder, judged.feerate, { way, amount: most }, fees))
        most = smaller(most, MAX_DUST_EXPOSURE - exposure(params, holder, judged, fees));
    }
  return msat(most < bounds.htlcMinimum ? 0n : larger(most, 0n));
};

/** The most that `offerRefusal` lets one HTLC carry now, zero when none. */
export const spendable = (core: Core, fees: FeeView): Msat => room(core, specOf(core, inNextRemote), 'out', fees);

/** What each HTLC that we offer takes of our balance beside its amount while we hold it: fees of commitments, at a doubled feerate. */
export const feePerHtlc = ({ params, head, fees }: Core): Msat => {
  if (!weFund(params)) return msat(0n);
  const feerate = 2 * feerateOf({ params, head, fees }, inNextRemote);
  const format = formatOf(params);
  return toMsat(sat(openerCost(format, feerate, 1) - openerCost(format, feerate, 0)));
};

/**
 * The most that one HTLC could carry if none were in flight: each given back to whoever offered it, but for those of which the
 * preimage is known already, and nothing is about to change otherwise.
 */
export const spendableAtRest = (core: Core, fees: FeeView): Msat => {
  const spec = specOf(core, inNextRemote);
  if (spec.htlcs.length === 0) return room(core, spec, 'out', fees);
  let { toUs, toThem } = spec;
  for (const htlc of spec.htlcs) {
    const returns = (htlc.way === 'out') !== (preimageOf(htlc) !== undefined);
    if (returns) toUs += htlc.amount;
    else toThem += htlc.amount;
  }
  return room(core, { ...spec, toUs, toThem, htlcs: [] }, 'out', fees);
};

/** The most that the peer can offer us in one HTLC now, by the same reckoning on our next commitment. */
export const receivable = (core: Core, fees: FeeView): Msat =>
  room(core, specOf(core, inNextLocal(core.head.remote)), 'in', fees);

/**
 * Our next commitment as a funder might have seen it at worst: without HTLCs of ours that it has not signed yet. They cross
 * its updates on the wire, and after a reconnect what it sent before them comes again behind them (BOLT 2 allows the race).
 */
const inTheirFavour = (core: Core): Spec => {
  const seen = [...core.outgoing].filter(([, { added }]) => added.local !== undefined);
  return specOf({ ...core, outgoing: new Map(seen) }, inNextLocal(core.head.remote));
};

/** The fault of an update_add_htlc of the peer's, on our next commitment. */
export const addFault = (core: Core, htlc: Htlc, fees: FairFees): Fault | undefined => {
  const { params } = core;
  const { local } = params;
  if (htlc.id !== core.counters.nextIn)
    return { code: 'htlc_id_out_of_order', expected: core.counters.nextIn, got: htlc.id };
  if (htlc.amount === 0n || htlc.amount < local.htlcMinimum)
    return { code: 'htlc_below_minimum', amount: htlc.amount, minimum: local.htlcMinimum };
  if (htlc.expiry >= EXPIRY_LIMIT) return { code: 'htlc_expiry_in_seconds', expiry: htlc.expiry };
  const spec = inTheirFavour({ ...core, incoming: withHtlc(core.incoming, htlc) });
  const { count, value } = flow(spec, 'in');
  if (count > local.maxAcceptedHtlcs) return { code: 'too_many_htlcs', limit: local.maxAcceptedHtlcs };
  if (value > local.maxHtlcValueInFlight) return { code: 'too_much_in_flight', limit: local.maxHtlcValueInFlight };
  const free = aboveReserve(params, spec).them - (weFund(params) ? 0n : costFor(params, 'local', spec));
  if (free < 0n) return { code: 'cannot_afford_htlc', id: htlc.id, missing: msat(-free) };
  const { highestFeerate } = fees;
  return isTooExposed(params, inTheirFavour(core), spec, { highestFeerate }, REFUSED_MULTIPLE)
    ? { code: 'htlc_overexposes', id: htlc.id, limit: msat(REFUSED_MULTIPLE * MAX_DUST_EXPOSURE) }
    : undefined;
};

/**
 * What is wrong with the peer's update_fee (BOLT 2, "Updating Fees"); `bounds` as fees.ts has them. One that lowers what stands
 * leaves the peer with more and us with no less: it may still be too little, but it is never too much.
 */
export const feeFault = (
  core: Core,
  feerate: number,
  { min, max, fees }: { readonly min: number; readonly max: number; readonly fees: FairFees },
): Fault | undefined => {
  const { params } = core;
  if (weFund(params)) return { code: 'fee_from_fundee' };
  if (feerate < min || feerate > max) return { code: 'feerate_out_of_range', feerate, min, max };
  const before = inTheirFavour(core);
  if (feerate <= before.feerate) return undefined;
  const spec = { ...before, feerate };
  const free = aboveReserve(params, spec).them - costFor(params, 'local', spec);
  if (free < 0n) return { code: 'cannot_afford_fee', feerate, missing: msat(-free) };
  if (isTooExposed(params, before, spec, fees)) return { code: 'fee_overexposes', feerate, limit: MAX_DUST_EXPOSURE };
  return undefined;
};

/**
 * What is wrong with a raise of the peer's that it signs now: HTLCs of ours may be dust at that feerate. What we offered after it was
 * counted with it; what crossed it on the wire stands, and the peer cannot take it back either: it says it again on every
 * connection. So up to a point that is taken, as it is for HTLCs of its own.
 */
export const raiseFault = (core: Core, fees: FairFees): Fault | undefined => {
  const { params, head } = core;
  const spec = specOf(core, inNextLocal(head.remote));
  const { feerate } = specOf(core, inLocal(head.local));
  if (weFund(params) || spec.feerate <= feerate) return undefined;
  return isTooExposed(params, { ...spec, feerate }, spec, fees, REFUSED_MULTIPLE)
    ? { code: 'fee_overexposes', feerate: spec.feerate, limit: msat(REFUSED_MULTIPLE * MAX_DUST_EXPOSURE) }
    : undefined;
};

/**
 * Whether we, the funder, may change the feerate. Less is always allowed. More must leave our reserve alone in either
 * commitment, with one HTLC of the peer's on top that may be on its way, and turn no heap of HTLCs into dust.
 */
export const mayChangeFee = (core: Core, feerate: number): boolean => {
  const { params } = core;
  if (!weFund(params)) return false;
  const before = specOf(core, inNextRemote);
  if (feerate <= before.feerate) return feerate < before.feerate;
  return [before, specOf(core, inNextLocal(core.head.remote))].every((seen) => {
    const spec = { ...seen, feerate };
    const exposed = isTooExposed(params, seen, spec, { highestFeerate: feerate });
    return aboveReserve(params, spec).us >= cost(params, spec, 1) && !exposed;
  });
};

/** Whether an HTLC of the peer's takes what we could lose to miners further beyond what we risk. */
export const isOverexposed = (core: Core, htlc: Htlc, view: ClaimView): boolean => {
  const spec = specOf(core, inNextLocal(core.head.remote));
  const without = { ...spec, htlcs: spec.htlcs.filter(({ way, id }) => way !== htlc.way || id !== htlc.id) };
  return isTooExposed(core.params, without, spec, withClaims(spec, view));
};
