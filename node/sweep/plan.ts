/**
 * What to do about a claim now, as a pure function of the claim, its last transaction, the tip, a fee estimate, and the coins that
 * may pay: wait, publish the same transaction again, or build a new one, with which fee and which coins.
 * Invariants: a fee never exceeds the amount at stake, and a replacement always pays what BIP 125 requires.
 */
import type { BumpClaim, Claim, UnsignedClaim } from '../../channel/model/claim.ts';
import type { Output } from '../../channel/tx/transaction.ts';
import { FEERATE_FLOOR, type Sat, sat } from '../../wire/units.ts';
import { dustOf, roundedUpFee, weightOf } from '../wallet/select.ts';
import { anchorFor, anchorWeight } from './anchorinput.ts';
import { isUrgent, MAX_FEERATE, PATIENT_SHARE, targetFeerate } from './rate.ts';

/** A confirmed coin of the wallet. */
export interface FeeCoin {
  readonly key: string;
  readonly amount: Sat;
}

/** The last transaction published. `fits`: it still does what the claim asks for, and its coins are still unspent. */
export interface LastPublished {
  readonly fee: bigint;
  readonly weight: number;
  /** Height of the best block when the first version was published. */
  readonly since: number;
  readonly fits: boolean;
}

export interface PlanContext<C extends FeeCoin> {
  /** Height of the best block. */
  readonly tip: number;
  /** For this claim's `confirmationTarget`, sat per 1,000 weight. */
  readonly estimatedFeerate: number;
  /** Coins reserved for this claim already, and those that are not reserved. */
  readonly kept: readonly C[];
  readonly free: readonly C[];
  /** Script of the change output: one of the wallet's. */
  readonly script: Uint8Array;
  /** Highest fee that the network rejected as too low; 0 if none. */
  readonly refused: bigint;
  /** Weight of the parent of a `bump`; 0 otherwise. */
  readonly parentWeight: number;
  /** The amount in the commitment of a `bump` that is ours or may become ours. */
  readonly stake: bigint;
  /** Feerate, with its children, of another commitment of the channel that is in the mempool; 0 where there is none. */
  readonly otherCommitmentFeerate: number;
  /** Other claims that will need a coin and have none: the change is split, so that the next block has a coin for each. */
  readonly claimsNeedingCoins: number;
  /** Leave out our anchor: the network rejected a transaction that also spent it, or it is known to be spent. */
  readonly withoutAnchor?: boolean;
}

/** A transaction to be built: the claim's input first, then the coins; the outputs in this order. */
export interface TxDraft<C extends FeeCoin> {
  readonly coins: readonly C[];
  readonly outputs: readonly Output[];
  readonly locktime: number;
  readonly fee: Sat;
  /** Whether it also spends our anchor output. */
  readonly withAnchor: boolean;
  /** By how much the coins are short, where the fee is lower than it should be. */
  readonly missing: Sat | undefined;
}

export type PlanAction<C extends FeeCoin> =
  /** A timelock does not allow the claim in the next block. */
  | { readonly do: 'wait' }
  /** The parent, or another commitment in its place, pays enough by itself. */
  | { readonly do: 'parent_suffices' }
  /** Publish the last transaction again; `missing` where it should pay more, but the coins are short by that much. */
  | { readonly do: 'republish'; readonly missing: Sat | undefined }
  | { readonly do: 'build'; readonly draft: TxDraft<C> }
  /** The coins are short by that much for any fee that is relayed. */
  | { readonly do: 'short_of_coins'; readonly missing: Sat }
  /** The least fee that is relayed is more than may be spent on the claim. */
  | { readonly do: 'uneconomical' };

/** Another commitment pays enough if this times its feerate reaches ours: the estimates of two nodes differ a little. */
const ENOUGH = 1.1;
/** Most coins in one transaction. */
const MOST_COINS = 50;

/** A sweep of less than this, in sat, reaches a higher feerate with a coin: the coin then provides the dust limit of the output. */
const SMALL = 900n;

/** Whether coins of the wallet may pay for a claim, and not only the output that it spends. */
export const needsCoin = (claim: UnsignedClaim): boolean =>
  claim.kind !== 'sweep' || (claim.decides === true && claim.value < SMALL);

