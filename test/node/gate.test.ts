/** Nothing leaves the process before what it rests on would survive a power cut, and everything leaves in order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Gate } from '../../node/store/gate.ts';
import type { Change } from '../../wire/change.ts';

/** A store whose commits become durable when the test says so, in order. */
const heldStore = () => {
  const held: { resolve(): void; reject(error: unknown): void }[] = [];
  return {
    held,
    commit: (_: readonly Change[]) => new Promise<void>((resolve, reject) => held.push({ resolve, reject })),
    flush: async (count = 1) => {
      for (const entry of held.splice(0, count)) entry.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
};
const change = [{ key: 'k', value: new Uint8Array(1) }];
const never = (error: unknown) => {
  throw error;
};

test('what rests on nothing passes at once', () => {
  const seen: number[] = [];
  new Gate(heldStore(), never).afterSaved(() => seen.push(1));
  expect(seen).toEqual([1]);
});

test('a message waits for the save before it, and not for one after it', async () => {
  const store = heldStore();
  const gate = new Gate(store, never);
  const seen: string[] = [];
  gate.save(change);
  gate.afterSaved(() => seen.push('first'));
  gate.save(change);
  gate.afterSaved(() => seen.push('second'));
  expect(seen).toEqual([]);
  await store.flush();
  expect(seen).toEqual(['first']);
  await store.flush();
  expect(seen).toEqual(['first', 'second']);
});

test('when the store fails nothing that waits ever passes, and it is said once', async () => {
  const store = heldStore();
  const errors: unknown[] = [];
  const gate = new Gate(store, (error) => errors.push(error));
  const seen: string[] = [];
  gate.save(change);
  gate.afterSaved(() => seen.push('sent'));
  gate.save(change);
  for (const entry of store.held.splice(0)) entry.reject(new Error('disk full'));
  await new Promise((resolve) => setImmediate(resolve));
  gate.afterSaved(() => seen.push('later'));
  expect(seen).toEqual([]);
  expect(errors).toHaveLength(1);
});

test('whatever the order of saves, messages and flushes, messages pass in order and never before their saves', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('keep', 'after', 'flush'), { maxLength: 60 }), async (steps) => {
      const store = heldStore();
      const gate = new Gate(store, never);
      let kept = 0;
      let durable = 0;
      const passed: { readonly need: number; readonly durable: number; readonly n: number }[] = [];
      let asked = 0;
      for (const step of steps) {
        if (step === 'keep') {
          gate.save(change);
          kept++;
        } else if (step === 'after') {
          const need = kept;
          const n = asked++;
          gate.afterSaved(() => passed.push({ need, durable, n }));
        } else if (store.held.length > 0) {
          durable++;
          await store.flush();
        }
      }
      while (store.held.length > 0) {
        durable++;
        await store.flush();
      }
      expect(passed.map(({ n }) => n)).toEqual(Array.from({ length: asked }, (_, i) => i));
      for (const entry of passed) expect(entry.durable).toBeGreaterThanOrEqual(entry.need);
    }),
    { numRuns: 100 },
  );
});

test('whoever waits for the store to end is not kept by one that failed', async () => {
  const gate = new Gate({ commit: () => Promise.reject(new Error('full')) }, () => undefined);
  gate.save([{ key: 'a', value: new Uint8Array() }]);
  await gate.waitUnlessFailed(gate.allSaved());
  await gate.waitUnlessFailed(new Promise(() => undefined));
});
