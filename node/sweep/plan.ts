/**
 * What to do about a claim now, as a pure function of the claim, what was published for it before, the tip, an estimate, and
 * the coins that may pay: wait, publish the same again, or put together a new transaction with which fee and which coins.
 * Invariants: a fee never exceeds what is at stake, and a replacement always pays what nodes ask of one (BIP 125).
 */
import type { BumpClaim, Claim, UnsignedClaim } from '../../channel/model/claim.ts';
import type { Output } from '../../channel/tx/transaction.ts';
import { FEERATE_FLOOR, type Sat, sat } from '../../wire/units.ts';
import { dustOf, feeOf, weightOf } from '../wallet/select.ts';
import { anchorFor, anchorWeight } from './anchorinput.ts';
import { isUrgent, MAX_FEERATE, PATIENT_SHARE, targetFeerate } from './rate.ts';

/** A confirmed coin of the wallet. */
export interface FeeCoin {
  readonly key: string;
  readonly amount: Sat;
}

/** What was published last, if it is still what the claim wants and its coins are still there (`fits`). */
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
  /** For `horizonOf` this claim, sat per 1,000 weight. */
  readonly estimatedFeerate: number;
  /** Coins promised to this claim already, and those promised to nobody. */
  readonly kept: readonly C[];
  readonly free: readonly C[];
  /** Where the rest goes: a script of the wallet. */
  readonly script: Uint8Array;
  /** What the network refused as too little, 0 if nothing. */
  readonly refused: bigint;
  /** Weight of the parent of a `bump`; 0 otherwise. */
  readonly parentWeight: number;
  /** What is ours or may become ours in the commitment that a `bump` is for. */
  readonly stake: bigint;
  /** What another commitment of the channel, which waits in the mempool, pays with its children; 0 where there is none. */
  readonly otherCommitmentFeerate: number;
  /** Other claims that will need a coin and find none: what comes back is divided, so that the next block has one for each. */
  readonly claimsNeedingCoins: number;
  /** The network refused what took the output anchor this claim with it, or it is known to be gone. */
  readonly withoutAnchor?: boolean;
}

/** A transaction to be put together: the claim's input first, then the coins; the outputs in this order. */
export interface TxDraft<C extends FeeCoin> {
  readonly coins: readonly C[];
  readonly outputs: readonly Output[];
  readonly locktime: number;
  readonly fee: Sat;
  /** Whether it takes the output anchor the claim with it. */
  readonly withAnchor: boolean;
  /** It pays less than it should, for want of this much in coins. */
  readonly missing: Sat | undefined;
}

export type PlanAction<C extends FeeCoin> =
  /** Too early for its locks. */
  | { readonly do: 'wait' }
  /** The parent, or another in its place, pays enough by itself. */
  | { readonly do: 'parent_suffices' }
  /** What was published stands; `missing` where it should pay more and coins for that are wanting. */
  | { readonly do: 'republish'; readonly missing: Sat | undefined }
  | { readonly do: 'build'; readonly draft: TxDraft<C> }
  /** No fee can be paid, for want of this much in coins. */
  | { readonly do: 'short_of_coins'; readonly missing: Sat }
  /** All that may be spent on it is less than what the network asks for. */
  | { readonly do: 'uneconomical' };

/** Another commitment pays enough that pays so much as this makes of it: rates of two nodes are never quite the same. */
const ENOUGH = 1.1;
/** Most coins in one transaction. */
const MOST_COINS = 50;

/** Sweeps of less, sat, can pay a higher feerate with a coin than without: what an output must hold need not come from them. */
const SMALL = 900n;

/** Whether coins of the wallet may pay for a claim, and not only what it takes. */
export const needsCoin = (claim: UnsignedClaim): boolean =>
  claim.kind !== 'sweep' || (claim.decides === true && claim.value < SMALL);

