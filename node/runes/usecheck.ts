/**
 * What a rune is asked for when it is used: the fields that its restrictions are about, as Core Lightning names them. `time`, `id`,
 * `method`, `pnum`, `rate` and `per`; `pnameX` for a parameter by name and `parrN` by place; `pinvX_amount`, `pinvX_description` and
 * `pinvX_node` for what the invoice in a parameter says.
 */
import { hex } from '../../wire/bytes.ts';
import { InvoiceError } from '../../wire/invoice/errors.ts';
import { decodeInvoice, type Invoice } from '../../wire/invoice.ts';
import type { Point } from '../../wire/units.ts';
import { type Complaint, complaintOf, type FieldValue } from './conditions.ts';
import type { Alternative } from './rune.ts';

/** A call that somebody wants to make with a rune. What is left out is missing for the rune's restrictions. */
export interface RuneUse {
  readonly method?: string | undefined;
  /** By name or by place, as they came. */
  readonly params?: unknown;
  /** The names of the method's parameters, in the order in which they are given by place. */
  readonly names?: readonly string[] | undefined;
  /** Other names that parameters of the method go by, to their own: a restriction of one name holds for both. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** The peer that asks. */
  readonly peer?: Point | undefined;
}

/** When it is: milliseconds since 1970, and the last time that a rune of this id was used; undefined where it never was. */
export interface RuneTimes {
  readonly now: number;
  readonly last: number | undefined;
}

const MINUTE = 60_000_000_000n;

/** Nanoseconds of the units of `per`; seconds where none is given. */
const units: Readonly<Record<string, bigint>> = {
  '': 1_000_000_000n,
  nsec: 1n,
  usec: 1_000n,
  msec: 1_000_000n,
  sec: 1_000_000_000n,
  min: MINUTE,
  hour: 60n * MINUTE,
  day: 24n * 60n * MINUTE,
};

const MOST = 2n ** 32n - 1n;

const countIn = (digits: string): bigint | undefined => {
  const count = /^\d{1,10}$/.test(digits) ? BigInt(digits) : 0n;
  return count > 0n && count < MOST ? count : undefined;
};

const tooSoon = (gap: bigint, { now, last }: RuneTimes): Complaint => {
  if (last === undefined) return undefined;
  // A clock that was set back makes nothing older than it is.
  const since = BigInt(Math.max(0, now - last)) * 1_000_000n;
  return since < gap ? 'too soon' : undefined;
};

const perComplaint = ({ condition, value }: Alternative, times: RuneTimes): Complaint => {
  if (condition !== '=') return 'per operator must be =';
  const [, digits = '', suffix = ''] = /^(\d*)(.*)$/s.exec(value) ?? [];
  const count = countIn(digits);
  if (count === undefined) return 'malformed per';
  const unit = Object.hasOwn(units, suffix) ? units[suffix] : undefined;
  return unit === undefined ? 'malformed suffix' : tooSoon(count * unit, times);
};

const rateComplaint = ({ condition, value }: Alternative, times: RuneTimes): Complaint => {
  if (condition !== '=') return 'rate operator must be =';
  const perMinute = countIn(value);
  return perMinute === undefined ? 'malformed rate' : tooSoon(MINUTE / perMinute, times);
};

const fieldValue = (given: unknown): FieldValue => {
  if (given === undefined || given === null) return undefined;
  if (typeof given === 'bigint') return given;
  if (typeof given === 'number' && Number.isSafeInteger(given)) return BigInt(given);
  return typeof given === 'string' ? given : JSON.stringify(given);
};

