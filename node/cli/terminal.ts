/** What the output is read on: how wide it is, and whether it shows colours. */
import { styleText } from 'node:util';
import type { Place, Tone } from '../base/table.ts';

export interface Terminal {
  /** Characters of a line. */
  readonly columns: number;
  /** Lines of the screen; undefined where the output is no terminal. */
  readonly rows?: number | undefined;
  /** Whether the output shows colours. */
  readonly colors: boolean;
  /** Rewrites one line while something is waited for, an empty text to clear it; undefined where nobody watches. */
  readonly progress?: ((text: string) => void) | undefined;
}

/** Of a file or a pipe, and of a terminal that does not say. */
const DEFAULT_COLUMNS = 80;

/** No terminal. */
export const noTerminal: Terminal = { columns: DEFAULT_COLUMNS, colors: false };

const styles = {
  good: 'green',
  waiting: 'yellow',
  bad: 'red',
  quiet: 'gray',
  title: 'bold',
} as const satisfies Readonly<Record<Tone, string>>;

/** Gives texts their colour; undefined where there are none. */
export const painterOf = ({ colors }: Terminal): Place['paint'] =>
  colors ? (tone, text) => styleText(styles[tone], text, { validateStream: false }) : undefined;

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows' | 'hasColors' | 'write'>;

/** ECMA-48: back to the first column, and what stands behind it is gone. */
const CLEAR = '\r\u001b[K';

/** The terminal of a process. NO_COLOR and FORCE_COLOR of the environment are heeded, and COLUMNS where the output is no terminal. */
export const terminalOf = (stdout: Stream, stderr: Stream, env: NodeJS.ProcessEnv): Terminal => {
  const told = Number(env['COLUMNS']);
  const forced = !['', '0', 'false'].includes(env['FORCE_COLOR'] ?? '');
  return {
    columns: (stdout.isTTY ? stdout.columns : told) || DEFAULT_COLUMNS,
    rows: stdout.isTTY ? stdout.rows : undefined,
    colors: stdout.isTTY ? stdout.hasColors() && !env['NO_COLOR'] : forced,
    progress: stderr.isTTY ? (text) => void stderr.write(text === '' ? CLEAR : `${CLEAR}${text}`) : undefined,
  };
};
