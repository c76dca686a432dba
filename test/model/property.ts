/**
 * Draws runs and checks the invariants after each: the same few each time, and others where AMPERE_MODEL_RUNS says how
 * many. AMPERE_MODEL_SEED says which; AMPERE_MODEL_PATH, as a failure prints it, picks one of them, AMPERE_MODEL_TRACE prints its
 * trace, AMPERE_MODEL_TALLY counts what runs came to, AMPERE_MODEL_SHRINK=no reports the first failure as it is, and
 * AMPERE_MODEL_SURVEY goes on after failures and lists them all in the end.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Run } from './arbitraries.ts';
import { runModel, tally } from './run.ts';

const env = (name: string): string | undefined => process.env[`AMPERE_MODEL_${name}`];

const usualSeed = 9735;

/** What a failure found wrong, or what went wrong in finding out. */
const wrongIn = (error: unknown): string => {
  if (error instanceof Error && 'actual' in error) return JSON.stringify(error.actual);
  return error instanceof Error ? error.message : String(error);
};

/** A test of so many runs, unless told otherwise. It prints what it takes to have the same runs again. */
export const testModel = (title: string, drawn: fc.Arbitrary<Run>, usual: number): void => {
  const runs = Number(env('RUNS') ?? usual);
  const chance = env('RUNS') === undefined ? usualSeed : Math.floor(Math.random() * 2 ** 31);
  const seed = Number(env('SEED') ?? chance);
  const path = env('PATH');
  const pinned = `AMPERE_MODEL_SEED=${seed} AMPERE_MODEL_RUNS=${runs}`;
  test(`${title} (${pinned})`, { timeout: 600_000 + runs * 3000 }, async () => {
    console.log(`${title}: ${pinned}`);
    const failures: string[] = [];
    let run = 0;
    await fc.assert(
      fc.asyncProperty(drawn, async ([options, moves]) => {
        const number = run++;
        try {
          await runModel(options, moves);
        } catch (error) {
          if (env('SURVEY') === undefined) throw error;
          failures.push(`AMPERE_MODEL_PATH=${number}: ${wrongIn(error)}`);
        }
      }),
      {
        numRuns: runs,
        seed,
        // A run that is picked is run as it is.
        endOnFailure: path !== undefined || env('SHRINK') === 'no',
        ...(path === undefined ? {} : { path }),
      },
    );
    expect(failures).toEqual([]);
    if (env('TALLY') !== undefined)
      console.log(
        [...tally]
          .sort()
          .map(([what, n]) => `${n} ${what}`)
          .join('\n'),
      );
  });
};
