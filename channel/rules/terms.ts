/**
 * The parameters that we ask for and accept when a channel is opened (BOLT 2, "The open_channel Message" and "The accept_channel
 * Message"): one row for each rule, so that a refusal names the field and what it should have been.
 */

import { equal, hex } from '../../wire/bytes.ts';
import { isPoint } from '../../wire/crypto.ts';
import { clipped } from '../../wire/printable.ts';
import { type Point, type Sat, sat, toMsat } from '../../wire/units.ts';
import {
  type AcceptableTypes,
  type ChannelFeatures,
  type ChannelType,
  channelTypeBits,
  channelTypeFromBits,
  describeAcceptableTypes,
  describeOpenableTypes,
  isAcceptable,
  isOpenable,
} from '../model/channeltype.ts';
import { ChannelError, type TermsField } from '../model/errors.ts';
import type { AcceptRequest, ChannelMessageOf, Context, LocalLimits } from '../model/io.ts';
import type { OpeningTerms, Params, Proposal } from '../model/state.ts';
import { formats, openerCost } from '../tx/commitmentformats.ts';
import type { Basepoints } from '../tx/keys.ts';
import { isShutdownScript } from '../tx/shutdownscript.ts';
import { isTooExposed } from './exposure.ts';
import { openingBounds } from './fees.ts';
import { larger, MAX_HTLCS } from './limits.ts';

/** BOLT 3, "Dust Limits": below this some output of the channel might not be relayed. */
const MIN_DUST_LIMIT = 354n;
/**
 * Above this a peer could burn too much of ours in dust. With anchors HTLC transactions pay for themselves, and nodes that do not
 * want outputs which cost more to claim than they hold ask for thousands; what can be lost so is bounded by `exposure.ts` all the
 * same, and the reserve grows with it.
 */
const MAX_DUST_LIMIT = { static_remotekey: 1062n, anchors_zero_fee_htlc_tx: 10_000n } as const;
const LARGE_CHANNEL = 1n << 24n;
const MAX_DELAY = 2016;
const MAX_DEPTH = 144;
const MIN_HTLC_SLOTS = 5;
/** Most a peer may ask as the least HTLC: 1,000 sat. Nodes ask for so much where smaller payments are not worth a slot. */
const MAX_HTLC_MINIMUM = 1_000_000n;
/** At least one percent must be able to move at once. */
const MIN_IN_FLIGHT_SHARE = 100n;

/** Digits of a peer's channel_type that a refusal repeats. */
const MOST_DIGITS = 80;

const refuse = (field: TermsField, got: unknown, expected: string): never => {
  throw new ChannelError({ code: 'unacceptable_terms', field, got: String(got), expected });
};

/** The type of a peer's proposal. Throws ChannelError where it names none that may be opened. */
export const acceptedType = (
  {
    channel_type: bits,
    channel_flags: flags,
  }: Pick<ChannelMessageOf<'open_channel'>, 'channel_type' | 'channel_flags'>,
  taking: AcceptableTypes,
): ChannelType => {
  const type = bits === undefined ? undefined : channelTypeFromBits(bits);
  const announce = announces(flags);
  if (type !== undefined && isAcceptable(type, taking, announce)) return type;
  const got = bits === undefined ? 'none' : clipped(hex(bits.subarray(0, MOST_DIGITS)), MOST_DIGITS);
  return refuse('channel_type', got, `one of ${describeAcceptableTypes(taking, announce)}`);
};

/** The one bit of channel_flags that has a meaning. */
export const announces = (flags: number): boolean => (flags & 1) === 1;

/** One percent of the channel, as every peer accepts, but no dust on either side. */
const reserveFor = (capacity: Sat, ...dustLimits: readonly Sat[]): Sat =>
  sat(dustLimits.reduce<bigint>(larger, capacity / 100n));

/** Our side of an opening; `remoteDust` once the peer's dust limit is known. */
export const localTerms = (
  limits: LocalLimits,
  basepoints: Basepoints,
  capacity: Sat,
  upfrontScript: Uint8Array | undefined,
  remoteDust: Sat = limits.dustLimit,
): OpeningTerms => ({
  dustLimit: limits.dustLimit,
  maxHtlcValueInFlight: limits.maxHtlcValueInFlight,
  htlcMinimum: limits.htlcMinimum,
  toSelfDelay: limits.toSelfDelay,
  maxAcceptedHtlcs: limits.maxAcceptedHtlcs,
  reserve: reserveFor(capacity, limits.dustLimit, remoteDust),
  minimumDepth: limits.minimumDepth,
  basepoints,
  upfrontScript,
});

type Opening = ChannelMessageOf<'open_channel'> | ChannelMessageOf<'accept_channel'>;

