/** Pictures of runs: SVG that any program can read, with every plan in it, whatever the figures and names are. */
import { describe, expect, test } from 'vitest';
import { MOST_SERIES } from '../../../node/simulate/chart.ts';
import { drawingOf } from '../../../node/simulate/drawing.ts';
import type { SimPayment, SimPlan, SimRun } from '../../../node/simulate/network.ts';

const payment = (sat: number, result: SimPayment['result'], seconds: number): SimPayment => ({
  ...{ payer: 0, payee: 1, amount: sat * 1000, result, why: undefined, arrived: 0, fee: 0, attempts: 1, parts: 1 },
  ...{ begunAt: 500, endedAt: 500 + 1000 * seconds, knownAt: undefined, locked: 0 },
});
const runOf = (plan: Partial<SimPlan>, payments: readonly SimPayment[]): SimRun => ({
  plan: { strategy: 'flow', scheme: 'mpp', redundancy: 0, ...plan },
  ...{ payments, took: 1000, cut: undefined },
});
const half = [1e4, 1e6].flatMap((sat) => [
  ...Array.from({ length: 4 }, (_, n) => payment(sat, sat === 1e6 && n > 0 ? 'failed' : 'delivered', n + 1)),
]);

/** Opens and closes every element; throws for what is not well formed. */
const elements = (svg: string): readonly string[] => {
  const open: string[] = [];
  const all: string[] = [];
  const rest = svg.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)>/g,
    (_, close, name, _attributes, empty) => {
      if (close === '/') expect(open.pop()).toBe(name);
      else all.push(name);
      if (close === '' && empty === '') open.push(name);
      return '';
    },
  );
  expect([open, /[<>]|&(?!amp;|lt;|gt;|quot;|#39;)/.exec(rest)]).toEqual([[], null]);
  return all;
};

describe('a picture of runs', () => {
  const svg = drawingOf([runOf({}, half), runOf({ strategy: 'single', scheme: 'single' }, half)], 'ring:9, seed 7');
  test('is well formed, light, and names its axes, its plans and what was simulated', () => {
    expect(elements(svg)).toContain('rect');
    for (const text of [
      'amount, sat',
      'delivered',
      'redundant shards',
      'seconds',
      '>flow/mpp<',
      '>single<',
      'ring:9, seed 7',
    ])
      expect(svg).toContain(text);
    expect(svg).toContain('fill="#ffffff"');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
  test('has what was delivered of each amount, from 0 % at the bottom to 100 % at the top', () => {
    const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
    const [all, quarter] = [circles[0]?.[1] ?? 0, circles[1]?.[1] ?? 0];
    const [top, bottom] = [48, 400 - 62];
    expect(all).toBeCloseTo(top, 0);
    expect(quarter).toBeCloseTo(bottom - (bottom - top) / 4, 0);
    expect(circles[1]?.[0]).toBeGreaterThan(circles[0]?.[0] ?? 0);
  });
  test('has a line by redundancy for the median and one for the slowest, of each strategy and scheme', () => {
    const runs = [0, 2, 5].map((redundancy) => runOf({ scheme: 'threshold', redundancy }, half));
    const drawn = drawingOf(runs, '');
    for (const text of ['flow/threshold: median', 'flow/threshold: 95 %', 'flow/threshold+5'])
      expect(drawn).toContain(text);
    expect(drawn.match(/stroke-dasharray="6 4"/g)?.length).toBe(2);
  });
  test('shows names as they are, whatever letters they have, and cuts those that are too long', () => {
    const strategy = `<b>"&'\u0007${'x'.repeat(50)}`;
    const drawn = drawingOf([runOf({ strategy }, half)], strategy);
    elements(drawn);
    expect(drawn).toContain('&lt;b&gt;&quot;&amp;&#39; xxx');
    expect(drawn).toContain('xx…');
  });
  test.each<[string, readonly SimRun[]]>([
    ['no run', []],
    ['runs without payments', [runOf({}, [])]],
    [
      'payments that all failed',
      [
        runOf(
          {},
          half.map((one) => ({ ...one, result: 'failed' as const })),
        ),
      ],
    ],
    [
      'payments of one amount that took no time',
      [
        runOf(
          {},
          Array.from({ length: 5 }, () => payment(1, 'delivered', 0)),
        ),
      ],
    ],
  ])('of %s is drawn, too', (_, runs) => {
    expect(drawingOf(runs, 'nothing')).not.toMatch(/NaN|Infinity|undefined/);
    elements(drawingOf(runs, 'nothing'));
  });
  test('gives no two plans the same colour and marker', () => {
    const runs = Array.from({ length: MOST_SERIES }, (_, redundancy) => runOf({ redundancy }, half));
    const [chart = ''] = drawingOf(runs, '').split('Time to completion');
    const samples = [...chart.matchAll(/<g fill="(#\w+)"[^>]*><(\w+) [^>]*?(l[\d.]+ )?[^ ]*\/><\/g><text/g)];
    const looks = samples.map(([, colour, shape, path]) => `${colour} ${shape} ${path}`);
    expect([looks.length, new Set(looks).size]).toEqual([MOST_SERIES, MOST_SERIES]);
  });
  test('has lines that fare alike take turns, and their markers side by side, so that none covers another', () => {
    const drawn = drawingOf([runOf({}, half), runOf({ strategy: 'single', scheme: 'single' }, half)], '');
    const [chart = ''] = drawn.split('Time to completion');
    expect([...chart.matchAll(/stroke-dasharray="8 8" stroke-dashoffset="(-?\d+)"/g)].map(([, at]) => at)).toEqual([
      '0',
      '-8',
    ]);
    const [circle, square] = [/<circle cx="([\d.]+)"/.exec(chart), /<rect x="([\d.]+)"[^>]*height="7.2"/.exec(chart)];
    expect(Number(square?.[1]) + 3.6 - Number(circle?.[1])).toBeCloseTo(9, 1);
    const failed = half.map((one) => ({ ...one, result: 'failed' as const }));
    const apart = drawingOf([runOf({}, half), runOf({ strategy: 'single' }, failed)], '');
    expect(apart.split('Time to completion')[0]).not.toContain('stroke-dasharray');
  });
  test('of more plans than can be told apart draws the first ones, and says how many are not drawn', () => {
    const runs = Array.from({ length: MOST_SERIES + 3 }, (_, redundancy) => runOf({ redundancy }, half));
    expect(drawingOf(runs, '')).toContain('3 more are not drawn');
  });
});
