/**
 * A chart of lines as SVG: axes with labels, a grid, a marker at each point and a legend. A pure function from figures to text, for a
 * light background; colours that people who see few colours can tell apart, and markers and dashes for those who see none.
 */

export interface Series {
  readonly label: string;
  /** By x, ascending. A point without a y is left out of the line. */
  readonly points: readonly (readonly [x: number, y: number | undefined])[];
  readonly dashed?: boolean;
  /** Which colour and marker; its place in the list where absent. */
  readonly look?: number;
}

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly text: (value: number) => string;
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

export const CHART_WIDTH = 920;
export const CHART_HEIGHT = 400;
const [LEFT, RIGHT, TOP, BOTTOM] = [78, 300, 48, 62];
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#444444', '#8a2be2'];
/** Most series of a chart: more could not be told apart. */
export const MOST_SERIES = 16;
const MOST_LETTERS = 34;
const MOST_NOTE = 140;

/** Text as it may stand in SVG. What has more than `most` letters ends with three dots. */
export const escaped = (text: string, most = MOST_LETTERS): string =>
  (text.length > most ? `${text.slice(0, most - 1)}…` : text).replace(
    /[&<>"']|[^\P{Cc}]/gu,
    (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[letter] ?? ' ',
  );

const place = (value: number): string => value.toFixed(1);

/** Where a value stands on an axis, from 0 to 1. */
const partOf = ({ scale, from, to }: Axis, value: number): number => {
  if (to <= from) return 0.5;
  const part = scale === 'log' ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
  return Math.max(0, Math.min(1, part));
};

const xOf = ({ x }: Chart, value: number): number => LEFT + partOf(x, value) * (CHART_WIDTH - LEFT - RIGHT);
const yOf = ({ y }: Chart, value: number): number =>
  CHART_HEIGHT - BOTTOM - partOf(y, value) * (CHART_HEIGHT - TOP - BOTTOM);

const markers: readonly ((x: number, y: number) => string)[] = [
  (x, y) => `<circle cx="${place(x)}" cy="${place(y)}" r="4"/>`,
  (x, y) => `<rect x="${place(x - 3.6)}" y="${place(y - 3.6)}" width="7.2" height="7.2"/>`,
  (x, y) => `<path d="M${place(x)} ${place(y - 4.8)}l4.6 8.4h-9.2z"/>`,
  (x, y) => `<path d="M${place(x)} ${place(y - 5.2)}l5.2 5.2l-5.2 5.2l-5.2 -5.2z"/>`,
];

/** Once all colours are used, each comes again with the next marker, so that no two looks of a chart are the same. */
const marker = (look: number, x: number, y: number): string =>
  markers[(look + Math.floor(look / COLOURS.length)) % markers.length]?.(x, y) ?? '';
const colour = (look: number): string => COLOURS[look % COLOURS.length] ?? '#000000';
const dash = (dashed: boolean | undefined): string => (dashed === true ? ' stroke-dasharray="6 4"' : '');

const axes = (chart: Chart): readonly string[] => {
  const { x, y } = chart;
  const [right, bottom] = [CHART_WIDTH - RIGHT, CHART_HEIGHT - BOTTOM];
  const middle = (TOP + bottom) / 2;
  return [
    `<text x="${LEFT}" y="28" font-size="16" font-weight="600">${escaped(chart.title)}</text>`,
    ...y.ticks.map((tick) => {
      const at = place(yOf(chart, tick));
      const line = `<line x1="${LEFT}" x2="${right}" y1="${at}" y2="${at}" stroke="#dddddd"/>`;
      return `${line}<text x="${LEFT - 8}" y="${at}" dy="0.35em" text-anchor="end">${escaped(y.text(tick))}</text>`;
    }),
    ...x.ticks.map((tick) => {
      const at = place(xOf(chart, tick));
      const line = `<line x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 5}" stroke="#555555"/>`;
      return `${line}<text x="${at}" y="${bottom + 20}" text-anchor="middle">${escaped(x.text(tick))}</text>`;
    }),
    `<path d="M${LEFT} ${TOP}V${bottom}H${right}" fill="none" stroke="#555555"/>`,
    `<text x="${(LEFT + right) / 2}" y="${bottom + 44}" text-anchor="middle">${escaped(x.label)}</text>`,
    `<text transform="rotate(-90 20 ${middle})" x="20" y="${middle}" text-anchor="middle">${escaped(y.label)}</text>`,
  ];
};

type Place = readonly [x: number, y: number];

const placesOf = (chart: Chart, { points }: Series): readonly Place[] =>
  points.flatMap(([x, y]) => (y === undefined ? [] : [[xOf(chart, x), yOf(chart, y)] as const]));
const nameOf = ([x, y]: Place): string => `${place(x)} ${place(y)}`;
const segmentsOf = (places: readonly Place[]): readonly string[] =>
  places.slice(1).map((to, n) => `M${nameOf(places[n] ?? to)}L${nameOf(to)}`);

/** Which lines go through the same point, or have the same segment: by its name, those of them in their order. */
type Shared = ReadonlyMap<string, readonly Series[]>;

const sharedOf = (chart: Chart): Shared => {
  const shared = new Map<string, Series[]>();
  for (const series of chart.series) {
    const places = placesOf(chart, series);
    for (const name of [...places.map(nameOf), ...segmentsOf(places)])
      shared.set(name, [...(shared.get(name) ?? []), series]);
  }
  return shared;
};

/** Pixels of one colour where several lines take turns, and from one marker to the next where several stand at one point. */
const [TURN, ASIDE] = [8, 9];

/** Lines that fare alike cover each other nowhere: on a segment that they share they take turns, and their markers stand side by side. */
const line = (chart: Chart, series: Series, shared: Shared): string => {
  const { dashed, look = 0 } = series;
  const places = placesOf(chart, series);
  const alike = (name: string): readonly [turn: number, of: number] => {
    const all = shared.get(name) ?? [series];
    return [all.indexOf(series), all.length];
  };
  const stroke = (path: string, dashes: string): string =>
    `<path d="${path}" fill="none" stroke="${colour(look)}" stroke-width="2"${dashes}/>`;
  const segments = segmentsOf(places).map((name) => ({ name, alike: alike(name) }));
  const own = segments.filter(({ alike: [, of] }) => of === 1).map(({ name }) => name);
  const lines = [
    ...(own.length > 0 ? [stroke(own.join(''), dash(dashed))] : []),
    ...segments
      .filter(({ alike: [, of] }) => of > 1)
      .map(({ name, alike: [turn, of] }) =>
        stroke(name, ` stroke-dasharray="${TURN} ${TURN * (of - 1)}" stroke-dashoffset="${-TURN * turn}"`),
      ),
  ].join('');
  const dots = places
    .map(([x, y]) => {
      const [turn, of] = alike(nameOf([x, y]));
      return marker(look, x + ASIDE * (turn - (of - 1) / 2), y);
    })
    .join('');
  return `${lines}<g fill="${dashed === true ? '#ffffff' : colour(look)}" stroke="${colour(look)}" stroke-width="1.5">${dots}</g>`;
};

const legend = ({ series }: Chart): readonly string[] =>
  series.map(({ label, dashed, look = 0 }, n) => {
    const [x, y] = [CHART_WIDTH - RIGHT + 20, TOP + 8 + 20 * n];
    const sample = `<line x1="${x}" x2="${x + 28}" y1="${y}" y2="${y}" stroke="${colour(look)}" stroke-width="2"${dash(dashed)}/>`;
    const dot = `<g fill="${dashed === true ? '#ffffff' : colour(look)}" stroke="${colour(look)}" stroke-width="1.5">${marker(look, x + 14, y)}</g>`;
    return `${sample}${dot}<text x="${x + 36}" y="${y}" dy="0.35em">${escaped(label)}</text>`;
  });

/** The charts below each other, as one file. Series beyond MOST_SERIES are not drawn, and it is said how many those are. */
export const svgOf = (charts: readonly Chart[], note: string): string => {
  const height = charts.length * CHART_HEIGHT + 30;
  const drawn = charts.map((chart, n) => {
    const series = chart.series.slice(0, MOST_SERIES).map((one, place) => ({ look: place, ...one }));
    const left = chart.series.length - series.length;
    const more = left > 0 ? [`<text x="${LEFT}" y="44" font-size="11">${left} more are not drawn</text>`] : [];
    const shown = { ...chart, series };
    const shared = sharedOf(shown);
    const parts = [...axes(shown), ...more, ...series.map((one) => line(shown, one, shared)), ...legend(shown)];
    return `<g transform="translate(0 ${n * CHART_HEIGHT})">\n${parts.join('\n')}\n</g>`;
  });
  const box = `width="${CHART_WIDTH}" height="${height}" viewBox="0 0 ${CHART_WIDTH} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${box} font-family="system-ui, sans-serif" font-size="13" fill="#222222">`,
    `<rect width="${CHART_WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...drawn,
    `<text x="${LEFT}" y="${height - 12}" font-size="11" fill="#555555">${escaped(note, MOST_NOTE)}</text>`,
    '</svg>',
    '',
  ].join('\n');
};
