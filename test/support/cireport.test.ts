/** How the continuous integration counts a run of the tests: what it runs again, what it says of that, and what it never lets pass. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ampere-ci-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Outcome = 'passed' | 'failed' | 'skipped';
type Report = Readonly<Record<string, Readonly<Record<string, Outcome>>>>;

/** A report as the runner writes it. A file whose name begins with `broken` failed outside of its tests. */
const reportOf = (files: Report): string =>
  JSON.stringify({
    testResults: Object.entries(files).map(([file, tests]) => ({
      name: resolve(file),
      status: Object.values(tests).includes('failed') || file.startsWith('broken') ? 'failed' : 'passed',
      message: file.startsWith('broken') ? 'no chain' : '',
      assertionResults: Object.entries(tests).map(([fullName, status]) => ({
        ...{ fullName, status, failureMessages: status === 'failed' ? [`${fullName} is wrong`] : [] },
      })),
    })),
  });

let runs = 0;
/** Counts a run; `again` is what its files come to when they are run once more. */
const counted = (first: Report | undefined, { code = 1, again }: { code?: number; again?: Report } = {}) => {
  const name = `run${runs++}`;
  const at = (end: string): string => join(folder, `${name}.${end}`);
  if (first !== undefined) writeFileSync(at('json'), reportOf(first));
  writeFileSync(
    at('mjs'),
    `import { writeFileSync } from 'node:fs';
     const again = ${JSON.stringify(Object.entries(again ?? {}).map(([file, tests]) => [file, reportOf({ [file]: tests })]))};
     const [file, , to] = process.argv.slice(2);
     const report = again.find(([name]) => name === file)?.[1];
     if (report !== undefined) writeFileSync(to.split('=')[1], report);`,
  );
  const command = again === undefined ? [] : [process.execPath, at('mjs')];
  const done = spawnSync(process.execPath, ['.ci/report.mjs', name, `${code}`, folder, ...command], {
    encoding: 'utf8',
  });
  return {
    code: done.status,
    printed: done.stdout,
    counts: readFileSync(at('counts'), 'utf8').trim(),
    failures: readFileSync(at('failures'), 'utf8'),
  };
};

describe('a run of the tests in CI', () => {
  test('whose tests all passed is counted, and nothing is said of it', () => {
    expect(counted({ a: { x: 'passed', y: 'skipped' } }, { code: 0 })).toMatchObject({
      ...{ code: 0, counts: '1 0', failures: '' },
    });
  });

  test('that may not be run again fails with the name and the error of each test, in the end', () => {
    const { code, counts, failures } = counted({ a: { x: 'passed', y: 'failed' }, broken: { z: 'skipped' } });
    expect({ code, counts }).toEqual({ code: 1, counts: '1 2' });
    expect(failures).toMatch(/failed in run\d+: a > y\n {4}y is wrong/);
    expect(failures).toMatch(/failed in run\d+: broken > the file as a whole\n {4}no chain/);
  });

  test('that may be run again passes where its file passes then, once counted, and it is said loudly', () => {
    const first: Report = { a: { x: 'passed', y: 'failed' }, b: { z: 'passed' } };
    const { code, counts, failures } = counted(first, { again: { a: { x: 'passed', y: 'passed' } } });
    expect({ code, counts }).toEqual({ code: 0, counts: '3 0' });
    expect(failures).toMatch(/^== passed only when run again: a > y\n {4}y is wrong/);
  });

  test('fails where a file fails again, also in another test, ends without a report, or is skipped', () => {
    const first: Report = { a: { x: 'passed', y: 'failed' } };
    for (const again of [{ a: { x: 'failed', y: 'passed' } }, {}, { a: { x: 'skipped', y: 'skipped' } }] as const)
      expect(counted(first, { again })).toMatchObject({ code: 1, counts: '1 1' });
  });

  test('is not run again where more than five files failed', () => {
    const files = (outcome: Outcome): Report =>
      Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`file${i}`, { x: outcome }]));
    const { code, counts, printed } = counted(files('failed'), { again: files('passed') });
    expect({ code, counts }).toEqual({ code: 1, counts: '0 6' });
    expect(printed).toContain('6 files failed, more than 5: none is run again');
  });

  test('fails without a report, and with one that names no failure though the run failed', () => {
    expect(counted(undefined, { code: 0 })).toMatchObject({ code: 1, counts: '0 1' });
    expect(counted({ a: { x: 'passed' } }, { code: 1, again: {} })).toMatchObject({ code: 1, counts: '1 1' });
  });
});
