/** What came of runs as a picture: how many payments were delivered by amount, and how long it took by redundancy. */
import { type Axis, type Chart, type Series, svgOf } from './chart.ts';
import type { SimPayment, SimPlan, SimRun } from './network.ts';
import { planName } from './report.ts';

/** Amounts fall into so many classes for each factor of ten. */
const CLASSES = 2;
/** A class with fewer payments is not drawn: its rate would say little. */
const LEAST_OF_CLASS = 3;

const quantile = (sorted: readonly number[], part: number): number | undefined =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];

/** The name of a plan without its spare shards, which the second chart has along its axis. */
const familyOf = (plan: SimPlan): string => planName({ ...plan, redundancy: 0 });

/** The class of an amount, and the amount in the middle of it, in sat. */
const classOf = (msat: number): number => Math.floor(Math.log10(Math.max(1, msat / 1000)) * CLASSES);
const middleOf = (of: number): number => 10 ** ((of + 0.5) / CLASSES);

const groups = <T>(all: readonly T[], keyOf: (one: T) => number): ReadonlyMap<number, readonly T[]> => {
  const map = new Map<number, T[]>();
  for (const one of all) map.set(keyOf(one), [...(map.get(keyOf(one)) ?? []), one]);
  return new Map([...map].sort(([a], [b]) => a - b));
};

const satText = (sat: number): string => {
  const [size, unit] = sat >= 1e6 ? [1e6, 'M'] : sat >= 1e3 ? [1e3, 'k'] : [1, ''];
  return `${Number((sat / size).toPrecision(3))}${unit}`;
};

const isDelivered = ({ result }: SimPayment): boolean => result === 'delivered';

const bySuccess = (runs: readonly SimRun[]): Chart => {
  const series = runs.map((run): Series => {
    const classes = [...groups(run.payments, ({ amount }) => classOf(amount))];
    const points = classes
      .filter(([, payments]) => payments.length >= LEAST_OF_CLASS)
      .map(([of, payments]) => [middleOf(of), (100 * payments.filter(isDelivered).length) / payments.length] as const);
    return { label: planName(run.plan), points };
  });
  const amounts = series.flatMap(({ points }) => points.map(([amount]) => amount));
  const least = amounts.length === 0 ? 1 : Math.min(...amounts);
  const most = amounts.length === 0 ? 10 : Math.max(...amounts);
  const [from, to] = least === most ? [least / 2, most * 2] : [least / 1.3, most * 1.3];
  const round = Array.from({ length: 32 }, (_, n) => (n % 2 === 0 ? 1 : 3) * 10 ** Math.floor(n / 2));
  const ticks = round.filter((tick) => tick >= from && tick <= to);
  return {
    title: 'Payments delivered, by amount',
    x: {
      label: 'amount, sat',
      scale: 'log',
      from,
      to,
      ticks: ticks.length > 1 ? ticks : [least, most],
      text: satText,
    },
    y: {
      label: 'delivered',
      scale: 'linear',
      from: 0,
      to: 100,
      ticks: [0, 25, 50, 75, 100],
      text: (part) => `${part} %`,
    },
    series,
  };
};

/** Round numbers from zero to a little above `most`, four to nine of them. */
const ticksTo = (most: number): readonly number[] => {
  const rough = 10 ** Math.floor(Math.log10(most > 0 ? most : 1));
  const step = [0.2, 0.5, 1].map((part) => part * rough).find((one) => most / one <= 8) ?? rough;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, n) => Number((n * step).toPrecision(6)));
};

const byRedundancy = (runs: readonly SimRun[]): Chart => {
  const families = [...new Set(runs.map(({ plan }) => familyOf(plan)))];
  const times = (run: SimRun): readonly number[] =>
    run.payments
      .filter(isDelivered)
      .map(({ begunAt, endedAt }) => (endedAt - begunAt) / 1000)
      .sort((a, b) => a - b);
  const series = families.flatMap((family, look): readonly Series[] => {
    const own = runs
      .filter(({ plan }) => familyOf(plan) === family)
      .sort((a, b) => a.plan.redundancy - b.plan.redundancy);
    const line = (part: number) => own.map((run) => [run.plan.redundancy, quantile(times(run), part)] as const);
    return [
      { label: `${family}: median`, points: line(0.5), look },
      { label: `${family}: 95 %`, points: line(0.95), look, dashed: true },
    ];
  });
  const extras = [...new Set(runs.map(({ plan }) => plan.redundancy))].sort((a, b) => a - b);
  const seconds = ticksTo(Math.max(0.001, ...series.flatMap(({ points }) => points.map(([, y]) => y ?? 0))));
  const [first = 0, last = 0] = [extras[0], extras.at(-1)];
  const margin = first === last ? 1 : (last - first) / 20;
  const x: Axis = {
    label: 'redundant shards',
    ...{ scale: 'linear' as const, from: first - margin, to: last + margin },
    ...{ ticks: extras, text: String },
  };
  return {
    title: 'Time to completion, by redundancy',
    x,
    y: { label: 'seconds', scale: 'linear', from: 0, to: seconds.at(-1) ?? 1, ticks: seconds, text: String },
    series,
  };
};

/**
 * A picture of runs as SVG, with two charts: the part of payments that was delivered by amount, a line for each plan, and the median
 * and the 95 % quantile of the time to completion by redundancy, for each strategy and scheme. `note` stands below, in one line.
 */
export const drawingOf = (runs: readonly SimRun[], note: string): string =>
  svgOf([bySuccess(runs), byRedundancy(runs)], note);