/** The fields that both messages share, as terms. */
const termsOf = (message: Opening, minimumDepth: number): OpeningTerms => ({
  dustLimit: message.dust_limit_satoshis,
  maxHtlcValueInFlight: message.max_htlc_value_in_flight_msat,
  htlcMinimum: message.htlc_minimum_msat,
  toSelfDelay: message.to_self_delay,
  maxAcceptedHtlcs: message.max_accepted_htlcs,
  reserve: message.channel_reserve_satoshis,
  minimumDepth,
  basepoints: {
    funding: message.funding_pubkey,
    revocation: message.revocation_basepoint,
    payment: message.payment_basepoint,
    delayedPayment: message.delayed_payment_basepoint,
    htlc: message.htlc_basepoint,
  },
  upfrontScript: message.upfront_shutdown_script?.length ? message.upfront_shutdown_script : undefined,
});

type Rule = readonly [field: TermsField, got: unknown, holds: boolean, expected: string];

const enforce = (rules: readonly Rule[]): void => {
  for (const [field, got, holds, expected] of rules) if (!holds) refuse(field, got, expected);
};

/** What holds for either side's terms in a channel of that capacity. */
const shared = (
  terms: OpeningTerms,
  { capacity, format }: Pick<Proposal, 'capacity' | 'format'>,
  first: Point,
  { anysegwit }: ChannelFeatures,
): readonly Rule[] => {
  const mostDust = MAX_DUST_LIMIT[format];
  const { dustLimit, reserve, maxAcceptedHtlcs, toSelfDelay, htlcMinimum, maxHtlcValueInFlight } = terms;
  const points = [...Object.values(terms.basepoints), first];
  const script = terms.upfrontScript;
  return [
    ['dust_limit_satoshis', dustLimit, dustLimit >= MIN_DUST_LIMIT, `at least ${MIN_DUST_LIMIT}`],
    ['dust_limit_satoshis', dustLimit, dustLimit <= mostDust, `at most ${mostDust}`],
    ['dust_limit_satoshis', dustLimit, dustLimit <= reserve, `at most channel_reserve_satoshis, ${reserve}`],
    ['max_accepted_htlcs', maxAcceptedHtlcs, maxAcceptedHtlcs <= MAX_HTLCS, `at most ${MAX_HTLCS}`],
    ['max_accepted_htlcs', maxAcceptedHtlcs, maxAcceptedHtlcs >= MIN_HTLC_SLOTS, `at least ${MIN_HTLC_SLOTS}`],
    ['to_self_delay', toSelfDelay, toSelfDelay <= MAX_DELAY, `at most ${MAX_DELAY}`],
    ['htlc_minimum_msat', htlcMinimum, htlcMinimum <= MAX_HTLC_MINIMUM, `at most ${MAX_HTLC_MINIMUM}`],
    [
      'max_htlc_value_in_flight_msat',
      maxHtlcValueInFlight,
      maxHtlcValueInFlight >= toMsat(capacity) / MIN_IN_FLIGHT_SHARE,
      'at least 1 % of the channel',
    ],
    ['channel_reserve_satoshis', reserve, reserve <= capacity / 5n, 'at most 20 % of the channel'],
    ['basepoints', 'a point off the curve', points.every(isPoint), 'points of secp256k1'],
    [
      'upfront_shutdown_script',
      'another form',
      script === undefined || isShutdownScript(script, anysegwit),
      'a witness program',
    ],
  ];
};

/** Each side's dust limit must lie below what the other lets it keep, or all outputs might be dust. */
const dustBelowReserves = (local: OpeningTerms, remote: OpeningTerms): readonly Rule[] => [
  [
    'channel_reserve_satoshis',
    remote.reserve,
    remote.reserve >= local.dustLimit,
    `at least our dust limit, ${local.dustLimit}`,
  ],
  [
    'dust_limit_satoshis',
    remote.dustLimit,
    remote.dustLimit <= local.reserve,
    `at most the reserve we ask, ${local.reserve}`,
  ],
];

/** What a fundee needs to check an `open_channel`. */
export type FundeePolicy = Pick<AcceptRequest, 'chainHash' | 'minimumAmount' | 'features' | 'allowStaticRemotekey'>;