/** What a claim is made of, whatever its kind. */
interface ClaimShape {
  /** Weight without coins and without the output to us. */
  readonly base: number;
  /** What the claim itself brings in beyond its fixed outputs. */
  readonly supply: bigint;
  readonly fixed: readonly Output[];
  readonly locktime: number;
  /** The most its fee may be. */
  readonly limit: bigint;
  /** The most its fee may become for the sake of the deadline. */
  readonly urged: bigint;
  /** The most of it that is paid to have sooner what only hangs. */
  readonly patient: bigint;
  /** Whether coins of the wallet pay for it. */
  readonly takesCoins: boolean;
  /** Whether it may be without an output to us. */
  readonly bare: boolean;
  /** Whether what goes anchor it is in weight and supply. */
  readonly withAnchor?: boolean;
  /** What hangs above it and is paid for too. */
  readonly parent: { readonly weight: number; readonly fee: bigint };
}

const noParent = { weight: 0, fee: 0n };
const sum = (coins: readonly FeeCoin[]): bigint => coins.reduce((total, { amount }) => total + amount, 0n);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** All of `most` when a deadline is near; before that half of it, or the least fee there is where that is more. */
const limitOf = (claim: UnsignedClaim, tip: number, most: bigint, least: bigint): bigint =>
  isUrgent({ tip, deadline: claim.deadline }) ? most : smaller(most, larger(most / 2n, least));

/** A child of a closing pays for both out of our output there and nothing else: only time is won by it, and nothing can be lost. */
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
      const least = feeOf(input + weightOf.output(script.length), FEERATE_FLOOR);
      const takesCoins = needsCoin(claim);
      // With coins, what is left of them is the output that a transaction must have.
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
      const least = feeOf(base + weightOf.input + weightOf.output(script.length), FEERATE_FLOOR);
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
      const least = feeOf(input + weightOf.input + weightOf.output(script.length), FEERATE_FLOOR);
      const own = { takesCoins: true, bare: false, parent };
      const limit = limitOf(claim, tip, stake, least);
      // Late, only the HTLCs may be lost that the deadline is for; the balance comes home with any fee.
      const urged = smaller(limit, claim.urged?.value ?? limit);
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

/** What nodes ask of a replacement of this weight: more by the price of its own relay, and a higher rate. */
export const replacementFee = (before: Pick<LastPublished, 'fee' | 'weight'>, weight: number): bigint =>
  larger(before.fee + BigInt(Math.ceil(weight / 4)), (before.fee * BigInt(weight)) / BigInt(before.weight) + 1n);

/** The rules that a fee obeys, given a weight without what hangs above. */
interface Fees {
  /** Below this it is not relayed, or does not replace what was there. */
  least(weight: number): bigint;
  /** At this rate, within the bounds. */
  wanted(weight: number): bigint;
}

/** Sets of coins in the order in which they are tried: what is promised already, one more, as few large ones as do. */
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

/** Most outputs that what comes back is divided into. */
const MOST_PARTS = 25;

/** Equal parts of an amount, the first with what is left over. */
const divided = (amount: bigint, parts: number, script: Uint8Array): readonly Output[] => {
  const part = amount / BigInt(parts);
  return Array.from({ length: parts }, (_, i) => ({
    script,
    value: sat(i === 0 ? amount - part * BigInt(parts - 1) : part),
  }));
};

/** The transaction of these coins, its fee from `fees` at these weights; undefined when they do not suffice. */
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
    // A part must pay for a transaction like this one even where rates double.
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
  // Short of what it should pay: whatever the coins allow is better than nothing, if only it is relayed.
  const [last = [], short] = shortOf(shape, world, fees);
  const draft = draftWith(shape, last, { ...world, claimsNeedingCoins: 0 }, (weight, most) => {
    const fee = smaller(fees.wanted(weight), most);
    return fee >= fees.least(weight) ? fee : undefined;
  });
  return draft === undefined ? { missing: short } : { ...draft, missing: short };
};

