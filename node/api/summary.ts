/** The description of a method without its schemas and its code: all that help and the command line need. Plain values, which JSON holds. */
import { nearest } from '../base/nearest.ts';

/** The kind of parameter that names a file. */
export const FILE = 'file';

/** One parameter, described from its schema. */
export interface Parameter {
  readonly name: string;
  readonly kind: string;
  readonly required: boolean;
  /** What it is when left out; undefined where that is nothing. */
  readonly fallback?: unknown;
  readonly doc: string;
  /** Takes several values. */
  readonly list: boolean;
  /** For experiments: not shown. */
  readonly hidden: boolean;
  /** A text of any words, for people. */
  readonly prose: boolean;
  /** Other names it goes by. */
  readonly aliases: readonly string[];
}

export interface MethodSummary {
  readonly name: string;
  readonly doc: string;
  /** In the order in which they count without names. */
  readonly parameters: readonly Parameter[];
  /** The words of a call behind the name. */
  readonly example: readonly string[];
  /** For experiments: only a node started with --dev has it. */
  readonly dev: boolean;
}

/** "pay bolt11 [amount_msat] …", as Core Lightning's help has it. */
export const usageOf = ({ name, parameters }: MethodSummary): string =>
  [name, ...parameters.filter(({ hidden }) => !hidden).map((one) => (one.required ? one.name : `[${one.name}]`))].join(
    ' ',
  );

/** A word as a shell takes it. */
export const quoted = (word: string): string =>
  /^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A call as people type it, in lines of so many characters where its words allow it, as a shell takes them together. */
export const exampleOf = ({ name, example }: MethodSummary, width = Number.POSITIVE_INFINITY): string => {
  const lines: string[] = [];
  let line = 'ampere';
  for (const word of [name, ...example.map(quoted)]) {
    // Room for the sign that the line goes on.
    if (line.length + 1 + word.length + 2 > width) {
      lines.push(`${line} \\`);
      line = `  ${word}`;
    } else line += ` ${word}`;
  }
  return [...lines, line].join('\n');
};

/** That a method has no parameter of a name, with the nearest one that it has, or with all of them where none is near. */
export const noParameter = (name: string, known: readonly string[]): string => {
  const no = `no parameter '${name.slice(0, 100)}'`;
  if (known.length === 0) return `${no}: the method takes none`;
  const near = nearest(name, known);
  return near === undefined ? `${no}: there are ${known.join(', ')}` : `${no}: did you mean '${near}'?`;
};
