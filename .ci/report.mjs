/**
 * Counts a run of the tests by its JSON report: `node .ci/report.mjs NAME CODE FOLDER [COMMAND…]`, where CODE is what the run
 * exited with and FOLDER has its report, `NAME.json`.
 *
 * With a COMMAND, the files that failed are run once more, alone, by that command with their names added, if they are few: tests with real
 * processes and other people's programs fail by chance at times, and what is broken fails again. Their second results take the place of the
 * first, and what passed only then is said. FOLDER gets `NAME.counts` (passed, failed) and `NAME.failures`, to be shown at the end.
 * Exits with 0 where nothing failed in the end.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Where more files than these fail, something is broken, and it is not run again. */
const MOST_AGAIN = 5;
/** Lines of an error that are shown, without those of its stack that are the runner's. */
const MOST_LINES = 25;

const [, , name = '', code = '', folder = '', ...command] = process.argv;
const report = join(folder, `${name}.json`);
const second = join(folder, `${name}.again.json`);

/** What each file came to: how many tests passed, and those that failed, with their errors. Undefined without a report. */
const read = (path) => {
  if (!existsSync(path)) return undefined;
  const { testResults } = JSON.parse(readFileSync(path, 'utf8'));
  return new Map(
    testResults.map(({ name: file, status, message, assertionResults }) => {
      const failures = assertionResults
        .filter((test) => test.status === 'failed')
        .map(({ fullName, failureMessages }) => ({ test: fullName, error: failureMessages.join('\n') }));
      // A hook or an import that throws fails a file without failing any test.
      if (status === 'failed' && failures.length === 0) failures.push({ test: 'the file as a whole', error: message });
      const passed = assertionResults.filter((test) => test.status === 'passed').length;
      return [relative(process.cwd(), file), { passed, failures }];
    }),
  );
};

const failedOf = (results) => [...results].filter(([, { failures }]) => failures.length > 0).map(([file]) => file);
const shortened = (error) => {
  const lines = error.split('\n').filter((line) => !/^\s+at .*node_modules/.test(line));
  return [...lines.slice(0, MOST_LINES), ...(lines.length > MOST_LINES ? ['…'] : [])]
    .map((line) => `    ${line}\n`)
    .join('');
};
const said = (heading, file, { test, error }) => `== ${heading}: ${file} > ${test}\n${shortened(error)}`;

/** Runs a file again; its results, or undefined where there is no report. */
const runAgain = (file) => {
  console.log(`== run again, alone: ${file}`);
  rmSync(second, { force: true });
  const [program, ...words] = command;
  spawnSync(program, [...words, file, '--reporter=json', `--outputFile.json=${second}`], { stdio: 'inherit' });
  return read(second)?.get(file);
};

const results = read(report);
const broken = results === undefined ? [] : failedOf(results);
let text = '';
let [passed, failed] = [0, 0];
if (results === undefined || (broken.length === 0 && code !== '0')) {
  failed = 1;
  text = `== failed: ${name} exited with ${code}, and no report names a test: see what it printed\n`;
}
if (command.length > 0 && broken.length > MOST_AGAIN)
  console.log(`== ${broken.length} files failed, more than ${MOST_AGAIN}: none is run again`);
else if (command.length > 0)
  for (const file of broken) {
    const again = runAgain(file);
    // One that was skipped has not passed.
    if (again === undefined || again.passed + again.failures.length === 0) continue;
    const heading = again.failures.length === 0 ? 'passed only when run again' : 'failed, and its file was run again';
    for (const failure of results.get(file).failures) text += said(heading, file, failure);
    results.set(file, again);
  }
for (const [file, result] of results ?? []) {
  passed += result.passed;
  failed += result.failures.length;
  for (const failure of result.failures) text += said(`failed in ${name}`, file, failure);
}
writeFileSync(join(folder, `${name}.counts`), `${passed} ${failed}\n`);
writeFileSync(join(folder, `${name}.failures`), text);
process.exitCode = failed === 0 ? 0 : 1;
