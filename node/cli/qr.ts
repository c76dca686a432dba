/** QR codes of invoices and addresses, two rows of modules in a line. */
import { encode } from 'uqr';
import type { Terminal } from './terminal.ts';

/** Modules of light around the code; scanners want four, and cope with two. */
const BORDER = 2;

/** Dark on light, whatever the terminal's own colours are: SGR 30 and 107, then 0. */
const onWhite = (line: string): string => `\u001b[30;107m${line}\u001b[0m`;

/** What of a pair of modules is dark, as a character of the light ones, for terminals of light on dark. */
const light = ['█', '▀', '▄', ' '] as const;
/** The same as a character of the dark ones. */
const dark = [' ', '▄', '▀', '█'] as const;

/** The lines of a text's QR code. Upper case alone, digits and a few signs make a smaller one (ISO 18004, alphanumeric mode). */
export const qrLines = (text: string, { colors }: Pick<Terminal, 'colors'>): readonly string[] => {
  const { data, size } = encode(text, { ecc: 'L', border: BORDER });
  const lines: string[] = [];
  for (let row = 0; row < size; row += 2) {
    let line = '';
    for (let column = 0; column < size; column++) {
      const pair = (data[row]?.[column] ? 2 : 0) + (data[row + 1]?.[column] ? 1 : 0);
      line += (colors ? dark : light)[pair] ?? '';
    }
    lines.push(colors ? onWhite(line) : line);
  }
  return lines;
};

/** What a wallet's camera reads of a result; undefined where there is nothing to pay to. BOLT 11 and BIP 173 allow upper case for it. */
const scannable = (method: string, result: Readonly<Record<string, unknown>>): string | undefined => {
  const text = method === 'invoice' ? result['bolt11'] : method === 'newaddr' ? result['bech32'] : undefined;
  return typeof text === 'string' ? text.toUpperCase() : undefined;
};

/** Lines left for what stands above it, and for the prompt. */
const BESIDE = 6;

/**
 * The QR code of a result, if it has one: where it is `wanted`, and where nobody said whether, on a terminal that it fits. No lines
 * otherwise.
 */
export const qrOf = (
  method: string,
  result: Readonly<Record<string, unknown>>,
  wanted: boolean | undefined,
  terminal: Terminal,
): readonly string[] => {
  const text = wanted === false ? undefined : scannable(method, result);
  if (text === undefined || (wanted === undefined && terminal.rows === undefined)) return [];
  const lines = qrLines(text, terminal);
  const fits = lines.length + BESIDE <= (terminal.rows ?? 0) && lines.length * 2 <= terminal.columns;
  return wanted === true || fits ? lines : [];
};
