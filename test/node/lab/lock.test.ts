/** The lock of a lab, and processes by their folder. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { beginningOf } from '../../../node/regtest/chain/lockfile.ts';
import { withLock } from '../../../node/regtest/lab/lock.ts';
import { readableLine, runningPid, startDetached, stopProcess } from '../../../node/regtest/lab/processes.ts';

const dir = mkdtempSync(join(tmpdir(), 'ampere-lock-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const lock = join(dir, 'lock');

describe('the lock of a lab', () => {
  test('only one works at a time, whoever comes second is told who works, and the lock is gone in the end', async () => {
    const seen: string[] = [];
    let end: () => void = () => undefined;
    const first = withLock(
      dir,
      () =>
        new Promise<void>((resolve) => {
          seen.push('first begins');
          end = () => {
            seen.push('first ends');
            resolve();
          };
        }),
      () => undefined,
    );
    await expect.poll(() => existsSync(lock)).toBe(true);
    const second = withLock(
      dir,
      async () => void seen.push('second'),
      (pid) => {
        seen.push(`waits for ${pid === process.pid}`);
        end();
      },
    );
    await Promise.all([first, second]);
    expect(seen).toEqual(['first begins', 'waits for true', 'first ends', 'second']);
    expect(existsSync(lock)).toBe(false);
  });

  const left: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['of a process that has ended', () => '4194304999 17\n'],
    [
      'of a process whose number another one has now',
      async () => `${process.pid} 1${await beginningOf(process.pid)}\n`,
    ],
    ['that is empty, as a power cut leaves it', () => ''],
  ];
  test.each(left)('a lock %s is taken over', async (_, text) => {
    writeFileSync(lock, await text());
    expect(
      await withLock(
        dir,
        async () => 'done',
        () => undefined,
      ),
    ).toBe('done');
    expect(existsSync(lock)).toBe(false);
  });

  test('work that fails gives the lock back', async () => {
    await expect(
      withLock(
        dir,
        () => Promise.reject(new Error('no')),
        () => undefined,
      ),
    ).rejects.toThrow('no');
    expect(existsSync(lock)).toBe(false);
  });
});

describe('processes of a lab', () => {
  test('a process is known by its folder as long as it runs, and its number counts for no other folder', async () => {
    const [own, other] = [join(dir, 'bob'), join(dir, 'bobby')];
    for (const folder of [own, other]) mkdirSync(folder);
    const sleeper = [process.execPath, '-e', 'setTimeout(() => {}, 60000)', '--', `-datadir=${other}`];
    const pid = await startDetached({ name: 'bobby', dir: other, command: sleeper });
    expect(await runningPid(other)).toBe(pid);
    writeFileSync(join(own, 'pid'), `${pid}\n`);
    expect(await runningPid(own)).toBeUndefined();
    expect(await stopProcess(other)).toBe('stopped');
    expect([await runningPid(other), await stopProcess(other)]).toEqual([undefined, 'was not running']);
  });

  test('a program that is not there is told of by its name', async () => {
    const missing = startDetached({ name: 'erin', dir: join(dir, 'erin'), command: [join(dir, 'nothing')] });
    await expect(missing).rejects.toThrow('erin cannot be started');
  });

  test('a line of a log is shown as a person reads it', () => {
    const line = JSON.stringify({ level: 'error', time: 1, part: 'core', reason: 'no seed', msg: 'the node stops' });
    expect(readableLine(line)).toBe('error (core): the node stops: no seed');
    expect(readableLine('as it is')).toBe('as it is');
    expect(readableLine('x'.repeat(1_000)).length).toBeLessThan(500);
  });
});
