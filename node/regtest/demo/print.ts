/**
 * Telling a person what is going on: steps with a spinner on a terminal, plain lines everywhere else. Colours only on a
 * terminal, and none where NO_COLOR is set (no-color.org).
 */

/** Where lines go; process.stdout and process.stderr fit. */
export interface Out {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;

/** Puts a colour around a text, or leaves it as it is. */
export type Paint = Readonly<Record<keyof typeof codes, (text: string) => string>>;

const painter =
  (on: boolean, code: number) =>
  (text: string): string =>
    on && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;

export const paintOf = (on: boolean): Paint => ({
  bold: painter(on, codes.bold),
  dim: painter(on, codes.dim),
  red: painter(on, codes.red),
  green: painter(on, codes.green),
  yellow: painter(on, codes.yellow),
  blue: painter(on, codes.blue),
  cyan: painter(on, codes.cyan),
});

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether `out` is a terminal that moves its cursor. */
export const isTerminal = (out: Out, env: Environment): boolean => out.isTTY === true && env['TERM'] !== 'dumb';

/** Whether colours are wanted there: any non-empty NO_COLOR says no. */
export const wantsColour = (out: Out, env: Environment): boolean => isTerminal(out, env) && !env['NO_COLOR'];

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameTime = 80;
const clearLine = '\r\u001b[K';

const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** A text in lines of at most `width` columns, broken between words; all but the first begin with this indentation. */
export const wrapped = (text: string, width: number, indent = ''): readonly string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.trimStart().split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    const room = width - (lines.length === 0 ? 0 : indent.length);
    if (line !== '' && longer.length > room) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  const margin = /^ */.exec(text)?.[0] ?? '';
  return [...lines, line].map((one, at) => (at === 0 ? `${margin}${one}` : `${indent}${one}`));
};

export class Printer {
  readonly paint: Paint;
  private readonly out: Out;
  private readonly terminal: boolean;
  /** What the spinner says, while something is under way. */
  private doing: string | undefined;
  private frame = 0;

  constructor(out: Out, env: Environment) {
    this.out = out;
    this.terminal = isTerminal(out, env);
    this.paint = paintOf(wantsColour(out, env));
  }

  /** Columns there are for a drawing. */
  get width(): number {
    return Math.min(this.out.columns ?? 100, 120);
  }

  private wipe(): void {
    if (this.terminal && this.doing !== undefined) this.out.write(clearLine);
  }

  private draw(): void {
    if (!this.terminal || this.doing === undefined) return;
    const text = `${frames[this.frame++ % frames.length]} ${this.doing}`.slice(0, this.width - 3);
    this.out.write(`${clearLine}  ${this.paint.cyan(text)}`);
  }

  /** Lines as they are. */
  lines(...lines: readonly string[]): void {
    this.wipe();
    for (const line of lines) this.out.write(`${line}\n`);
    this.draw();
  }

  title(text: string): void {
    this.lines('', this.paint.bold(text));
  }

  /** What is being done inside the current step. */
  progress(text: string): void {
    if (this.doing === undefined || !this.terminal) {
      this.lines(`  ${this.paint.dim(`· ${text}`)}`);
      return;
    }
    this.doing = text;
    this.draw();
  }

  /** Runs `work` under a spinner and says that it is done and how long it took, or that it failed. */
  async step<T>(text: string, work: () => Promise<T>): Promise<T> {
    const from = Date.now();
    this.doing = text;
    this.draw();
    const timer = this.terminal ? setInterval(() => this.draw(), frameTime) : undefined;
    const end = (mark: string): void => {
      clearInterval(timer);
      this.wipe();
      this.doing = undefined;
      this.lines(`  ${mark} ${text} ${this.paint.dim(seconds(Date.now() - from))}`);
    };
    try {
      const result = await work();
      end(this.paint.green('✓'));
      return result;
    } catch (error) {
      end(this.paint.red('✗'));
      throw error;
    }
  }

  /** A sentence, in as many lines as it needs. */
  text(text: string): void {
    this.lines(...wrapped(`  ${text}`, this.width - 2, '    '));
  }

  /** A claim that was checked. */
  check(what: string, held: boolean): void {
    const [first = '', ...more] = wrapped(held ? what : `${what}: NOT SO`, this.width - 4, '    ');
    const colour = held ? (text: string) => text : this.paint.red;
    const mark = held ? this.paint.green('✓') : this.paint.red('✗');
    this.lines(`  ${mark} ${colour(first)}`, ...more.map(colour));
  }
}
