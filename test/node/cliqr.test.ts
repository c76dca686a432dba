/** QR codes on a terminal: what they say, where they fit, and who asked for them. */
import { encode } from 'uqr';
import { describe, expect, test } from 'vitest';
import { qrLines, qrOf } from '../../node/cli/qr.ts';
import type { Terminal } from '../../node/cli/terminal.ts';

const address = { bech32: 'bcrt1qyww6rpns75uj9wjzcvl7890tnaamlcxysfw4xz' };
const invoice = { bolt11: `lnbcrt1${'q'.repeat(300)}` };
const screen: Terminal = { columns: 80, rows: 24, colors: false };
const pipe: Terminal = { columns: 80, colors: false };

/** The modules that lines show, light ones as characters: two rows of them in each line. */
const modules = (lines: readonly string[]): readonly (readonly boolean[])[] =>
  lines.flatMap((line) => [
    [...line].map((sign) => sign === ' ' || sign === '▄'),
    [...line].map((sign) => sign === ' ' || sign === '▀'),
  ]);

describe('a QR code', () => {
  test('has the modules of its text in upper case, with a border, for dark terminals', () => {
    const { data, size } = encode(address.bech32.toUpperCase(), { ecc: 'L', border: 2 });
    expect(modules(qrOf('newaddr', address, true, pipe)).slice(0, size)).toEqual(data);
  });

  test('is dark on white where there are colours, whatever colours the terminal has itself', () => {
    const [line = ''] = qrLines('A', { colors: true });
    expect(line.startsWith('\u001b[30;107m')).toBe(true);
    expect(line.endsWith('\u001b[0m')).toBe(true);
  });

  test('is shown on a terminal where it fits, and elsewhere where it is asked for', () => {
    const heights = (wanted: boolean | undefined, terminal: Terminal) =>
      [address, invoice].map(
        (result) => qrOf('bolt11' in result ? 'invoice' : 'newaddr', result, wanted, terminal).length > 0,
      );
    expect(heights(undefined, screen)).toEqual([true, false]);
    expect(heights(undefined, { ...screen, rows: 60 })).toEqual([true, true]);
    expect(heights(undefined, { ...screen, rows: 20 })).toEqual([false, false]);
    expect(heights(undefined, pipe)).toEqual([false, false]);
    expect(heights(true, pipe)).toEqual([true, true]);
    expect(heights(false, screen)).toEqual([false, false]);
  });

  test('is made of nothing else', () => {
    expect(qrOf('getinfo', { bolt11: 'lnbc1', bech32: 'bc1' }, true, screen)).toEqual([]);
    expect(qrOf('invoice', {}, true, screen)).toEqual([]);
  });
});
