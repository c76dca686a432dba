/** An error inside the node ends where it happens: a connection, a payment, a call. Only a store that fails ends the node. */
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { openCalls } from '../../node/api/rpc/calls.ts';
import { jsonRpc } from '../../node/api/rpc/jsonrpc.ts';
import type { Handlers } from '../../node/api/table.ts';
import { Machine } from '../../node/base/machine.ts';
import { endingClock, everySecond, timerGroup } from '../../node/base/timers.ts';
import { internalErrors, onFirstFailure } from '../../node/core/internalerrors.ts';
import { onUnhandled, partOf } from '../../node/core/unhandled.ts';
import { StoreError } from '../../node/store/errors.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { zeros } from '../../wire/bytes.ts';
import { channelId } from '../../wire/units.ts';
import { wholeOf } from '../support/answers.ts';
import { eventually, memoryLog, testPeers } from '../support/peers.ts';

const bug = new TypeError('a bug');

test('what waits for the store and throws is told of, and holds up nothing that waits with it', async () => {
  const told: unknown[] = [];
  const seen: number[] = [];
  const gate = new Gate(
    memoryStore(),
    () => seen.push(-1),
    (error) => told.push(error),
  );
  gate.save([{ key: 'k', value: zeros(1) }]);
  gate.afterSaved(() => seen.push(1));
  gate.afterSaved(() => {
    throw bug;
  });
  gate.afterSaved(() => seen.push(2));
  await gate.allSaved();
  gate.afterSaved(() => {
    throw bug;
  });
  gate.afterSaved(() => seen.push(3));
  expect([seen, told]).toEqual([
    [1, 2, 3],
    [bug, bug],
  ]);
});

test('an effect that throws and is survived is left out, and those behind it are performed', async () => {
  const performed: string[] = [];
  const survived: unknown[] = [];
  const m = new Machine<number, number, string>({
    state: 0,
    step: (state, n) => [state + n, ['a', 'b', 'c']],
    perform: (effect) => {
      if (effect === 'b') throw bug;
      performed.push(effect);
      return undefined;
    },
    survives: (_, input, effect) => survived.push([input, effect]) > 0,
    onFatal: (error) => {
      throw error;
    },
  });
  await m.deliver(1);
  expect([performed, survived, m.broken]).toEqual([['a', 'c'], [[1, 'b']], false]);
});

test('what an idle machine gives itself and cannot take is not given again before something else came', async () => {
  let given = 0;
  const m = new Machine<number, string, string>({
    state: 0,
    step: (state, input) => {
      if (input === 'own') throw bug;
      return [state + 1, []];
    },
    perform: () => undefined,
    idle: () => {
      given++;
      return 'own';
    },
    survives: () => true,
    onFatal: (error) => {
      throw error;
    },
  });
  await m.deliver('theirs');
  await m.settled();
  await m.deliver('theirs');
  await m.settled();
  expect([given, m.state]).toEqual([2, 2]);
});

test('a message that fits none costs the connection, and whoever sends it goes on', async () => {
  const [a, b] = [await testPeers(1), await testPeers(2)];
  const peer = await a.peers.connect(b.id, { host: '127.0.0.1', port: b.port });
  peer.send({ name: 'error', channel_id: channelId(zeros(32)), data: zeros(65_536) });
  await eventually(() => a.ended.length > 0);
  expect(a.ended).toEqual(['internal error at error']);
  expect(a.log.some((line) => line.startsWith('cannot encode a message: disconnecting the peer'))).toBe(true);
  await Promise.all([a.peers.stop(), b.peers.stop()]);
});

test('a node ends for its store alone, once; any other error is said with the part it is of', () => {
  const ends: unknown[] = [];
  const log = memoryLog();
  const onInternalError = internalErrors(
    log,
    onFirstFailure((error) => ends.push(error)),
  );
  onInternalError('gossip')(bug);
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]).toContain('"internal":"gossip"');
  const full = new StoreError({ code: 'write_failed', reason: 'disk full' });
  onInternalError('claims')(full);
  onInternalError('gossip')(full);
  expect(ends).toEqual([full]);
});

test('a call is answered whatever is thrown while it is read, made or written', async () => {
  const told: string[] = [];
  const handlers = {
    getinfo: () => {
      throw bug;
    },
    listpeers: () => Promise.reject(bug),
  } as unknown as Handlers;
  const answer = jsonRpc({ handlers, dev: false, broke: (method) => told.push(method) });
  const call = { signal: new AbortController().signal };
  for (const method of ['getinfo', 'listpeers'])
    expect(JSON.parse((await wholeOf(await answer(`{"id":7,"method":"${method}"}`, call))) ?? '')).toMatchObject({
      id: 7,
      error: { code: -32603 },
    });
  expect(told).toEqual(['getinfo', 'listpeers']);
});

test('a connection whose answer cannot be sent has no call under way for ever', async () => {
  const calls = openCalls(
    () => Promise.resolve('answer'),
    { pause: () => undefined, resume: () => undefined },
    () => {
      throw bug;
    },
  );
  calls.take('{}');
  await calls.end();
});

test('an error that nothing caught is said with the file it came from, and ends the node once', () => {
  const ends: unknown[] = [];
  const log = memoryLog();
  const events = new EventEmitter();
  const stop = onUnhandled(events, log, (error) => ends.push(error));
  const ours = new Error('x');
  ours.stack =
    'Error: x\n    at f (node:internal/y:1:1)\n    at g (/srv/node/ampere/node_modules/z/node/w.js:2:2)\n    at h (file:///srv/node/ampere/dist/node/backup/backups.js:61:9)';
  events.emit('unhandledRejection', ours);
  events.emit('uncaughtException', 'no error at all');
  expect(log.lines.map((line) => /"internal":"([^"]*)"/.exec(line)?.[1])).toEqual(['node/backup/backups', 'unknown']);
  expect(ends).toEqual([ours]);
  expect(partOf(new Error('here'))).toBe('node/contained.test');
  stop();
  expect(events.listenerCount('unhandledRejection')).toBe(0);
});

test('no timer outlives its clock, one that is set late included; one that throws is told of', () => {
  const set = new Set<() => void>();
  const clock = {
    now: () => 0,
    after: (_: number, run: () => void) => {
      set.add(run);
      return () => void set.delete(run);
    },
  };
  const told: unknown[] = [];
  const ending = endingClock(clock, (error) => told.push(error));
  ending.after(60_000, () => undefined);
  ending.after(1, () => undefined)();
  expect(set.size).toBe(1);
  let ticks = 0;
  const stop = everySecond(ending, () => {
    ticks++;
    throw bug;
  });
  for (let i = 0; i < 2; i++) {
    const [, tick] = [...set];
    if (tick !== undefined) set.delete(tick);
    tick?.();
  }
  expect([ticks, told]).toEqual([2, [bug, bug]]);
  stop();
  expect(set.size).toBe(1);
  ending.end();
  ending.after(60_000, () => undefined);
  expect(set.size).toBe(0);
  const later = timerGroup(clock);
  later.cancel();
  later.run(60_000, () => undefined);
  expect(set.size).toBe(0);
});

test('what comes too late to be kept, when a node has closed its store, is no failure; a save that failed is one, once', () => {
  const told: unknown[] = [];
  const fatal = onFirstFailure((error) => told.push(error));
  fatal(new StoreError({ code: 'closed' }));
  expect(told).toEqual([]);
  const failed = new StoreError({ code: 'write_failed', reason: 'ENOSPC' });
  fatal(failed);
  fatal(failed);
  expect(told).toEqual([failed]);
});
