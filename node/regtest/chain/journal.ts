/**
 * A journal of all changes of a chain, which is replayed at the next start. Each change is a line, written before the caller is answered; a
 * line that a crash cut short is the last one and is ignored.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hex, unhex } from '../../../wire/bytes.ts';
import type { ChainChange, Regtest } from './regtest.ts';

const lineOf = (change: ChainChange): string => {
  const data = 'raw' in change ? hex(change.raw) : change.hash;
  return `${change.change} ${data}${change.change === 'pair' ? ` ${hex(change.child)}` : ''}\n`;
};

const changeOf = (line: string): ChainChange | undefined => {
  const [, change, data = '', child = ''] =
    /^(sent|pair|block|invalidated|reconsidered) ((?:[0-9a-f]{2})+)(?: ((?:[0-9a-f]{2})+))?$/.exec(line) ?? [];
  if (change === 'pair') return { change, raw: unhex(data), child: unhex(child) };
  if (change === 'sent' || change === 'block') return { change, raw: unhex(data) };
  if (change === 'invalidated' || change === 'reconsidered') return { change, hash: data };
  return undefined;
};

/** Whether the line of a change may begin so. */
const isBegun = (text: string): boolean => {
  const [word = '', ...data] = text.split(' ');
  const isWord = ['sent', 'pair', 'block', 'invalidated', 'reconsidered'].some((kind) =>
    data.length === 0 ? kind.startsWith(word) : kind === word,
  );
  return isWord && data.length <= 2 && data.every((hexes) => /^[0-9a-f]*$/.test(hexes));
};

/** A journal that does not describe a chain. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly fault: { readonly code: 'bad_journal'; readonly path: string; readonly line: number };
  constructor(path: string, line: number, cause: unknown) {
    super(`${path}, line ${line}: expected a change that fits the chain before it; remove the file to begin anew`, {
      cause,
    });
    this.fault = { code: 'bad_journal', path, line };
  }
}

/** Replays the file, and appends all further changes to it. Throws JournalError. */
export const keepJournal = (regtest: Regtest, path: string): void => {
  const kept = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const whole = kept.slice(0, kept.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').slice(0, -1);
  for (const [i, line] of lines.entries()) {
    const change = changeOf(line);
    try {
      if (change === undefined) throw new RangeError('expected the kind of a change and its bytes in hex');
      regtest.redo(change);
    } catch (error) {
      throw new JournalError(path, i + 1, error);
    }
  }
  const torn = kept.slice(whole.length);
  // A file that is no journal is left as it is.
  if (!isBegun(torn))
    throw new JournalError(path, lines.length + 1, new RangeError('expected a change that a crash cut short'));
  if (torn !== '') writeFileSync(path, whole);
  regtest.keep((change) => appendFileSync(path, lineOf(change), { mode: 0o600 }));
};
