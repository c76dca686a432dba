/** The line that says what a call is at: after a second, on a terminal alone, and gone with the answer. */
import { expect, test } from 'vitest';
import { paymentText, seldom, withProgress } from '../../node/cli/progress.ts';
import { terminalOf } from '../../node/cli/terminal.ts';
import type { Clock } from '../../node/ports/ports.ts';

/** A clock of which a test says when its next timer fires. */
const handClock = () => {
  const timers: { at: number; run: () => void }[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    after: (ms, run) => {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  };
  const next = async (): Promise<void> => {
    const timer = timers.shift();
    now = timer?.at ?? now;
    timer?.run();
    await new Promise(setImmediate);
  };
  return { clock, next, timers };
};

test('a call that takes long says for how long, and the line is cleared before its answer', async () => {
  const { clock, next, timers } = handClock();
  const said: string[] = [];
  let answer: (value: string) => void = () => undefined;
  const answered = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const call = { method: 'close', params: {}, socket: '/nowhere', clock };
  const result = withProgress(call, (text) => void said.push(text), answered);
  expect(said).toEqual([]);
  for (let i = 0; i < 4; i++) await next();
  answer('closed');
  expect(await result).toBe('closed');
  expect(said).toEqual(['close: 1 s', 'close: 1 s', 'close: 2 s', 'close: 2 s', '']);
  expect(timers).toEqual([]);
});

test('a call that is answered at once says nothing, and so does any where nobody watches', async () => {
  const { clock, timers } = handClock();
  const said: string[] = [];
  const call = { method: 'pay', params: {}, socket: '/nowhere', clock };
  expect(await withProgress(call, (text) => void said.push(text), Promise.resolve(1))).toBe(1);
  expect(await withProgress(call, undefined, Promise.resolve(2))).toBe(2);
  await expect(withProgress(call, (text) => void said.push(text), Promise.reject(new Error('no')))).rejects.toThrow(
    'no',
  );
  expect([said, timers]).toEqual([[], []]);
});

test('what takes long and is watched by nobody is told every ten seconds', () => {
  let now = 5000;
  const said: string[] = [];
  const log = seldom(
    (text) => void said.push(text),
    () => now,
  );
  for (; now < 40_000; now += 3000) log(() => `at ${now}`);
  expect(said).toEqual(['at 17000', 'at 29000']);
});

test('a payment is told by its HTLCs', () => {
  const shard = (status: string, amount: number) => ({ status, amount_sent_msat: amount });
  expect(paymentText({})).toBe('looking for a route');
  expect(paymentText({ shards: [shard('pending', 1_000_000), shard('pending', 500_000), shard('complete', 1)] })).toBe(
    '2 HTLCs under way with 1,500 sat, 1 arrived',
  );
  expect(paymentText({ shards: [shard('failed', 1_000), shard('pending', 1_000)] })).toBe(
    '1 HTLC under way with 1 sat, 1 failed',
  );
});

test('progress, colours and screen are of a terminal; NO_COLOR, FORCE_COLOR and COLUMNS are heeded', () => {
  const stream = (isTTY: boolean) =>
    ({ isTTY, columns: 100, rows: 30, hasColors: () => true, write: () => true }) as unknown as NodeJS.WriteStream;
  const [tty, pipe] = [stream(true), stream(false)];
  expect(terminalOf(tty, tty, {})).toMatchObject({ columns: 100, rows: 30, colors: true });
  expect(terminalOf(tty, tty, {}).progress).toBeDefined();
  expect(terminalOf(tty, pipe, { NO_COLOR: '1' })).toEqual({ columns: 100, rows: 30, colors: false });
  expect(terminalOf(pipe, pipe, {})).toEqual({ columns: 80, colors: false });
  expect(terminalOf(pipe, pipe, { COLUMNS: '132', FORCE_COLOR: '1' })).toEqual({ columns: 132, colors: true });
});
