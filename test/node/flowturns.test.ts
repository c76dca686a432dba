/** How searches for flows take turns, so that the rest of the node goes on beside them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FlowTurns } from '../../node/pay/flowturns.ts';
import { heldClock, until } from '../support/quiet.ts';

const opened = () => {
  const clock = heldClock();
  const turns = new FlowTurns(clock);
  const done: string[] = [];
  let busy = 0;
  /** A search that takes so many milliseconds. */
  const search = (name: string, ms: number) => (): void => {
    clock.pass(ms);
    busy += ms;
    done.push(name);
  };
  return { clock, turns, done, search, busy: () => busy };
};

const never = new AbortController().signal;

test('quick flows are looked for at once, however many there are', () => {
  const { turns, done, search } = opened();
  for (let n = 0; n < 1_000; n++) turns.forPayment(search(`${n}`, n % 2));
  expect(done).toHaveLength(1_000);
});

test('after one that takes its time the event loop has a turn before the next', () => {
  const { clock, turns, done, search } = opened();
  turns.forPayment(search('a', 100));
  turns.forPayment(search('b', 100));
  expect(done).toEqual(['a']);
  clock.pass(1);
  expect(done).toEqual(['a', 'b']);
});

test('whatever is asked for, flows take no more than a fifth of the time beyond half a second and one of them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ ms: fc.integer({ min: 3, max: 800 }), after: fc.integer({ min: 0, max: 50 }) }), {
        minLength: 1,
        maxLength: 60,
      }),
      (asked) => {
        const { clock, turns, search, busy } = opened();
        for (const { ms, after } of asked) {
          turns.forPayment(search('', ms));
          clock.pass(after);
        }
        for (let n = 0; n < 2_000; n++) {
          clock.pass(50);
          const slowest = Math.max(...asked.map(({ ms }) => ms));
          expect(busy()).toBeLessThanOrEqual(500 + clock.now() / 5 + slowest);
        }
        expect(busy()).toBe(asked.reduce((sum, { ms }) => sum + ms, 0));
      },
    ),
    { numRuns: 20 },
  );
});

test('neither payments nor callers keep the others from their turn', async () => {
  const { clock, turns, done, search } = opened();
  turns.forPayment(search('first', 100));
  for (const name of ['p1', 'p2']) turns.forPayment(search(name, 1_000));
  const calls = ['c1', 'c2'].map((name) => turns.forCaller(never, search(name, 1_000)));
  for (let n = 0; n < 500; n++) clock.pass(100);
  await Promise.all(calls);
  expect(done.map((name) => name[0]).slice(1)).toEqual(expect.arrayContaining(['p', 'c', 'p', 'c']));
  expect(new Set(done.slice(1, 3).map((name) => name[0])).size).toBe(2);
});

test('a caller gets what was found, or the error; who has gone costs no search', async () => {
  const { clock, turns, done, search } = opened();
  expect(await turns.forCaller(never, () => 7)).toBe(7);
  const bad = (): never => {
    throw new RangeError('no');
  };
  await expect(turns.forCaller(never, bad)).rejects.toThrow('no');
  turns.forPayment(search('slow', 1_000));
  const gone = new AbortController();
  const call = turns.forCaller(gone.signal, search('useless', 1_000));
  gone.abort();
  clock.pass(10_000);
  expect(await call).toBeUndefined();
  expect(done).toEqual(['slow']);
});

test('only so many callers wait at once', () => {
  const { turns, search } = opened();
  turns.forPayment(search('slow', 1_000));
  for (let n = 0; n < 32; n++) {
    expect(turns.isCrowded).toBe(false);
    void turns.forCaller(never, search('', 1));
  }
  expect(turns.isCrowded).toBe(true);
});

test('nothing is looked for once they have stopped', async () => {
  const { clock, turns, done, search } = opened();
  turns.forPayment(search('slow', 1_000));
  turns.forPayment(search('b', 1_000));
  turns.stop();
  turns.forPayment(search('c', 1_000));
  clock.pass(60_000);
  await until(() => clock.waiting === 0);
  expect(done).toEqual(['slow']);
});
