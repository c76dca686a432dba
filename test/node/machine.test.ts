/** The executor of pure machines: order, durability before visibility, and what happens when something throws. */
import { expect, test } from 'vitest';
import { Machine } from '../../node/base/machine.ts';
import { isGone } from '../support/garbage.ts';

type Effect = { readonly do: 'save' | 'send'; readonly n: number };
const later = () => new Promise<void>((resolve) => setImmediate(resolve));

const machine = (trace: string[], step?: (state: number, n: number) => readonly [number, readonly Effect[]]) => {
  const broken: unknown[] = [];
  return {
    broken,
    machine: new Machine<number, number, Effect>({
      state: 0,
      step:
        step ??
        ((state, n) => [
          state + n,
          [
            { do: 'save', n },
            { do: 'send', n },
          ],
        ]),
      perform: (effect) => {
        if (effect.do === 'send') {
          trace.push(`send ${effect.n}`);
          return undefined;
        }
        return later().then(() => {
          trace.push(`saved ${effect.n}`);
        });
      },
      onFatal: (error) => broken.push(error),
    }),
  };
};

test('an effect waits for the one before it, and an input for all effects of the last', async () => {
  const trace: string[] = [];
  const { machine: m } = machine(trace);
  m.push(1);
  m.push(2);
  await m.settled();
  expect(trace).toEqual(['saved 1', 'send 1', 'saved 2', 'send 2']);
  expect(m.state).toBe(3);
});

test('idle is asked only when the queue has run empty', async () => {
  const trace: string[] = [];
  let asked = 0;
  const m = new Machine<number, number, string>({
    state: 0,
    step: (state, n) => [state + n, [`took ${n}`]],
    perform: (effect) => {
      trace.push(effect);
      return undefined;
    },
    idle: (state) => {
      asked++;
      return state < 10 ? 10 : undefined;
    },
    onFatal: () => undefined,
  });
  m.push(1);
  m.push(2);
  await m.settled();
  expect(trace).toEqual(['took 1', 'took 2', 'took 10']);
  expect(asked).toBe(2);
});

test('a step that throws halts the machine at its last good state and says so once', async () => {
  const trace: string[] = [];
  const { machine: m, broken } = machine(trace, (state, n) => {
    if (n === 2) throw new Error('bug');
    return [state + n, []];
  });
  for (const n of [1, 2, 3]) m.push(n);
  await m.settled();
  expect(m.state).toBe(1);
  expect(m.broken).toBe(true);
  expect(broken).toHaveLength(1);
  m.push(4);
  await m.settled();
  expect(m.state).toBe(1);
});

test('a save that fails keeps what depends on it from being sent', async () => {
  const sent: string[] = [];
  const broken: unknown[] = [];
  const m = new Machine<number, number, Effect>({
    state: 0,
    step: (state, n) => [
      state + n,
      [
        { do: 'save', n },
        { do: 'send', n },
      ],
    ],
    perform: (effect) => {
      if (effect.do === 'save') return Promise.reject(new Error('disk full'));
      sent.push('sent');
      return undefined;
    },
    onFatal: (error) => broken.push(error),
  });
  m.push(1);
  await m.settled();
  expect(sent).toEqual([]);
  expect(broken).toHaveLength(1);
});

test('an input that the machine survives is left out, and what follows is taken', async () => {
  const broken: unknown[] = [];
  const m = new Machine<number, number, never>({
    state: 0,
    step: (state, n) => {
      if (n === 2) throw new Error('bug');
      return [state + n, []];
    },
    perform: () => undefined,
    survives: (_, n) => n === 2,
    onFatal: (error) => broken.push(error),
  });
  for (const n of [1, 2, 3]) m.push(n);
  await m.settled();
  expect(m.state).toBe(4);
  expect(broken).toEqual([]);
});

test('deliver resolves once the effects of its input have been performed', async () => {
  const trace: string[] = [];
  const { machine: m } = machine(trace);
  await m.deliver(7);
  expect(trace).toEqual(['saved 7', 'send 7']);
});

test('who pushed what a machine that was stopped has left, or pushes after that, is told so', async () => {
  const dropped: number[] = [];
  const m: Machine<number, number, 'stop'> = new Machine<number, number, 'stop'>({
    state: 0,
    step: (state, n) => [state + n, n === 2 ? ['stop'] : []],
    perform: () => {
      m.stop();
      return undefined;
    },
    onDropped: (n) => dropped.push(n),
    onFatal: () => undefined,
  });
  for (const n of [1, 2, 3, 4]) m.push(n);
  await m.settled();
  expect(dropped).toEqual([3, 4]);
  m.push(5);
  expect(dropped).toEqual([3, 4, 5]);
  expect(m.state).toBe(3);
});

test('who pushed what a machine that broke has left is not: nothing may follow from it', async () => {
  const dropped: number[] = [];
  const m = new Machine<number, number, never>({
    state: 0,
    step: (_, n) => {
      throw new Error(`${n}`);
    },
    perform: () => undefined,
    onDropped: (n) => dropped.push(n),
    onFatal: () => undefined,
  });
  m.push(1);
  m.push(2);
  await m.settled();
  m.push(3);
  expect(dropped).toEqual([]);
});

test('a long queue lets the rest of the process have its turn in between', async () => {
  const m = new Machine<number, number, string>({
    state: 0,
    step: (state, n) => [state + n, []],
    perform: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  });
  for (let i = 0; i < 100; i++) m.push(1);
  const seen: number[] = [];
  const look = (): void => {
    seen.push(m.state);
    if (m.state < 100) setImmediate(look);
  };
  setImmediate(look);
  await m.settled();
  expect(seen.filter((state) => state > 0 && state < 100).length).toBeGreaterThan(5);
  expect(m.state).toBe(100);
});

test('a machine keeps its latest state in memory: none before it, and no effect that was performed', async () => {
  const refs: WeakRef<object>[] = [];
  const made = <T extends object>(one: T): T => {
    refs.push(new WeakRef(one));
    return one;
  };
  const m = new Machine<{ readonly n: number }, number, { readonly to: number }>({
    state: made({ n: 0 }),
    first: [made({ to: 0 })],
    step: (state, n) => [n === 3 ? { n: state.n + n } : made({ n: state.n + n }), [made({ to: n })]],
    perform: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  });
  m.begin();
  for (const n of [1, 2, 3]) m.push(n);
  await m.settled();
  expect(m.state).toEqual({ n: 6 });
  expect(await Promise.all(refs.map(isGone))).toEqual(refs.map(() => true));
});
