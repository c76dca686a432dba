/**
 * How each output is claimed (BOLT 5; `penalty.ts` for those of a revoked commitment): from which height, by which deadline, with which
 * lock, and whether it is worth its fee. Relative locks count from the block of the transaction that made the output.
 */

import { FEERATE_FLOOR, type Preimage, sat } from '../../wire/units.ts';
import type { ChainHtlc, ClassifiedOutput, OutputLocation } from '../model/chainview.ts';
import type { Claim, HtlcClaim, ReadyClaim, SweepClaim, Unlock } from '../model/claim.ts';
import { preimageOf } from '../model/htlc.ts';
import { feerateOf, inLocal } from '../model/spec.ts';
import type { Core, Htlc } from '../model/state.ts';
import { CLAIM_BUFFER } from '../rules/deadlines.ts';
import { FEE_INPUT_WEIGHT, MIN_CLAIM_VALUE } from '../rules/unclaimed.ts';
import { type CommitmentFormat, feeForWeight, formats, htlcTransactionFee } from '../tx/commitmentformats.ts';
import { p2wsh } from '../tx/script.ts';
import { digestAll, toTransaction } from '../tx/transaction.ts';
import { claimWitness, witnessWeight } from './claimwitness.ts';
import { claimRevokedHtlc, delayedPenalty } from './penalty.ts';
import { type ClaimContext, type SweepTerms, sweep } from './sweepclaim.ts';

/** A transaction with one segwit input, without its witness, and one output to the longest script of a wallet. */
const BARE_WEIGHT = 4 * (10 + 41 + 43) + 2;

const formatOf = ({ params }: Core): CommitmentFormat => formats[params.format];

/** A delayed output of ours, after to_self_delay; `why` is `to_local` or `htlc_output`. */
const delayedClaim = (
  { whose, delay }: ClaimContext,
  scriptCode: Uint8Array,
  place: OutputLocation,
  why: SweepTerms['why'],
) =>
  sweep(place, {
    why,
    from: place.height + delay,
    deadline: undefined,
    sequence: delay,
    scriptCode,
    unlock: { by: 'delayed', number: whose.number },
  });

/** An output that pays a commitment's delayed script: to_local, or what an HTLC transaction paid. */
export const claimDelayed = (ground: ClaimContext, place: OutputLocation, main: boolean): SweepClaim | undefined => {
  const { delayed, revoked, whose } = ground;
  if (delayed === undefined) return undefined;
  if (revoked) return delayedPenalty(ground, delayed, place, main ? 'penalty to_local' : 'penalty htlc_output');
  return whose.holder === 'local' ? delayedClaim(ground, delayed, place, main ? 'to_local' : 'htlc_output') : undefined;
};

/** Our main output of a commitment of the peer's. */
const claimToRemote = ({ core }: ClaimContext, scriptCode: Uint8Array, place: OutputLocation): SweepClaim => {
  const lock = formatOf(core).confirmedSpendsOnly ? 1 : 0;
  return sweep(place, {
    why: 'to_remote',
    from: place.height + lock,
    deadline: undefined,
    ...(lock === 1 && { sequence: 1 }),
    scriptCode,
    unlock: { by: 'payment' },
  });
};

/** Our anchor of a commitment that is in the chain: never worth a transaction of its own, so another spends it too. */
const claimAnchor = (scriptCode: Uint8Array, place: OutputLocation): SweepClaim =>
  sweep(place, { why: 'anchor', from: place.height, deadline: undefined, scriptCode, unlock: { by: 'funding' } });

/** When an HTLC's output may be taken and until when it should be, by way: we take it back, or we have its preimage. */
const window = ({ way, expiry }: ChainHtlc, height: number, lock: number) =>
  way === 'out'
    ? { from: Math.max(height + lock, expiry + 1), deadline: expiry + CLAIM_BUFFER, locktime: expiry }
    : { from: height + lock, deadline: expiry + 1, locktime: 0 };

/** An HTLC of a commitment of the peer's: back after its expiry, or with its preimage. */
const claimHtlcOutput = (
  { core, whose }: ClaimContext,
  { htlc, scriptCode }: Extract<ClassifiedOutput, { kind: 'htlc' }>,
  place: OutputLocation,
  preimage: Preimage | undefined,
): SweepClaim | undefined => {
  const { number } = whose;
  const lock = formatOf(core).confirmedSpendsOnly ? 1 : 0;
  const common = { scriptCode, ...(lock === 1 && { sequence: 1 }), ...window(htlc, place.height, lock) };
  if (htlc.way === 'out') return sweep(place, { ...common, why: 'htlc_timeout', unlock: { by: 'timeout', number } });
  if (preimage === undefined) return undefined;
  return sweep(place, { ...common, why: 'htlc_success', unlock: { by: 'preimage', number, preimage } });
};