/** Weights, amounts and limits of a claim's transaction, whatever the claim's kind. */
interface ClaimShape {
  /** Weight without coins and without the output to us. */
  readonly base: number;
  /** Value of the claim's own input beyond its fixed outputs. */
  readonly supply: bigint;
  readonly fixed: readonly Output[];
  readonly locktime: number;
  /** The most its fee may be. */
  readonly limit: bigint;
  /** The most its fee may rise to because of the deadline. */
  readonly urged: bigint;
  /** The most its fee may rise to because it is unconfirmed for long, without a deadline. */
  readonly patient: bigint;
  /** Whether coins of the wallet pay for it. */
  readonly takesCoins: boolean;
  /** Whether the transaction may have no output to us. */
  readonly bare: boolean;
  /** Whether `base` and `supply` include our anchor output as an extra input. */
  readonly withAnchor?: boolean;
  /** The unconfirmed parent that this transaction pays for too (CPFP). */
  readonly parent: { readonly weight: number; readonly fee: bigint };
}

const noParent = { weight: 0, fee: 0n };
const sum = (coins: readonly FeeCoin[]): bigint => coins.reduce((total, { amount }) => total + amount, 0n);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The limit of a fee: all of `most` when the deadline is near; before that half of it, or `least` where that is more. */
const limitOf = (claim: UnsignedClaim, tip: number, most: bigint, least: bigint): bigint =>
  isUrgent({ tip, deadline: claim.deadline }) ? most : smaller(most, larger(most / 2n, least));

/** A child of a closing transaction pays for both from our output alone. It only saves time: nothing can be lost without it. */
const closingShape = ({ value, parentFee }: BumpClaim, base: number, weight: number): ClaimShape => {
  const limit = value / PATIENT_SHARE;
  const own = { fixed: [], locktime: 0, takesCoins: false, bare: false };
  return { ...own, base, supply: value, limit, urged: limit, patient: limit, parent: { weight, fee: parentFee } };
};

const shapeOf = <C extends FeeCoin>(
  claim: UnsignedClaim,
  { script, tip, parentWeight, stake }: PlanContext<C>,
): ClaimShape => {
  const input = weightOf.frame + 41 * 4 + claim.witnessWeight;
  const { value } = claim;
  switch (claim.kind) {
    case 'sweep': {
      const { locktime } = claim;
      const least = roundedUpFee(input + weightOf.output(script.length), FEERATE_FLOOR);
      const takesCoins = needsCoin(claim);
      // With coins, the change is the output that a transaction must have.
      const limit = limitOf(claim, tip, takesCoins ? value : value - dustOf(script), least);
      const own = { takesCoins, bare: false, parent: noParent };
      return {
        base: input,
        supply: value,
        fixed: [],
        locktime,
        limit,
        urged: limit,
        patient: value / PATIENT_SHARE,
        ...own,
      };
    }
    case 'htlc': {
      const { pays, locktime } = claim;
      const base = input + weightOf.output(pays.script.length);
      const least = roundedUpFee(base + weightOf.input + weightOf.output(script.length), FEERATE_FLOOR);
      const limit = limitOf(claim, tip, value, least);
      const own = { takesCoins: true, bare: true, parent: noParent };
      return {
        base,
        supply: value - pays.value,
        fixed: [pays],
        locktime,
        limit,
        urged: limit,
        patient: value / PATIENT_SHARE,
        ...own,
      };
    }
    case 'bump': {
      if (claim.unlock.by === 'wallet') return closingShape(claim, input, parentWeight);
      const parent = { weight: parentWeight, fee: claim.parentFee };
      const least = roundedUpFee(input + weightOf.input + weightOf.output(script.length), FEERATE_FLOOR);
      const own = { takesCoins: true, bare: false, parent };
      const limit = limitOf(claim, tip, stake, least);
      // Near the deadline only its HTLCs can be lost; our balance is safe whatever the fee.
      const urged = smaller(limit, claim.urgentHtlcs?.value ?? limit);
      return {
        base: input,
        supply: value,
        fixed: [],
        locktime: 0,
        limit,
        urged,
        patient: stake / PATIENT_SHARE,
        ...own,
      };
    }
  }
};

/** The least fee of a replacement of this weight (BIP 125): the old fee, 1 sat/vbyte for its own weight, and a higher feerate. */
export const replacementFee = (before: Pick<LastPublished, 'fee' | 'weight'>, weight: number): bigint =>
  larger(before.fee + BigInt(Math.ceil(weight / 4)), (before.fee * BigInt(weight)) / BigInt(before.weight) + 1n);

