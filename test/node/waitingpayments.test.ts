/** The line of payments that wait for room: who looks for some, and when. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outlet } from '../../amp/route.ts';
import { WaitingPayments } from '../../node/pay/waitingpayments.ts';
import { outlet } from '../amp/byhand.ts';

const opened = (hasRoom = true, clock = { ms: 0 }) => {
  const looked: string[] = [];
  const channels = { outlets: () => [outlet(1, hasRoom ? 1000n : 0n)], away: () => [outlet(2, 0n)] };
  const line = new WaitingPayments(
    () => channels,
    (id, outlets) => {
      expect(outlets).toHaveLength(2);
      looked.push(id);
    },
    () => clock.ms,
  );
  return { line, looked };
};

test('for each HTLC that leaves two payments look for room, the oldest first, after those with HTLCs in flight', () => {
  const { line, looked } = opened();
  for (const number of [5, 3, 4, 1, 2]) line.add(`${number}`, number, number === 4);
  line.roomFreed(1);
  expect(looked).toEqual(['4', '1']);
  line.roomFreed(2);
  expect([looked.slice(2), line.size]).toEqual([['2', '3', '5'], 0]);
});

test('one that finds none stands in its old place again', () => {
  const { line, looked } = opened();
  for (const number of [1, 2, 3]) line.add(`${number}`, number, false);
  line.roomFreed(1);
  line.add('1', 1, false);
  line.roomFreed(1);
  expect(looked).toEqual(['1', '2', '1', '3']);
});

test('nobody looks when an HTLC leaves and the channels are still full', () => {
  const { line, looked } = opened(false);
  line.add('1', 1, false);
  line.roomFreed(1);
  expect([looked, line.size]).toEqual([[], 1]);
});

test('what our channels carry is asked once for all who look, and not at all where nobody waits', () => {
  let asked = 0;
  const looked: string[] = [];
  const channels = { outlets: () => [outlet(++asked, 1000n)], away: () => [] };
  const line = new WaitingPayments(
    () => channels,
    (id) => void looked.push(id),
    () => 0,
  );
  line.roomFreed(5);
  line.tick();
  expect(asked).toBe(0);
  for (let number = 1; number <= 9; number++) line.add(`${number}`, number, false);
  line.roomFreed(2);
  expect([asked, looked.length]).toEqual([1, 4]);
  line.tick();
  expect([asked, looked.length]).toEqual([2, 9]);
});

test('nobody looks while there is no channel to be seen, as when the chain is away, and all do afterwards', () => {
  const ways: Outlet[] = [];
  const looked: string[] = [];
  const channels = { outlets: () => ways, away: () => [] };
  const line = new WaitingPayments(
    () => channels,
    (id) => void looked.push(id),
    () => 0,
  );
  line.add('1', 1, false);
  line.tick();
  line.roomFreed(1);
  expect([looked, line.size]).toEqual([[], 1]);
  ways.push(outlet(1, 0n));
  line.tick();
  expect(looked).toEqual(['1']);
});

test('once a second 32 look, in turns, so that everybody does in the end', () => {
  const { line, looked } = opened(false);
  for (let number = 1; number <= 100; number++) line.add(`${number}`, number, false);
  const tick = (): readonly number[] => {
    const from = looked.length;
    line.tick();
    const now = looked.slice(from).map(Number);
    for (const number of now) line.add(`${number}`, number, false);
    return now;
  };
  const ticks = [tick(), tick(), tick(), tick()];
  expect(ticks.map((one) => [one.length, one[0], one.at(-1)])).toEqual([
    [32, 1, 32],
    [32, 33, 64],
    [32, 65, 96],
    [32, 97, 28],
  ]);
});

test('the longer a search for a route takes that is not there, the fewer payments look, and no more than for a fifth of the time', () => {
  const clock = { ms: 0 };
  const { line, looked } = opened(true, clock);
  for (let number = 1; number <= 400; number++) line.add(`${number}`, number, false);
  line.searched(100);
  line.tick();
  expect(looked).toHaveLength(4);
  for (let second = 1; second <= 60; second++) {
    clock.ms = second * 1000;
    for (const search of [() => line.tick(), () => line.roomFreed(1)]) {
      const before = looked.length;
      search();
      for (const id of looked.slice(before)) {
        line.searched(100);
        line.add(id, Number(id), false);
      }
    }
  }
  expect(looked.length * 100).toBeLessThanOrEqual(60_000 / 5 + 1000);
  expect(new Set(looked).size).toBeGreaterThan(50);
});

test('whatever joins, leaves and looks, nobody is in line twice and nobody is forgotten', () => {
  const number = fc.integer({ min: 1, max: 40 });
  const move = fc.oneof(
    fc.record({ add: number, hasInFlight: fc.boolean() }),
    fc.record({ remove: number }),
    fc.record({ freed: fc.integer({ min: 1, max: 5 }) }),
    fc.constant({ tick: true as const }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const { line, looked } = opened();
      const waiting = new Set<string>();
      for (const one of moves) {
        const from = looked.length;
        if ('add' in one) {
          line.add(`${one.add}`, one.add, one.hasInFlight);
          waiting.add(`${one.add}`);
        } else if ('remove' in one) {
          line.remove(`${one.remove}`);
          waiting.delete(`${one.remove}`);
        } else if ('freed' in one) line.roomFreed(one.freed);
        else line.tick();
        for (const id of looked.slice(from)) expect(waiting.delete(id)).toBe(true);
        expect(line.size).toBe(waiting.size);
      }
    }),
  );
});
