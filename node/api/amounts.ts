/**
 * Amounts and fee rates as people and Core Lightning's clients write them. Exact: integers and decimal texts only, no
 * floating point anywhere. Every function throws RangeError that says what was expected.
 */
import { MAX_MONEY, type Msat, msat, type Sat, sat } from '../../wire/units.ts';

/** How many millisatoshi one of a unit holds, as a power of ten. */
const powers = { msat: 0, sat: 3, btc: 11 } as const;
type Unit = keyof typeof powers;

const expected = {
  msat: 'an amount such as 1000 (millisatoshi), "1000msat", "1.5sat" or "0.001btc"',
  sat: 'an amount such as 1000 (satoshi), "1000sat", "1000000msat" or "0.001btc"',
} as const;

const isUnit = (text: string): text is Unit => Object.hasOwn(powers, text);

/** A whole number of millisatoshi from "12.5sat"; a text without unit counts in `plain`. */
const parse = (given: unknown, plain: 'msat' | 'sat'): bigint => {
  if (typeof given === 'bigint') return given * 10n ** BigInt(powers[plain]);
  if (typeof given === 'number') {
    if (Number.isInteger(given) && !Number.isSafeInteger(given))
      throw new RangeError('an integer above 2^53 as text, since a JSON number of that size is not exact');
    if (!Number.isInteger(given)) throw new RangeError(expected[plain]);
    return parse(BigInt(given), plain);
  }
  if (typeof given !== 'string' || given.length > 40) throw new RangeError(expected[plain]);
  const [, whole, fraction = '', suffix] = /^(\d+)(?:\.(\d+))?(msat|sat|btc)?$/.exec(given) ?? [];
  if (whole === undefined) throw new RangeError(expected[plain]);
  const unit = suffix !== undefined && isUnit(suffix) ? suffix : plain;
  if (fraction.length > powers[unit]) throw new RangeError(`at most ${powers[unit]} decimals behind ${unit}`);
  return BigInt(whole + fraction) * 10n ** BigInt(powers[unit] - fraction.length);
};

/** No amount is above all there can ever be. */
const inRange = (amount: bigint): bigint => {
  if (amount < 0n || amount > MAX_MONEY) throw new RangeError('an amount from 0 to 21 million bitcoin');
  return amount;
};

/** Millisatoshi from an integer, or from digits with or without `msat`, `sat` (3 decimals) or `btc` (11 decimals). */
export const msatFrom = (given: unknown): Msat => msat(inRange(parse(given, 'msat')));

/** Whole satoshi from an integer, or from digits with or without `sat`, `msat` (a multiple of 1000) or `btc`. */
export const satFrom = (given: unknown): Sat => {
  const amount = inRange(parse(given, 'sat'));
  if (amount % 1000n !== 0n) throw new RangeError('a whole number of satoshi');
  return sat(amount / 1000n);
};

/** A fee rate stated, or asked for as a time to confirmation. */
export type Feerate = { readonly perkw: number } | { readonly blocks: number };

/** Core Lightning's words for a number of blocks. */
const urgency: Readonly<Record<string, Feerate>> = {
  urgent: { blocks: 6 },
  normal: { blocks: 12 },
  slow: { blocks: 100 },
  minimum: { perkw: 253 },
};

/** Blocks ahead that bitcoind makes an estimate for, at most. */
const MOST_BLOCKS = 1008;
/** sat per 1,000 weight: bitcoind takes no transaction that pays more (0.10 BTC per 1,000 virtual bytes). */
const MOST_PER_KW = 2_500_000;

/** "normal", "6blocks", "1000perkw", "4000perkb" or a plain number, which counts per 1000 virtual bytes. */
export const feerateFrom = (given: unknown): Feerate => {
  const text = typeof given === 'number' ? String(given) : given;
  if (typeof text !== 'string') throw new RangeError(feerateExpected);
  const named = Object.hasOwn(urgency, text) ? urgency[text] : undefined;
  if (named !== undefined) return named;
  const [, digits, unit] = /^(\d{1,9})(perkw|perkb|blocks)?$/.exec(text) ?? [];
  if (digits === undefined) throw new RangeError(feerateExpected);
  const n = Number(digits);
  if (unit === 'blocks') {
    if (n < 1 || n > MOST_BLOCKS) throw new RangeError(`a number of blocks from 1 to ${MOST_BLOCKS}`);
    return { blocks: n };
  }
  const perkw = unit === 'perkw' ? n : Math.ceil(n / 4);
  if (perkw < 1 || perkw > MOST_PER_KW) throw new RangeError(`a fee rate from 1perkw to ${MOST_PER_KW}perkw`);
  return { perkw };
};
const feerateExpected = 'a fee rate such as "normal", "6blocks", "1000perkw" or "4000perkb"';
