/** Prometheus' text format, version 0.0.4: families of samples, each with its help and type. */

export interface Sample {
  /** Names and values; the values are one of few that the program knows, since each makes a time series. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number | bigint;
}

export interface Family {
  /** Letters, digits and `_`; a counter's ends with `_total`. */
  readonly name: string;
  readonly help: string;
  /** A counter only grows, and begins anew when the node is started. */
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

/** The media type of the format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const escapedHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapedLabel = (text: string): string => escapedHelp(text).replaceAll('"', '\\"');

const sampleLine = (name: string, { labels = {}, value }: Sample): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapedLabel(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
};

/** The text of these families; those without samples are left out. */
export const exposition = (families: readonly Family[]): string =>
  families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) =>
      [
        `# HELP ${name} ${escapedHelp(help)}`,
        `# TYPE ${name} ${type}`,
        ...samples.map((sample) => sampleLine(name, sample)),
        '',
      ].join('\n'),
    )
    .join('');

/** A family of one sample. */
export const gauge = (name: string, help: string, value: number | bigint | undefined): Family => ({
  ...{ name, help, type: 'gauge' },
  samples: value === undefined ? [] : [{ value }],
});

/** A family with a sample for each word of a label. */
export const byLabel = (
  type: Family['type'],
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, number | bigint>>,
): Family => ({
  ...{ name, help, type },
  samples: Object.entries(values).map(([word, value]) => ({ labels: { [label]: word }, value })),
});
