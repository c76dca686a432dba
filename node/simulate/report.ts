/** Summaries as a table for people. */
import { type Column, type Place, tableLines } from '../base/table.ts';
import type { SimPlan } from './network.ts';
import type { Summary, SummaryRow } from './summary.ts';

/** A plan in one word: `halving/tree`, `outlets/threshold+2`, `equal/tree?perfect` with a status session. */
export const planName = ({ strategy, scheme, redundancy, status = 'none' }: SimPlan): string => {
  const how = scheme === 'single' ? strategy : `${strategy}/${scheme}`;
  return `${how}${redundancy > 0 ? `+${redundancy}` : ''}${status === 'none' ? '' : `?${status}`}`;
};

/** A number in at most five characters or so. */
const brief = (value: number): string => {
  if (value >= 1e12) return value.toExponential(1).replace('e+', 'e');
  const [scaled, unit] =
    value >= 1e9
      ? [value / 1e9, 'G']
      : value >= 1e6
        ? [value / 1e6, 'M']
        : value >= 1e4
          ? [value / 1e3, 'k']
          : [value, ''];
  return `${scaled >= 100 || (unit === '' && Number.isInteger(scaled)) ? Math.round(scaled) : scaled.toFixed(scaled >= 10 ? 1 : 2)}${unit}`;
};

const powerText = (sat: number): string => (sat >= 1e6 ? `${sat / 1e6}M` : sat >= 1e3 ? `${sat / 1e3}k` : String(sat));

interface Line {
  readonly name: string;
  readonly row: SummaryRow;
}

const seconds = (value: number | undefined): string =>
  value === undefined ? '-' : value.toFixed(value >= 100 ? 0 : 1);

const columns: readonly Column<Line>[] = [
  { title: 'plan', cell: ({ name }) => name, cut: true },
  {
    title: 'from',
    cell: ({ row: { least } }) => (least === undefined ? 'all' : powerText(least)),
    right: true,
  },
  { title: 'n', cell: ({ row }) => String(row.payments), right: true, drop: 6 },
  { title: 'ok %', cell: ({ row }) => (100 * row.success_rate).toFixed(1), right: true },
  { title: 'tries', cell: ({ row }) => brief(row.attempts), right: true },
  { title: 'parts', cell: ({ row }) => (row.delivered === 0 ? '-' : brief(row.shards)), right: true, drop: 2 },
  { title: 'ppm', cell: ({ row }) => (row.delivered === 0 ? '-' : String(Math.round(row.fee_ppm))), right: true },
  { title: 'med s', cell: ({ row }) => seconds(row.median_seconds), right: true },
  { title: 'p95 s', cell: ({ row }) => seconds(row.p95_seconds), right: true },
  { title: 'sat·s', cell: ({ row }) => brief(row.locked_sat_seconds), right: true, drop: 3 },
  { title: 'sat/s', cell: ({ row }) => brief(row.throughput_sat), right: true, drop: 1 },
];

const failuresText = ({ failures }: SummaryRow): string =>
  Object.entries(failures)
    .sort(([, a], [, b]) => b - a)
    .map(([why, count]) => `${count} ${why.replaceAll('_', ' ')}`)
    .join(', ');

/** The lines of a report: a table, then what a table has no room for. */
export const reportLines = (summaries: readonly Summary[], place: Place): readonly string[] => {
  const lines = summaries.flatMap(({ plan, all, by_amount }): Line[] => {
    const name = planName(plan);
    return [
      ...by_amount.map((row, i) => ({ name: i === 0 ? name : '', row })),
      { name: by_amount.length > 0 ? '' : name, row: all },
    ];
  });
  const notes = summaries.flatMap(({ plan, all, cut }) => [
    ...(cut === undefined
      ? []
      : [`${planName(plan)}: ended after ${all.payments} ${all.payments === 1 ? 'payment' : 'payments'}: ${cut}`]),
    ...(all.partly_arrived === undefined
      ? []
      : [
          `${planName(plan)}: ${all.partly} cut off, ${(100 * all.partly_arrived).toFixed(0)} % of their amounts arrived`,
        ]),
    ...(Object.keys(all.failures).length === 0 ? [] : [`${planName(plan)}: ${failuresText(all)}`]),
  ]);
  return [...tableLines(columns, lines, place), ...(notes.length === 0 ? [] : ['', ...notes])];
};