/** A funder's terms, all rules of "The open_channel Message" obeyed but those about our reply. Throws ChannelError. */
export const openTerms = (
  message: ChannelMessageOf<'open_channel'>,
  judge: FundeePolicy,
  context: Context,
): OpeningTerms => {
  const terms = termsOf(message, 0);
  const { format } = acceptedType(message, judge);
  const bounds = openingBounds(formats[format], context);
  const { funding_satoshis: capacity, push_msat: push, feerate_per_kw: feerate } = message;
  enforce([
    ['chain_hash', 'another chain', equal(message.chain_hash, judge.chainHash), 'our chain'],
    ['funding_satoshis', capacity, capacity >= judge.minimumAmount, `at least ${judge.minimumAmount}`],
    [
      'funding_satoshis',
      capacity,
      capacity < LARGE_CHANNEL || judge.features.largeChannel,
      `below ${LARGE_CHANNEL} without option_support_large_channel`,
    ],
    ['push_msat', push, push <= toMsat(capacity), 'at most what the channel holds'],
    ['feerate_per_kw', feerate, feerate >= bounds.min, `at least ${bounds.min}`],
    ['feerate_per_kw', feerate, feerate <= bounds.max, `at most ${bounds.max}`],
    ...shared(terms, { capacity, format }, message.first_per_commitment_point, judge.features),
    ...firstOutputs({ capacity, push, feerate, format }, terms.reserve),
  ]);
  return terms;
};

/** What both sides have in the first commitments (BOLT 2): the funder pays the fee, and one side has more than it must keep. */
const firstOutputs = (
  { capacity, push, feerate, format }: Pick<Proposal, 'capacity' | 'push' | 'feerate' | 'format'>,
  reserve: Sat,
): readonly Rule[] => {
  const funder = toMsat(capacity) - push - toMsat(openerCost(formats[format], feerate, 0));
  return [
    ['push_msat', push, funder >= 0n, 'to leave the funder enough for the fee of a commitment'],
    ['push_msat', push, funder / 1000n > reserve || push / 1000n > reserve, 'to leave one side more than the reserve'],
  ];
};

/** Whether the first commitment would pay so much that we could lose it to miners. Throws ChannelError. */
export const checkExcess = (params: Params, context: Context): void => {
  const { feerate } = params;
  const tooMuch = isTooExposed(params, undefined, { feerate, htlcs: [] }, context);
  enforce([
    ['feerate_per_kw', feerate, !tooMuch, `no more than fairly needed, ${context.highestFeerate} by our estimate`],
  ]);
};

/** What our reply adds to the rules of an `open_channel`. Throws ChannelError. */
export const checkAgainstReply = (remote: OpeningTerms, local: OpeningTerms): void =>
  enforce(dustBelowReserves(local, remote));

/** A fundee's terms, all rules of "The accept_channel Message" obeyed. Throws ChannelError. */
export const acceptTerms = (
  message: ChannelMessageOf<'accept_channel'>,
  proposal: Proposal,
  features: ChannelFeatures,
): OpeningTerms => {
  const terms = termsOf(message, message.minimum_depth);
  const type = message.channel_type;
  enforce([
    ['channel_type', 'another', type !== undefined && equal(type, channelTypeBits(proposal)), 'the one we proposed'],
    ['minimum_depth', terms.minimumDepth, terms.minimumDepth <= MAX_DEPTH, `at most ${MAX_DEPTH}`],
    ...dustBelowReserves(proposal.local, terms),
    ...shared(terms, proposal, message.first_per_commitment_point, features),
    ...firstOutputs(proposal, terms.reserve),
  ]);
  return terms;
};

/** What we can see ourselves before anyone else does: our own request must obey the rules. Throws ChannelError. */
export const checkProposal = (proposal: Proposal, features: ChannelFeatures): void => {
  const { capacity, push, format, local, scidAliasType: scidAlias, announce, shutdownScript } = proposal;
  enforce([
    [
      'channel_type',
      hex(channelTypeBits(proposal)),
      isOpenable({ format, scidAlias }, features, announce),
      `one of ${describeOpenableTypes(features, announce)}`,
    ],
    [
      'upfront_shutdown_script',
      hex(shutdownScript),
      isShutdownScript(shutdownScript, features.anysegwit),
      'a witness program that the peer can pay to',
    ],
    [
      'funding_satoshis',
      capacity,
      capacity < LARGE_CHANNEL || features.largeChannel,
      `below ${LARGE_CHANNEL} without option_support_large_channel`,
    ],
    ...firstOutputs(proposal, local.reserve).map(
      ([field, got, holds, expected]): Rule =>
        push === 0n ? ['funding_satoshis', capacity, holds, expected] : [field, got, holds, expected],
    ),
    ['dust_limit_satoshis', local.dustLimit, local.dustLimit >= MIN_DUST_LIMIT, `at least ${MIN_DUST_LIMIT}`],
    ['max_accepted_htlcs', local.maxAcceptedHtlcs, local.maxAcceptedHtlcs <= MAX_HTLCS, `at most ${MAX_HTLCS}`],
  ]);
};