/** The fees of a transaction of a given weight, which excludes its parent's. */
interface Fees {
  /** Below this it is not relayed, or does not replace the last transaction. */
  least(weight: number): bigint;
  /** The fee at the target feerate, within the limits. */
  wanted(weight: number): bigint;
}

/** Sets of coins in the order in which they are tried: those reserved already, one more, then as few large ones as suffice. */
const choices = function* <C extends FeeCoin>(kept: readonly C[], free: readonly C[]): Generator<readonly C[]> {
  yield kept;
  const ascending = [...free].sort((a, b) => (a.amount < b.amount ? -1 : a.amount > b.amount ? 1 : 0));
  for (const coin of ascending) yield [...kept, coin];
  const set = [...kept];
  for (const coin of ascending.reverse()) {
    if (set.length >= MOST_COINS) return;
    set.push(coin);
    yield [...set];
  }
};

/** Most outputs that the change is split into. */
const MOST_PARTS = 25;

/** Outputs of equal parts of an amount; the first also gets the remainder. */
const divided = (amount: bigint, parts: number, script: Uint8Array): readonly Output[] => {
  const part = amount / BigInt(parts);
  return Array.from({ length: parts }, (_, i) => ({
    script,
    value: sat(i === 0 ? amount - part * BigInt(parts - 1) : part),
  }));
};

/** The transaction with these coins, whose fee `fees` gives for a weight; undefined when the coins do not suffice. */
const draftWith = <C extends FeeCoin>(
  shape: ClaimShape,
  coins: readonly C[],
  { script, claimsNeedingCoins }: Pick<PlanContext<C>, 'script' | 'claimsNeedingCoins'>,
  fees: (weight: number, most: bigint) => bigint | undefined,
): TxDraft<C> | undefined => {
  const { base, supply, fixed, locktime, bare, limit, withAnchor = false } = shape;
  const all = supply + sum(coins);
  const dust = dustOf(script);
  const weight = base + coins.length * weightOf.input;
  for (let parts = coins.length > 0 ? Math.min(MOST_PARTS, claimsNeedingCoins + 1) : 1; parts >= 1; parts--) {
    const fee = fees(weight + parts * weightOf.output(script.length), all - dust);
    // Each part has to pay for a transaction like this one, even if feerates double.
    const least = parts === 1 ? dust : BigInt(parts) * (2n * (fee ?? 0n) + 1_000n);
    if (fee === undefined || all - fee < least || (parts > 1 && fee > limit)) continue;
    const outputs = [...fixed, ...divided(all - fee, parts, script)];
    return { coins, outputs, locktime, fee: sat(fee), withAnchor, missing: undefined };
  }
  if (!bare || all > limit) return undefined;
  const alone = fees(weight, all);
  if (alone === undefined || alone > all) return undefined;
  return { coins, outputs: fixed, locktime, fee: sat(all), withAnchor, missing: undefined };
};

const chooseCoins = <C extends FeeCoin>(
  shape: ClaimShape,
  world: PlanContext<C>,
  fees: Fees,
): TxDraft<C> | { readonly missing: Sat } => {
  const { kept, free } = world;
  const sets = shape.takesCoins ? choices(kept, free) : [[]];
  for (const coins of sets) {
    const draft = draftWith(shape, coins, world, (weight) => fees.wanted(weight));
    if (draft !== undefined) return draft;
  }
  // The coins do not pay the fee wanted: a lower one is better than none, as long as it is relayed.
  const [last = [], short] = shortOf(shape, world, fees);
  const draft = draftWith(shape, last, { ...world, claimsNeedingCoins: 0 }, (weight, most) => {
    const fee = smaller(fees.wanted(weight), most);
    return fee >= fees.least(weight) ? fee : undefined;
  });
  return draft === undefined ? { missing: short } : { ...draft, missing: short };
};