/** An HTLC of our own commitment: HTLC-timeout or HTLC-success, which the peer signed with our last commitment only. */
const claimOwnHtlc = (
  { core, whose, delayed }: ClaimContext,
  { htlc, scriptCode, order }: Extract<ClassifiedOutput, { kind: 'htlc' }>,
  place: OutputLocation,
  preimage: Preimage | undefined,
): HtlcClaim | undefined => {
  const { head, signatures } = core;
  if (whose.number !== head.local || signatures.htlcs[order] === undefined || delayed === undefined) return undefined;
  if (htlc.way === 'in' && preimage === undefined) return undefined;
  const format = formatOf(core);
  const feerate = feerateOf(core, inLocal(head.local));
  const fee = htlcTransactionFee(format, feerate, htlc.way === 'out' ? 'offered' : 'received');
  const unlock: Unlock = { by: 'both', index: order, preimage: htlc.way === 'in' ? preimage : undefined };
  return {
    kind: 'htlc',
    outpoint: place.outpoint,
    value: place.value,
    why: htlc.way === 'out' ? 'htlc_timeout' : 'htlc_success',
    ...window(htlc, place.height, format.htlcSequence),
    sequence: format.htlcSequence,
    scriptCode,
    witnessWeight: witnessWeight(unlock, scriptCode, unlock.preimage !== undefined),
    pays: { value: sat(place.value - fee), script: p2wsh(delayed) },
    unlock,
  };
};

/** An HTLC as the channel has it; undefined where it only stands in an old commitment. */
export const liveHtlc = (core: Core, { way, id }: ChainHtlc): Htlc | undefined =>
  (way === 'in' ? core.incoming : core.outgoing).get(id);

const claimHtlc = (
  ground: ClaimContext,
  output: Extract<ClassifiedOutput, { kind: 'htlc' }>,
  place: OutputLocation,
) => {
  const { core, whose, revoked } = ground;
  if (revoked) return claimRevokedHtlc(ground, output, place);
  const live = liveHtlc(core, output.htlc);
  const preimage = live && preimageOf(live);
  return whose.holder === 'local'
    ? claimOwnHtlc(ground, output, place, preimage)
    : claimHtlcOutput(ground, output, place, preimage);
};

/**
 * The claim of an output of a commitment, if there is one now, worth its fee or not. While the commitment is in the chain it
 * changes with `liveOf` its HTLC alone.
 */
export const claimOf = (
  ground: ClaimContext,
  output: ClassifiedOutput,
  place: OutputLocation,
): SweepClaim | HtlcClaim | undefined => {
  switch (output.kind) {
    case 'to_local':
      return claimDelayed(ground, place, true);
    case 'to_remote':
      return claimToRemote(ground, output.scriptCode, place);
    case 'anchor':
      return claimAnchor(output.scriptCode, place);
    case 'unknown':
      return undefined;
    case 'htlc': {
      const claim = claimHtlc(ground, output, place);
      return claim && liveHtlc(ground.core, output.htlc)?.way === 'out' ? { ...claim, decides: true } : claim;
    }
  }
};

/** Whether a claim leaves more than it costs at the lowest feerate. An HTLC transaction with its fee inside always does. */
export const isWorthwhile = (core: Core, claim: SweepClaim | HtlcClaim): boolean => {
  if (claim.kind === 'htlc' && formatOf(core).htlcTransactionsPayFee) return true;
  const weight = BARE_WEIGHT + claim.witnessWeight + (claim.kind === 'htlc' ? FEE_INPUT_WEIGHT : 0);
  return claim.value - feeForWeight(FEERATE_FLOOR, BigInt(weight)) >= MIN_CLAIM_VALUE;
};

/** The claim as it is handed out: an HTLC transaction that pays its own fee is signed here, as nothing in it can change. */
export const finalizeClaim = (core: Core, claim: SweepClaim | HtlcClaim): Claim => {
  if (claim.kind === 'sweep' || !formatOf(core).htlcTransactionsPayFee) return claim;
  const { outpoint, value, from, deadline, why, pays, sequence, locktime, scriptCode } = claim;
  const transaction = { spends: outpoint, sequence, locktime, outputs: [pays] };
  const witness = claimWitness({ core }, claim, digestAll(transaction, { value, witnessScript: scriptCode }));
  const tx = new Uint8Array(toTransaction(transaction, witness).toBuffer());
  const ready: ReadyClaim = { kind: 'ready', outpoint, value, from, deadline, why, tx };
  return ready;
};
