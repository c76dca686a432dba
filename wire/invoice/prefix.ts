/** BOLT 11, "Human-Readable Part": the chain and, if the payee names one, the amount. */
import type { ChainName } from '../chains.ts';
import { MAX_MONEY, type Msat, msat } from '../units.ts';
import { InvoiceError } from './errors.ts';

export interface Prefix {
  readonly network: ChainName;
  /** Undefined leaves it to the payer. */
  readonly amount: Msat | undefined;
}

const currencies: Readonly<Record<ChainName, string>> = {
  bitcoin: 'bc',
  testnet: 'tb',
  signet: 'tbs',
  regtest: 'bcrt',
};
const networks = new Map(Object.entries(currencies).map(([network, currency]) => [currency, network as ChainName]));

/** What one unit is worth, in tenths of a millisatoshi (10^-12 bitcoin), largest first. */
const multipliers: readonly (readonly [letter: string, value: bigint])[] = [
  ['', 1_000_000_000_000n],
  ['m', 1_000_000_000n],
  ['u', 1_000_000n],
  ['n', 1_000n],
  ['p', 1n],
];

const readAmount = (amount: string): Msat => {
  const [, digits, letter = ''] = /^([1-9][0-9]{0,20})([^0-9]?)$/.exec(amount) ?? [];
  if (digits === undefined) throw new InvoiceError({ code: 'bad_amount', amount });
  const multiplier = multipliers.find(([name]) => name === letter);
  if (multiplier === undefined) throw new InvoiceError({ code: 'unknown_multiplier', amount });
  const tenths = BigInt(digits) * multiplier[1];
  if (tenths % 10n !== 0n) throw new InvoiceError({ code: 'sub_millisatoshi', amount });
  if (tenths / 10n > MAX_MONEY) throw new InvoiceError({ code: 'bad_amount', amount });
  return msat(tenths / 10n);
};

/** Reads `lnbc2500u` and the like. Throws InvoiceError for an unknown chain or an amount that HTLCs cannot carry. */
export const readPrefix = (prefix: string): Prefix => {
  const [, currency = '', amount = ''] = /^ln([a-z]+)(.*)$/.exec(prefix) ?? [];
  const network = networks.get(currency);
  if (network === undefined) throw new InvoiceError({ code: 'unknown_prefix', prefix });
  return { network, amount: amount === '' ? undefined : readAmount(amount) };
};

/** Writes an amount as short as possible: with the largest multiplier that divides it. Throws InvoiceError for zero or more than there is. */
export const writePrefix = ({ network, amount }: Prefix): string => {
  const chain = `ln${currencies[network]}`;
  if (amount === undefined) return chain;
  if (amount === 0n || amount > MAX_MONEY) throw new InvoiceError({ code: 'bad_amount', amount: `${amount}` });
  const tenths = amount * 10n;
  const [letter, value] = multipliers.find(([, unit]) => tenths % unit === 0n) ?? ['p', 1n];
  return `${chain}${tenths / value}${letter}`;
};
