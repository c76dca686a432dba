/**
 * Amounts and fee rates as people and Core Lightning's clients write them. Exact: integers and decimal texts only, no
 * floating point anywhere. Every function throws RangeError that says what was expected.
 */
import { FEERATE_FLOOR, MAX_MONEY, type Msat, msat, type Sat, sat } from '../../wire/units.ts';

/** Millisatoshi in each unit, as a power of ten. */
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

/** Throws RangeError for an amount above 21 million bitcoin. */
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

/** A fee rate, or a number of blocks to confirm in; `given` is the caller's text, for errors. */
export type Feerate = { readonly given: string } & ({ readonly perkw: number } | { readonly blocks: number });

/** Core Lightning's names for numbers of blocks; `minimum` is the lowest fee rate that is relayed. */
const urgency: Readonly<Record<string, { readonly perkw: number } | { readonly blocks: number }>> = {
  urgent: { blocks: 6 },
  normal: { blocks: 12 },
  slow: { blocks: 100 },
  minimum: { perkw: 0 },
};

/** The highest confirmation target of bitcoind's estimates, blocks. */
const MOST_BLOCKS = 1008;
/** sat per 1,000 weight: bitcoind rejects transactions that pay more (0.10 BTC per 1,000 virtual bytes). */
const MOST_PER_KW = 2_500_000;

const feerateExpected = 'a fee rate such as "normal", "6blocks", "5sat/vb", "1000perkw" or "4000perkb"';

/** sat per 1,000 weight, rounded up, of digits in a unit of the given number of virtual bytes or weight. */
const perKwOf = (digits: string, unit: string | undefined): number => {
  if (unit === 'perkw') return Number(digits);
  // A decimal as a whole number of thousandths: exact, since no more decimals are accepted.
  const [whole = '', fraction = ''] = digits.split('.');
  const thousandths = Number(whole + fraction.padEnd(3, '0'));
  return Math.ceil(unit === undefined || unit === 'perkb' ? thousandths / 4_000 : thousandths / 4);
};

/**
 * "normal", "6blocks", "5sat/vb", "1000perkw", "4000perkb", or a plain number per 1000 virtual bytes. A rate below the default relay
 * minimum, 1 sat per virtual byte and a little for rounding, is raised to that.
 */
export const feerateFrom = (from: unknown): Feerate => {
  const given = typeof from === 'number' ? String(from) : from;
  if (typeof given !== 'string') throw new RangeError(feerateExpected);
  const named = Object.hasOwn(urgency, given) ? urgency[given] : undefined;
  if (named !== undefined) return { ...named, given };
  const [, digits, unit] =
    /^(\d{1,9})(perkw|perkb|blocks)?$/.exec(given) ??
    /^(\d{1,6}(?:\.\d{1,3})?) ?(sat\/vb|sat\/vbyte)$/i.exec(given) ??
    [];
  if (digits === undefined) throw new RangeError(feerateExpected);
  if (unit === 'blocks') {
    const blocks = Number(digits);
    if (blocks < 1 || blocks > MOST_BLOCKS)
      throw new RangeError(`a number of blocks from 1 to ${MOST_BLOCKS}, not ${given}`);
    return { blocks, given };
  }
  const perkw = perKwOf(digits, unit);
  if (perkw > MOST_PER_KW)
    throw new RangeError(`a fee rate of at most ${MOST_PER_KW}perkw (${MOST_PER_KW / 250}sat/vb), not ${given}`);
  return { perkw: Math.max(perkw, FEERATE_FLOOR), given };
};
