/** Amounts, times and names as the page writes them. */
import type { Amount } from './rows.ts';

const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, ',');

/** Millisatoshi as satoshi, with decimals where there are any: 1500250 as 1,500.25. */
export const sat = (msat: Amount | bigint): string => {
  const amount = BigInt(msat);
  const rest = `${amount % 1000n}`.padStart(3, '0').replace(/0+$/, '');
  return `${grouped(`${amount / 1000n}`)}${rest === '' ? '' : `.${rest}`}`;
};

/** Millisatoshi in few characters: 600k, 1.25M. */
export const short = (msat: Amount | bigint): string => {
  const amount = Number(msat) / 1000;
  if (amount >= 1e8) return `${trimmed(amount / 1e8)} btc`;
  if (amount >= 1e6) return `${trimmed(amount / 1e6)}M`;
  if (amount >= 1e4) return `${trimmed(amount / 1e3, 1)}k`;
  return grouped(`${Math.round(amount)}`);
};
const trimmed = (n: number, digits = 2): string => `${Number(n.toFixed(digits))}`;

/** The first and last digits of something long. */
export const cut = (id: string, each = 6): string =>
  id.length <= 2 * each + 1 ? id : `${id.slice(0, each)}…${id.slice(-each)}`;

/** Seconds as 12 ms, 1.25 s, 3 min. */
export const duration = (seconds: number): string => {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${trimmed(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
};

/** What Core Lightning's names of states mean. */
const states: Readonly<Record<string, string>> = {
  OPENINGD: 'opening',
  CHANNELD_AWAITING_LOCKIN: 'waits for confirmations',
  CHANNELD_NORMAL: 'open',
  CHANNELD_SHUTTING_DOWN: 'closing',
  CLOSINGD_SIGEXCHANGE: 'closing',
  CLOSINGD_COMPLETE: 'closing transaction published',
  AWAITING_UNILATERAL: 'commitment published',
  FUNDING_SPEND_SEEN: 'spent',
  ONCHAIN: 'on chain',
};
export const stateWords = (state: string): string => states[state] ?? state;

export const statusWords = { pending: 'under way', complete: 'complete', failed: 'failed' } as const;