/** The coins that bring the most, and by how much they are short. */
const shortOf = <C extends FeeCoin>(
  shape: ClaimShape,
  { kept, free, script }: Pick<PlanContext<C>, 'kept' | 'free' | 'script'>,
  fees: Fees,
): readonly [readonly C[], Sat] => {
  const worth = roundedUpFee(weightOf.input, FEERATE_FLOOR);
  const descending = [...free].sort((a, b) => (a.amount > b.amount ? -1 : 1)).filter(({ amount }) => amount > worth);
  const coins = [...kept, ...descending].slice(0, MOST_COINS);
  const weight = shape.base + (coins.length + 1) * weightOf.input + weightOf.output(script.length);
  const missing = fees.wanted(weight) + dustOf(script) - shape.supply - sum(coins);
  return [coins, sat(larger(missing, 1n))];
};

/** The shape with our anchor output as an extra input, where that pays at this feerate and is allowed. */
const withAnchorInput = (shape: ClaimShape, claim: UnsignedClaim, rate: number, alone: boolean): ClaimShape => {
  const anchor = alone ? undefined : anchorFor(claim, rate);
  if (anchor === undefined) return shape;
  return { ...shape, base: shape.base + anchorWeight(anchor), supply: shape.supply + anchor.value, withAnchor: true };
};

/** Whether a child was published already. A child has no timelock, so it need not wait any more. */
export const isChildPublished = ({ kind }: Pick<Claim, 'kind'>, before: unknown): boolean =>
  kind === 'bump' && before !== undefined;

/** What to do about a claim now. */
export const planClaim = <C extends FeeCoin>(
  claim: UnsignedClaim,
  before: LastPublished | undefined,
  world: PlanContext<C>,
): PlanAction<C> => {
  const { tip, estimatedFeerate, refused, script, kept } = world;
  if (tip + 1 < claim.from && !isChildPublished(claim, before)) return { do: 'wait' };
  const shape = shapeOf(claim, world);
  const { parent, limit, urged, patient, base, takesCoins } = shape;
  const usual = base + weightOf.output(script.length) + (takesCoins ? Math.max(1, kept.length) * weightOf.input : 0);
  const relay = (weight: number): bigint => roundedUpFee(weight, FEERATE_FLOOR);
  if (limit < relay(usual)) return { do: 'uneconomical' };

  const rateOf = (fee: bigint): number => Number(((fee + parent.fee) * 1000n) / BigInt(usual + parent.weight));
  const from = claim.kind === 'bump' ? (claim.urgentHtlcs?.from ?? claim.from) : claim.from;
  const moment = { tip, from, deadline: claim.deadline, since: before?.since };
  const most = claim.kind === 'bump' ? (claim.maxFeerate ?? MAX_FEERATE) : MAX_FEERATE;
  const rate = Math.max(
    FEERATE_FLOOR,
    Math.min(most, targetFeerate(moment, estimatedFeerate, rateOf(limit), rateOf(urged), rateOf(patient))),
  );
  if (claim.kind === 'bump') {
    // Any commitment of the channel will do: to outbid one that pays enough would only cost fees.
    const isEnough = before === undefined && refused === 0n && parent.fee >= roundedUpFee(parent.weight, rate);
    if (world.otherCommitmentFeerate * ENOUGH >= rate || isEnough) return { do: 'parent_suffices' };
  }

  // 50 % above the fee rejected, or the limit where that is less.
  const raised = refused === 0n ? 0n : larger(refused + 1n, smaller(limit, (refused * 3n) / 2n + 1n));
  /** The fee at the target feerate, whatever was published before. */
  const asked = (weight: number): bigint =>
    smaller(limit, larger(relay(weight), roundedUpFee(weight + parent.weight, rate) - parent.fee));
  const least = (weight: number): bigint =>
    larger(larger(relay(weight), raised), before === undefined ? 0n : replacementFee(before, weight));
  const republishOr = (other: PlanAction<C>, missing?: Sat): PlanAction<C> =>
    before?.fits === true ? { do: 'republish', missing } : other;
  if (refused === 0n && before?.fits === true && asked(before.weight) < least(before.weight))
    return { do: 'republish', missing: undefined };
  if (least(usual) > limit) return republishOr({ do: 'uneconomical' });

  const made = chooseCoins(withAnchorInput(shape, claim, rate, world.withoutAnchor === true), world, {
    least,
    wanted: (weight) => larger(asked(weight), least(weight)),
  });
  if (!('outputs' in made)) return republishOr({ do: 'short_of_coins', missing: made.missing }, made.missing);
  // Each coin adds weight, so a draft may cost more than the limit that was checked above.
  return made.fee <= limit ? { do: 'build', draft: made } : republishOr({ do: 'uneconomical' });
};