/** The most coins there are to have, and how much more would do. */
const shortOf = <C extends FeeCoin>(
  shape: ClaimShape,
  { kept, free, script }: Pick<PlanContext<C>, 'kept' | 'free' | 'script'>,
  fees: Fees,
): readonly [readonly C[], Sat] => {
  const worth = feeOf(weightOf.input, FEERATE_FLOOR);
  const descending = [...free].sort((a, b) => (a.amount > b.amount ? -1 : 1)).filter(({ amount }) => amount > worth);
  const coins = [...kept, ...descending].slice(0, MOST_COINS);
  const weight = shape.base + (coins.length + 1) * weightOf.input + weightOf.output(script.length);
  const missing = fees.wanted(weight) + dustOf(script) - shape.supply - sum(coins);
  return [coins, sat(larger(missing, 1n))];
};

/** The shape with what goes anchor the claim at this rate, if it may. */
const withAnchorInput = (shape: ClaimShape, claim: UnsignedClaim, rate: number, alone: boolean): ClaimShape => {
  const anchor = alone ? undefined : anchorFor(claim, rate);
  if (anchor === undefined) return shape;
  return { ...shape, base: shape.base + anchorWeight(anchor), supply: shape.supply + anchor.value, withAnchor: true };
};

/** Whether a child was published already, which has no lock of its own: then nothing is waited for. */
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
  const relay = (weight: number): bigint => feeOf(weight, FEERATE_FLOOR);
  if (limit < relay(usual)) return { do: 'uneconomical' };

  const rateOf = (fee: bigint): number => Number(((fee + parent.fee) * 1000n) / BigInt(usual + parent.weight));
  const from = claim.kind === 'bump' ? (claim.urged?.from ?? claim.from) : claim.from;
  const moment = { tip, from, deadline: claim.deadline, since: before?.since };
  const most = claim.kind === 'bump' ? (claim.most ?? MAX_FEERATE) : MAX_FEERATE;
  const rate = Math.max(
    FEERATE_FLOOR,
    Math.min(most, targetFeerate(moment, estimatedFeerate, rateOf(limit), rateOf(urged), rateOf(patient))),
  );
  if (claim.kind === 'bump') {
    // Whichever commitment is mined first serves: to outbid one that pays enough would only feed the miners.
    const isEnough = before === undefined && refused === 0n && parent.fee >= feeOf(parent.weight, rate);
    if (world.otherCommitmentFeerate * ENOUGH >= rate || isEnough) return { do: 'parent_suffices' };
  }

  // Half as much again, but rather all that may be spent than nothing.
  const raised = refused === 0n ? 0n : larger(refused + 1n, smaller(limit, (refused * 3n) / 2n + 1n));
  /** What the rate asks for, whatever stands before. */
  const asked = (weight: number): bigint =>
    smaller(limit, larger(relay(weight), feeOf(weight + parent.weight, rate) - parent.fee));
  const least = (weight: number): bigint =>
    larger(larger(relay(weight), raised), before === undefined ? 0n : replacementFee(before, weight));
  if (before?.fits === true && refused === 0n && asked(before.weight) < least(before.weight))
    return { do: 'republish', missing: undefined };
  if (least(usual) > limit)
    return before?.fits === true ? { do: 'republish', missing: undefined } : { do: 'uneconomical' };

  const made = chooseCoins(withAnchorInput(shape, claim, rate, world.withoutAnchor === true), world, {
    least,
    wanted: (weight) => larger(asked(weight), least(weight)),
  });
  if ('outputs' in made) {
    // Each coin adds weight, so a draft may have come out dearer than the bound that was checked above.
    if (made.fee <= limit) return { do: 'build', draft: made };
    return before?.fits === true ? { do: 'republish', missing: undefined } : { do: 'uneconomical' };
  }
  return before?.fits === true
    ? { do: 'republish', missing: made.missing }
    : { do: 'short_of_coins', missing: made.missing };
};
