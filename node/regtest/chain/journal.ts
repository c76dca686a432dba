/**
 * A journal of all changes of a chain, which is replayed at the next start. Each change is a line, written before the caller is answered; a
 * line that a crash cut short is the last one and is ignored.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hex, unhex } from '../../../wire/bytes.ts';
import type { Deed, Regtest } from './regtest.ts';

const lineOf = (deed: Deed): string => {
  const data = 'raw' in deed ? hex(deed.raw) : deed.hash;
  return `${deed.deed} ${data}${deed.deed === 'pair' ? ` ${hex(deed.child)}` : ''}\n`;
};

const deedOf = (line: string): Deed | undefined => {
  const [, deed, data = '', child = ''] =
    /^(sent|pair|block|invalidated|reconsidered) ((?:[0-9a-f]{2})+)(?: ((?:[0-9a-f]{2})+))?$/.exec(line) ?? [];
  if (deed === 'pair') return { deed, raw: unhex(data), child: unhex(child) };
  if (deed === 'sent' || deed === 'block') return { deed, raw: unhex(data) };
  if (deed === 'invalidated' || deed === 'reconsidered') return { deed, hash: data };
  return undefined;
};

/** A journal that does not describe a chain. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly fault: { readonly code: 'bad_journal'; readonly path: string; readonly line: number };
  constructor(path: string, line: number, cause: unknown) {
    super(`${path}, line ${line}: expected a deed that fits the chain before it; remove the file to begin anew`, {
      cause,
    });
    this.fault = { code: 'bad_journal', path, line };
  }
}

/** Replays the file, and appends all further changes to it. Throws JournalError. */
export const keepJournal = (regtest: Regtest, path: string): void => {
  const kept = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const whole = kept.slice(0, kept.lastIndexOf('\n') + 1);
  if (whole.length < kept.length) writeFileSync(path, whole);
  for (const [i, line] of whole.split('\n').slice(0, -1).entries()) {
    const deed = deedOf(line);
    try {
      if (deed === undefined) throw new RangeError('no deed');
      regtest.redo(deed);
    } catch (error) {
      throw new JournalError(path, i + 1, error);
    }
  }
  regtest.keep((deed) => appendFileSync(path, lineOf(deed), { mode: 0o600 }));
};
