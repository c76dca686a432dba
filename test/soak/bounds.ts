/** What a node must be like under attack, and the table that says whether it was. */
import type { Soaked } from './soak.ts';
import { quantile } from './watching.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The most it may be; undefined for what is only told. */
  readonly most?: number;
  /** A matter of speed: it means nothing on a machine that has something else to do. */
  readonly speed?: boolean;
}

const MB = 1_000_000;

/** Everything that was measured, with its bounds. */
export const figuresOf = (soaked: Soaked): readonly Figure[] => {
  const { memory, answers, payments, newcomers, blocks, processor, written } = soaked;
  const times = (name: string, took: readonly number[], most?: number): readonly Figure[] => [
    { name: `${name}, median`, value: quantile(took, 0.5), unit: 'ms' },
    {
      name: `${name}, 99 of 100`,
      value: quantile(took, 0.99),
      unit: 'ms',
      speed: true,
      ...(most !== undefined && { most }),
    },
    { name: `${name}, slowest`, value: quantile(took, 1), unit: 'ms' },
  ];
  return [
    { name: 'memory before', value: memory.before / MB, unit: 'MB' },
    { name: 'memory, most', value: memory.most / MB, unit: 'MB', most: 400 },
    { name: 'getinfo answered', value: answers.took.length, unit: '' },
    { name: 'getinfo not answered', value: answers.failures.length, unit: '', most: 0 },
    ...times('getinfo', answers.took, 200),
    { name: 'payments made', value: payments.took.length, unit: '' },
    { name: 'payments lost', value: payments.lost.length, unit: '', most: 0 },
    ...times('payment', payments.took, 10_000),
    { name: 'strangers answered', value: newcomers.took.length, unit: '' },
    { name: 'strangers turned away', value: newcomers.turnedAway, unit: '', most: 0 },
    ...times('stranger', newcomers.took),
    { name: 'blocks', value: blocks.length, unit: '' },
    { name: 'block seen after, slowest', value: quantile(blocks, 1), unit: 'ms', most: 2_000, speed: true },
    ...(processor === undefined ? [] : [{ name: 'core used', value: processor * 100, unit: '%' }]),
    { name: 'log grew by', value: written.log / MB, unit: 'MB', most: 20 },
    { name: 'store grew by', value: written.store / MB, unit: 'MB', most: 100 },
    { name: 'errors inside the node', value: soaked.mistakes.length, unit: '', most: 0 },
    { name: 'deaths', value: soaked.died ? 1 : 0, unit: '', most: 0 },
    { name: 'stopped after', value: soaked.stop, unit: 'ms', most: 10_000, speed: true },
    { name: 'started again after', value: soaked.start, unit: 'ms' },
    { name: 'honest channels lost', value: soaked.channels.all - soaked.channels.usable, unit: '', most: 0 },
  ];
};

/** Whether a figure is beyond its bound. */
export const isBroken = ({ value, most }: Figure): boolean => most !== undefined && !(value <= most);

const text = (value: number): string =>
  value.toLocaleString('en-US', value < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });

/** The figures as lines, and what was done to the node. */
export const tableOf = (soaked: Soaked): readonly string[] => {
  const rows = figuresOf(soaked).map((figure) => [
    figure.name,
    text(figure.value),
    figure.unit,
    figure.most === undefined ? '' : `at most ${text(figure.most)}`,
    isBroken(figure) ? 'BROKEN' : '',
  ]);
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => (at === 1 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const done = Object.entries(soaked.done).map(
    ([name, { connections, messages }]) =>
      `  ${name.padEnd(20)}  ${text(connections).padStart(9)} connections  ${text(messages).padStart(11)} messages`,
  );
  const told = [...new Set([...soaked.payments.lost, ...soaked.answers.failures, ...soaked.mistakes])].slice(0, 10);
  return [...lines, '', 'What was done to it:', ...done, ...(told.length > 0 ? ['', 'What went wrong:', ...told] : [])];
};
