/** One chain for all tests of a file, on which each begins with a channel of its own. */
import { beforeAll } from 'vitest';
import { type Stage, stage } from './world.ts';

/** Makes the chain before the first test of the file that calls this; what it gives back may be used within tests. */
export const onStage = (): Stage => {
  let made: Stage | undefined;
  beforeAll(async () => {
    made = await stage();
  }, 120_000);
  return (format, more) => {
    if (made === undefined) throw new Error('no chain yet: expected to be called within a test');
    return made(format, more);
  };
};
