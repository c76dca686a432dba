/** What a simulation is asked for, from the texts of its flags: each is checked, and what cannot be is named with what was expected. */
import { schemes as everyScheme, schemeNames } from '../../amp/schemes.ts';
import { defaultStrategy, strategies as everyStrategy } from '../../amp/strategies.ts';
import type { Strategies } from '../../amp/strategy.ts';
import type { Conditions } from './flights.ts';
import { defaultLatency, readLatency } from './latency.ts';
import { type BalanceModel, balanceModels, type HtlcLimits } from './liquidity.ts';
import type { SimPlan } from './network.ts';
import { defaultTerms, isAmp, type PayTerms, spareStrategy } from './requests.ts';
import { type StatusKind, statusKinds } from './status.ts';

/** A flag that cannot be what was meant: `fault.field` is its name, and the message says what was expected. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly fault: { readonly code: 'bad_option'; readonly field: string };
  constructor(field: string, expected: string, got?: string) {
    super(`--${field}: expected ${expected}${got === undefined ? '' : `, got '${got.slice(0, 60)}'`}`);
    this.fault = { code: 'bad_option', field };
  }
}

/** The flags as they are given, each a text; those that are not there are as `defaults` has them. */
export type Flags = Readonly<Partial<Record<keyof typeof defaults, string>>>;

/** What each flag is where it is not given. */
export const defaults = {
  payments: '1000',
  amount: '10k..1M',
  strategies: `single,packets,${[...everyStrategy.values()].filter((one) => !one.needsShards).map(({ name }) => name)}`,
  schemes: 'tree',
  redundancy: '0',
  status: 'none',
  seed: '1',
  balances: 'uniform',
  latency: 'tail:150:0.6',
  rate: 'none',
  slots: '483',
  inflight: '1',
  failures: '0',
  stuck: '0',
  deadline: '60',
  shards: 'auto',
  maxfeepercent: '0.5',
} as const;

/** A simulation that can be made. Amounts in msat. */
export interface Settings {
  readonly payments: number;
  readonly least: number;
  readonly most: number;
  readonly seed: number;
  readonly rate: number | undefined;
  readonly balances: BalanceModel;
  readonly limits: HtlcLimits;
  readonly conditions: Conditions;
  readonly terms: PayTerms;
  readonly plans: readonly SimPlan[];
}

const MOST_PAYMENTS = 1_000_000;
const MOST_LIST = 32;
/** 21 million bitcoin. */
const MOST_SAT = 2_100_000_000_000_000;

const numberIn = (field: string, text: string, least: number, most: number, whole = false): number => {
  const value = /^\d{1,16}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value)))
    throw new SettingsError(field, `a ${whole ? 'whole ' : ''}number from ${least} to ${most}`, text);
  return value;
};

const units = { '': 1, k: 1000, M: 1_000_000 } as const;

/** Sat with k or M behind them. */
const satIn = (text: string): number | undefined => {
  const found = /^(\d{1,16}(?:\.\d{1,6})?)(k|M|)$/.exec(text);
  if (found === null) return undefined;
  const sat = Number(found[1]) * units[found[2] as keyof typeof units];
  return Number.isInteger(sat) && sat >= 1 && sat <= MOST_SAT ? sat : undefined;
};

const amountIn = (text: string): readonly [least: number, most: number] => {
  const [first = '', last = first, ...more] = text.split('..');
  const [least, most] = [satIn(first), satIn(last)];
  if (least === undefined || most === undefined || most < least || more.length > 0)
    throw new SettingsError('amount', 'satoshi, or the least and the most as in 10k..10M', text);
  return [least * 1000, most * 1000];
};

const listIn = (field: string, text: string): readonly string[] => {
  const words = [...new Set(text.split(',').map((word) => word.trim()))];
  if (words.includes('') || words.length > MOST_LIST)
    throw new SettingsError(field, `at most ${MOST_LIST} values with commas between them`, text);
  return words;
};

const oneOf = <T extends string>(field: string, known: readonly T[], word: string): T => {
  const found = known.find((one) => one === word);
  if (found === undefined) throw new SettingsError(field, `one of ${known.join(', ')}`, word);
  return found;
};

/**
 * Which plans there are: single HTLCs and packets know no scheme and have no spare shards, and with these there is one plan for `flow` and one
 * for all others that are wanted, since those would be the same.
 */