/** What restrictions may call a parameter of this name: they could not hold an underscore once, and runes from then are still about. */
const spellings = (name: string): readonly string[] => [`pname${name}`, `pname${name.replace(/[!-/:-@[-`{-~]/g, '')}`];

/** The parameters by the names that restrictions have for them: a restriction holds for a parameter whether it is given by name or by place. */
const paramFields = ({ params, names = [], aliases = {} }: RuneUse): ReadonlyMap<string, unknown> => {
  const fields = new Map<string, unknown>();
  if (typeof params !== 'object' || params === null) return fields;
  if (Array.isArray(params)) {
    for (const [at, value] of params.entries()) {
      const name = names[at];
      for (const field of [`parr${at}`, ...(name === undefined ? [] : spellings(name))]) fields.set(field, value);
    }
    return fields;
  }
  for (const [given, value] of Object.entries(params)) {
    const own = Object.hasOwn(aliases, given) ? (aliases[given] ?? given) : given;
    const at = names.indexOf(own);
    for (const field of [...spellings(given), ...spellings(own), ...(at < 0 ? [] : [`parr${at}`])])
      fields.set(field, value);
  }
  return fields;
};

const paramCount = (params: unknown): bigint => {
  if (typeof params !== 'object' || params === null) return 0n;
  return BigInt(Array.isArray(params) ? params.length : Object.keys(params).length);
};

const invoiceFields: Readonly<Record<string, (invoice: Invoice) => FieldValue>> = {
  amount: ({ amount }) => amount,
  description: ({ description }) => description,
  node: ({ payee }) => hex(payee),
};

/** Remembers what was made of each key. */
const once = <T>(make: (key: string) => T): ((key: string) => T) => {
  const made = new Map<string, T>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined || made.has(key)) return known as T;
    const value = make(key);
    made.set(key, value);
    return value;
  };
};

/** The invoice in a text, or why there is none. */
const invoiceIn = (given: unknown): Invoice | InvoiceError => {
  try {
    return decodeInvoice(typeof given === 'string' ? given : '');
  } catch (error) {
    if (error instanceof InvoiceError) return error;
    throw error;
  }
};

const invoiceComplaint = (
  alternative: Alternative,
  fields: ReadonlyMap<string, unknown>,
  invoiceOf: (param: string) => Invoice | InvoiceError,
): Complaint => {
  const named = alternative.field.slice('pinv'.length);
  const [, param, of = ''] = /^(.*)_([a-z]+)$/s.exec(named) ?? [];
  const read = Object.hasOwn(invoiceFields, of) ? invoiceFields[of] : undefined;
  if (param === undefined || read === undefined) return `Unknown invoice field ${named}`;
  if (fields.get(`pname${param}`) === undefined) return `Unknown invoice parameter ${param}`;
  const invoice = invoiceOf(param);
  return invoice instanceof InvoiceError
    ? `Invalid invoice: ${invoice.message}`
    : complaintOf(alternative, read(invoice));
};

/** A check of alternatives for one use of a rune. Each parameter is read once, however many alternatives are about it. */
export const useCheck = (use: RuneUse, times: RuneTimes): ((alternative: Alternative) => Complaint) => {
  const fields = paramFields(use);
  const fieldOf = once((field) => fieldValue(fields.get(field)));
  const invoiceOf = once((param) => invoiceIn(fields.get(`pname${param}`)));
  return (alternative) => {
    const { field } = alternative;
    if (field === 'time') return complaintOf(alternative, BigInt(Math.floor(times.now / 1000)));
    if (field === 'id') return complaintOf(alternative, use.peer === undefined ? undefined : hex(use.peer));
    if (field === 'method') return complaintOf(alternative, use.method);
    if (field === 'pnum') return complaintOf(alternative, paramCount(use.params));
    if (field === 'rate') return rateComplaint(alternative, times);
    if (field === 'per') return perComplaint(alternative, times);
    if (field.startsWith('pinv')) return invoiceComplaint(alternative, fields, invoiceOf);
    return complaintOf(alternative, fieldOf(field));
  };
};

/** A complaint about fields in the words of people. */
export const spoken = (complaint: string): string =>
  complaint
    .replace(/^pname/, 'parameter ')
    .replace(/^parr/, 'parameter #')
    .replace(/^pnum/, 'number of parameters')
    .replace(/^pinv/, 'invoice parameter ');
