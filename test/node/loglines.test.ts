/** A log that cannot be written: it ends nothing, fills nothing, and says afterwards what is missing. */
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileError } from '../../node/base/fileserror.ts';
import { openLog, processLog } from '../../node/base/log.ts';
import { defaultLevels, LevelTable } from '../../node/base/loglevels.ts';
import { fileLines, MOST_UNREAD, streamLines } from '../../node/base/loglines.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ampere-log-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const fails = (): Error => Object.assign(new Error('no space'), { code: 'ENOSPC' });

/** Standard error with a reader that sleeps until it is woken. */
const drowsy = () => {
  const lines: string[] = [];
  let wake: (() => void) | undefined;
  let asleep = true;
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      const go = () => {
        lines.push(chunk.toString());
        done();
      };
      if (asleep) wake = go;
      else go();
    },
  });
  return {
    ...{ lines, stream },
    wake: () => {
      asleep = false;
      wake?.();
    },
  };
};

/** Standard error with a disk behind it that is full as long as it is told to be. */
const onDisk = () => {
  const lines: string[] = [];
  let full = false;
  const write = (line: string, done: (error?: Error | null) => void) => {
    if (!full) lines.push(line);
    done(full ? fails() : null);
    return true;
  };
  const stream: Writable = Object.assign(new Writable({ write: (_chunk, _encoding, done) => done() }), { write });
  return {
    ...{ lines, stream },
    fill: (on: boolean) => {
      full = on;
    },
  };
};
const logTo = (stream: Writable) =>
  openLog({ levels: new LevelTable(defaultLevels), form: 'json', colour: false, out: streamLines(stream) });
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('standard error', () => {
  test('a log to standard error whose reader is stuck takes no more memory, and says later how many lines are missing', async () => {
    const { lines, stream, wake } = drowsy();
    const log = logTo(stream);
    const text = 'x'.repeat(1000);
    for (let n = 0; n < 3000; n++) log.info({ n }, text);
    expect(stream.writableLength).toBeLessThan(MOST_UNREAD + 2000);
    wake();
    await turn();
    log.info({}, 'read again');
    await turn();
    const kept = lines.filter((line) => line.includes(text)).length;
    expect(lines.slice(-2).map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', lost: 3000 - kept },
      { msg: 'read again' },
    ]);
  });

  test('a log to standard error with a full disk behind it throws nothing, and counts the lines it loses', () => {
    const { lines, stream, fill } = onDisk();
    const log = logTo(stream);
    fill(true);
    for (let n = 0; n < 5; n++) log.warn({ n }, 'lost');
    // Whoever looks for a listener before it throws finds one.
    expect(stream.emit('error', fails())).toBe(true);
    fill(false);
    log.warn({}, 'again');
    log.warn({}, 'and again');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ lost: 5 }, { msg: 'again' }, { msg: 'and again' }]);
  });
});

describe('a log file', () => {
  test('a log file is readable by its owner only, is appended to, and is reopened after it was moved away', () => {
    const path = join(dir, 'log');
    const { log, reopen } = processLog(defaultLevels, path);
    log.info({}, 'first');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    renameSync(path, `${path}.1`);
    log.info({}, 'second');
    reopen?.();
    log.info({}, 'third');
    processLog(defaultLevels, path).log.info({}, 'fourth');
    const messages = (name: string) =>
      readFileSync(name, 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages(`${path}.1`)).toEqual(['first', 'second']);
    expect(messages(path)).toEqual(['third', 'fourth']);
  });

  test('a log file that cannot be reopened goes on in the old file', () => {
    const path = join(dir, 'kept');
    const { log, reopen } = processLog(defaultLevels, path);
    renameSync(path, `${path}.1`);
    // Something else took the name.
    rmSync(join(dir, 'gone'), { force: true });
    const folder = mkdtempSync(join(dir, 'x'));
    renameSync(folder, path);
    expect(() => reopen?.()).toThrow(FileError);
    log.info({}, 'still here');
    expect(readFileSync(`${path}.1`, 'utf8')).toContain('still here');
  });

  test('a log file on a full disk counts the lines it loses', () => {
    const file = fileLines('/dev/full');
    file.write('one\n', 1);
    file.write('two\n', 3);
    expect([file.takeLost?.(), file.takeLost?.()]).toEqual([4, 0]);
  });

  test.each([
    ['/dev/null/log', 'a part of the path is not a folder'],
    [tmpdir(), 'it is a folder'],
  ])('a log file at %s is refused with a sentence', (path, reason) => {
    expect(() => processLog(defaultLevels, path)).toThrow(`cannot write the log file ${path}: ${reason}`);
  });
});
