/** What came of the payments of a run, by the size of their amount: rates, means and quantiles. */
import type { SimPayment, SimPlan, SimRun } from './network.ts';

/** Payments of amounts from `least` up to `below`, in sat. Means are per payment, where nothing else is said. */
export interface SummaryRow {
  /** undefined: of all amounts. */
  readonly least: number | undefined;
  readonly below: number | undefined;
  readonly payments: number;
  readonly delivered: number;
  /** Cut off in the middle: something of it arrived. */
  readonly partly: number;
  readonly success_rate: number;
  /** HTLCs offered for each payment, and HTLCs in which one that was delivered arrived. */
  readonly attempts: number;
  readonly shards: number;
  /** Fees of what was delivered, in millionths of it. */
  readonly fee_ppm: number;
  /** Seconds until the payee had all of it, of those that were delivered; absent where none was. */
  readonly median_seconds: number | undefined;
  readonly p95_seconds: number | undefined;
  /** Seconds until the payer knew that, the median of the same. */
  readonly payer_knows_seconds: number | undefined;
  /** What each payment locked in all channels together, sat times seconds. */
  readonly locked_sat_seconds: number;
  /** Sat per second that were delivered, over the time of the whole run. */
  readonly throughput_sat: number;
  /** Of payments cut off in the middle: the part of their amounts that arrived. */
  readonly partly_arrived: number | undefined;
  /** Why payments were not delivered, and how many for each reason. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Summary {
  readonly plan: SimPlan;
  /** Virtual seconds that the run took. */
  readonly seconds: number;
  readonly cut: string | undefined;
  readonly all: SummaryRow;
  /** By powers of ten of the amount; empty where there is one alone. */
  readonly by_amount: readonly SummaryRow[];
}

/** The value below which so much of all lies, of values in order. */
const quantile = (ordered: readonly number[], part: number): number | undefined =>
  ordered[Math.min(ordered.length - 1, Math.max(0, Math.ceil(part * ordered.length) - 1))];

const sumOf = <T>(all: readonly T[], value: (one: T) => number): number =>
  all.reduce((sum, one) => sum + value(one), 0);
const mean = <T>(all: readonly T[], value: (one: T) => number): number =>
  all.length === 0 ? 0 : sumOf(all, value) / all.length;

const rowOf = (payments: readonly SimPayment[], seconds: number, least?: number, below?: number): SummaryRow => {
  const delivered = payments.filter(({ result }) => result === 'delivered');
  const partly = payments.filter(({ result }) => result === 'partly');
  const times = delivered.map(({ begunAt, endedAt }) => (endedAt - begunAt) / 1000).sort((a, b) => a - b);
  const known = delivered
    .flatMap(({ begunAt, knownAt }) => (knownAt === undefined ? [] : [(knownAt - begunAt) / 1000]))
    .sort((a, b) => a - b);
  const value = sumOf(delivered, ({ arrived }) => arrived);
  const failures: Record<string, number> = {};
  for (const { result, why = 'unknown' } of payments)
    if (result !== 'delivered') failures[why] = (failures[why] ?? 0) + 1;
  return {
    ...{ least, below, payments: payments.length, delivered: delivered.length, partly: partly.length },
    success_rate: payments.length === 0 ? 0 : delivered.length / payments.length,
    attempts: mean(payments, ({ attempts }) => attempts),
    shards: mean(delivered, ({ parts }) => parts),
    fee_ppm: value === 0 ? 0 : (sumOf(delivered, ({ fee }) => fee) / value) * 1e6,
    ...{ median_seconds: quantile(times, 0.5), p95_seconds: quantile(times, 0.95) },
    payer_knows_seconds: quantile(known, 0.5),
    locked_sat_seconds: mean(payments, ({ locked }) => locked),
    throughput_sat: seconds === 0 ? 0 : value / 1000 / seconds,
    partly_arrived:
      partly.length === 0 ? undefined : sumOf(partly, ({ arrived }) => arrived) / sumOf(partly, ({ amount }) => amount),
    failures,
  };
};

/** The power of ten that an amount in msat reaches, in sat. */
const powerOf = (amount: number): number => 10 ** (String(Math.max(1, Math.floor(amount / 1000))).length - 1);

/** A run in figures. */
export const summaryOf = ({ plan, payments, took, cut }: SimRun): Summary => {
  const seconds = took / 1000;
  const classes = new Map<number, SimPayment[]>();
  for (const payment of payments) {
    const power = powerOf(payment.amount);
    const same = classes.get(power);
    if (same === undefined) classes.set(power, [payment]);
    else same.push(payment);
  }
  const powers = [...classes].sort(([a], [b]) => a - b);
  return {
    ...{ plan, seconds, cut, all: rowOf(payments, seconds) },
    by_amount: powers.length < 2 ? [] : powers.map(([power, ofPower]) => rowOf(ofPower, seconds, power, 10 * power)),
  };
};
