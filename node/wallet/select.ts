/**
 * Coin selection. A coin counts with its effective value: its amount less the fee of its own input. Branch and bound looks for a set
 * that needs no change; where there is none, the largest coins are taken first, with change. Pure.
 */
import { FEERATE_FLOOR, type Sat, sat } from '../../wire/units.ts';
import { WalletError } from './errors.ts';

/** Weights of the parts of a transaction (BIP 141). */
export const weightOf = {
  /** Version, locktime, one-byte counts, and the segwit marker and flag. */
  frame: 42,
  /** A P2WPKH input: 41 bytes, and a witness with a signature of 72 bytes, the longest possible. */
  input: 41 * 4 + 108,
  /** An output with a script of that many bytes, below 253. */
  output: (scriptLength: number): number => (8 + 1 + scriptLength) * 4,
} as const;

/** The fee of a weight at a feerate in satoshi per 1,000 weight, rounded up. */
export const roundedUpFee = (weight: number, feerate: number): bigint =>
  (BigInt(weight) * BigInt(feerate) + 999n) / 1000n;

/** bitcoind's default dust limits by output type (BOLT 3, "Dust Limits"); 546, the highest, for other scripts. */
export const dustOf = (script: Uint8Array): Sat => {
  if (script[0] === 0x6a) return sat(0n);
  if (script.length === 22 && script[0] === 0) return sat(294n);
  if (script.length === 34 && script[0] === 0) return sat(330n);
  const program = script.length >= 4 && script.length <= 42 && (script[0] ?? 0) >= 0x51 && (script[0] ?? 0) <= 0x60;
  if (program) return sat(354n);
  return sat(script.length === 23 ? 540n : 546n);
};

export interface Spending {
  /** The sum of the outputs; `all` for a single output of everything that is left after the fee and `leave`. */
  readonly amount: Sat | 'all';
  /** With `all`: what becomes change all the same. */
  readonly leave?: Sat | undefined;
  /** Weight of those outputs. */
  readonly outputWeight: number;
  /** Satoshi per 1,000 weight. */
  readonly feerate: number;
}

export interface Selection<C> {
  readonly coins: readonly C[];
  readonly amount: Sat;
  readonly fee: Sat;
  /** Amount of the change output; undefined where there is none, since it would be dust or cost more than it is worth. */
  readonly change: Sat | undefined;
}

/** 10,000 sat/vbyte, bitcoind's default maximum as well: more is taken for a mistake. */
const MOST_FEERATE = 2_500_000;
const changeScriptLength = 22;
/** Sets that branch and bound tries before change is accepted. */
const searchLimit = 20_000;

interface Valued<C> {
  readonly coin: C;
  readonly value: bigint;
}

/** Branch and bound over values in descending order: the set whose sum exceeds `target` by the least, at most by `slack`. */
const withoutChange = <C>(
  coins: readonly Valued<C>[],
  target: bigint,
  slack: bigint,
): readonly Valued<C>[] | undefined => {
  const left = coins.map(() => 0n);
  for (let i = coins.length - 1; i >= 0; i--) left[i] = (left[i + 1] ?? 0n) + (coins[i]?.value ?? 0n);
  let best: { readonly picked: readonly Valued<C>[]; readonly sum: bigint } | undefined;
  let looks = 0;
  const search = (index: number, picked: readonly Valued<C>[], sum: bigint): void => {
    if (++looks > searchLimit || sum > target + slack || best?.sum === target) return;
    if (sum >= target) {
      if (best === undefined || sum < best.sum) best = { picked, sum };
      return;
    }
    const coin = coins[index];
    if (coin === undefined || sum + (left[index] ?? 0n) < target) return;
    search(index + 1, [...picked, coin], sum + coin.value);
    search(index + 1, picked, sum);
  };
  search(0, [], 0n);
  return best?.picked;
};

const largestFirst = <C>(coins: readonly Valued<C>[], target: bigint): readonly Valued<C>[] => {
  const picked: Valued<C>[] = [];
  let sum = 0n;
  for (const coin of coins) {
    if (sum >= target) break;
    picked.push(coin);
    sum += coin.value;
  }
  return picked;
};

const total = (coins: readonly { readonly amount: Sat }[]): bigint =>
  coins.reduce((sum, { amount }) => sum + amount, 0n);

/**
 * Selects coins. Throws WalletError `insufficient_funds`, with the amount needed, or `bad_feerate`.
 */
export const selectCoins = <C extends { readonly amount: Sat }>(
  available: readonly C[],
  { amount, outputWeight, feerate, leave }: Spending,
): Selection<C> => {
  if (!Number.isInteger(feerate) || feerate < FEERATE_FLOOR || feerate > MOST_FEERATE)
    throw new WalletError({
      code: 'bad_feerate',
      feerate,
      expected: `a whole number from ${FEERATE_FLOOR} to ${MOST_FEERATE}`,
    });
  const inputFee = roundedUpFee(weightOf.input, feerate);
  const valued = available
    .map((coin) => ({ coin, value: coin.amount - inputFee }))
    .filter(({ value }) => value > 0n)
    .sort((a, b) => (a.value < b.value ? 1 : a.value > b.value ? -1 : 0));
  const frameWeight = weightOf.frame + outputWeight;
  const changeWeight = weightOf.output(changeScriptLength);
  const feeFor = (count: number): bigint => roundedUpFee(frameWeight + count * weightOf.input, feerate);
  const short = (needed: bigint) =>
    new WalletError({ code: 'insufficient_funds', needed: sat(needed), available: sat(total(available)) });

  if (amount === 'all') {
    const coins = valued.map(({ coin }) => coin);
    const kept = leave ?? 0n;
    const back = kept > 0n ? roundedUpFee(changeWeight, feerate) + kept : 0n;
    const fee = feeFor(coins.length) + back - kept;
    if (total(coins) <= fee + kept) throw short(feeFor(Math.max(1, coins.length)) + back + 1n);
    return { coins, amount: sat(total(coins) - fee - kept), fee: sat(fee), change: kept > 0n ? leave : undefined };
  }

  const target = amount + roundedUpFee(frameWeight, feerate);
  const slack = roundedUpFee(changeWeight + weightOf.input, feerate);
  const picked = withoutChange(valued, target, slack) ?? largestFirst(valued, target);
  const coins = picked.map(({ coin }) => coin);
  const fee = feeFor(coins.length);
  const rest = total(coins) - amount - fee;
  if (coins.length === 0 || rest < 0n) throw short(amount + feeFor(Math.max(1, valued.length)));
  const changeFee = roundedUpFee(frameWeight + changeWeight + coins.length * weightOf.input, feerate) - fee;
  const least = inputFee > 294n ? inputFee : 294n;
  if (rest - changeFee < least) return { coins, amount, fee: sat(fee + rest), change: undefined };
  return { coins, amount, fee: sat(fee + changeFee), change: sat(rest - changeFee) };
};
