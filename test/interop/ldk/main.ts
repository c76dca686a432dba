/**
 * An LDK node as a process: a child made with `fork`, which it serves over that channel. Its output is its log. It ends
 * with its parent, and at once when LDK panics, since what LDK holds cannot be trusted afterwards.
 */
import type { CallName, Message, Request, StartOptions } from './calls.ts';
import { startDriver } from './driver.ts';
import { isPanic } from './values.ts';

const panicked = 70;

const say = (message: Message): void => void process.send?.(message);

const failed = (error: unknown): void => {
  console.log(error);
  if (isPanic(error)) process.exit(panicked);
};

let driver: Awaited<ReturnType<typeof startDriver>>['driver'] | undefined;

const answer = async ({ name, given }: Request): Promise<unknown> => {
  if (name === 'start') {
    const made = await startDriver(given as StartOptions, (report) => say({ type: 'report', report }));
    driver = made.driver;
    return made.started;
  }
  if (driver === undefined) throw new Error(`${name} came before start`);
  const handler = driver.handlers[name as Exclude<CallName, 'start'>] as (given: unknown) => Promise<unknown>;
  return handler(given);
};

process.on('message', (request: Request) => {
  answer(request).then(
    (result) => say({ type: 'answer', id: request.id, result }),
    (error: unknown) => {
      failed(error);
      say({ type: 'refusal', id: request.id, error: error instanceof Error ? error.message : String(error) });
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.on('unhandledRejection', failed);
process.on('uncaughtException', (error) => {
  failed(error);
  process.exit(1);
});