const plansOf = (
  strategies: readonly string[],
  schemes: readonly string[],
  extras: readonly number[],
): readonly SimPlan[] => {
  const plans: SimPlan[] = [];
  for (const strategy of strategies) {
    if (strategy === 'single' || strategy === 'packets') plans.push({ strategy, scheme: 'single', redundancy: 0 });
    else if (extras.includes(0)) for (const scheme of schemes) plans.push({ strategy, scheme, redundancy: 0 });
  }
  const cutting = strategies.filter((strategy) => strategy !== 'single' && strategy !== 'packets').map(spareStrategy);
  const withSpare = new Set(cutting.length === 0 ? [defaultStrategy] : cutting);
  for (const redundancy of extras)
    for (const scheme of schemes)
      if (redundancy > 0 && everyScheme.get(scheme)?.needsAny === true)
        for (const strategy of withSpare) plans.push({ strategy, scheme, redundancy });
  return plans;
};

/** Each plan with each kind of a status session; those that are no AMPs have none. */
const withStatus = (plans: readonly SimPlan[], kinds: readonly StatusKind[]): readonly SimPlan[] =>
  plans.flatMap((plan) =>
    isAmp(plan) ? kinds.map((status) => (status === 'none' ? plan : { ...plan, status })) : [plan],
  );

/** Reads the flags; `own` are strategies beside those that every node has, which are simulated too. Throws SettingsError. */
export const settingsOf = (flags: Flags, own: Strategies = new Map()): Settings => {
  const given = { ...defaults, ...flags };
  const { terms: someTerms } = { terms: defaultTerms };
  const [least, most] = amountIn(given.amount);
  const names = ['single', 'packets', ...everyStrategy.keys(), ...own.keys()];
  const chosen = new Set([...listIn('strategies', given.strategies), ...own.keys()]);
  const strategies = [...chosen].map((word) => oneOf('strategies', names, word));
  const known = [...schemeNames, 'mpp'];
  const schemes = listIn('schemes', given.schemes).map((word) => oneOf('schemes', known, word));
  const extras = listIn('redundancy', given.redundancy).map((word) => numberIn('redundancy', word, 0, 100, true));
  const latency = readLatency(given.latency);
  if (latency === undefined)
    throw new SettingsError('latency', 'milliseconds as in 100, 50..300 or tail:150:0.6', given.latency);
  const shards = given.shards === 'auto' ? undefined : numberIn('shards', given.shards, 1, 255, true);
  const needing = strategies.find((name) => everyStrategy.get(name)?.needsShards ?? own.get(name)?.needsShards);
  if (needing !== undefined && shards === undefined)
    throw new SettingsError('shards', `the number of parts that strategy ${needing} is to cut an amount into`);
  if (extras.some((n) => n > 0) && !schemes.some((name) => everyScheme.get(name)?.needsAny === true))
    throw new SettingsError('schemes', 'threshold among them, of which any so many shards will do, for spare shards');
  const maxShards = Math.max(someTerms.maxShards, shards ?? 0) + Math.max(...extras);
  if (maxShards > 255) throw new SettingsError('redundancy', 'no more than 255 shards in all');
  const kinds = listIn('status', given.status).map((word) => oneOf('status', statusKinds, word));
  const plans = withStatus(plansOf(strategies, schemes, extras), kinds);
  if (plans.length === 0) throw new SettingsError('redundancy', '0 among them, for strategies without spare shards');
  return {
    payments: numberIn('payments', given.payments, 1, MOST_PAYMENTS, true),
    ...{ least, most, plans },
    seed: numberIn('seed', given.seed, 0, Number.MAX_SAFE_INTEGER, true),
    rate: given.rate === 'none' ? undefined : numberIn('rate', given.rate, 0.000001, 1_000_000),
    balances: oneOf('balances', balanceModels, given.balances),
    limits: {
      slots: numberIn('slots', given.slots, 1, 483, true),
      inFlight: numberIn('inflight', given.inflight, 0.001, 1),
    },
    conditions: {
      latency: latency ?? defaultLatency,
      failures: numberIn('failures', given.failures, 0, 1),
      stuck: numberIn('stuck', given.stuck, 0, 1),
      stuckFor: 30_000,
    },
    terms: {
      ...someTerms,
      ...{ shards, maxShards },
      deadline: numberIn('deadline', given.deadline, 1, 86_400, true),
      maxFeePart: numberIn('maxfeepercent', given.maxfeepercent, 0, 100) / 100,
    },
  };
};
