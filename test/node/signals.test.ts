/** What signals do to a node: two end it, one opens its log anew or ends it, two do nothing. */
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { onSignals } from '../../node/base/signals.ts';
import { memoryLog } from '../support/peers.ts';

const heeding = (reopen?: () => void) => {
  const from = new EventEmitter();
  const lines: string[] = [];
  const stops: string[] = [];
  const unheed = onSignals(from, { log: memoryLog(lines), stop: () => void stops.push('stopped'), reopen });
  return { from, lines, stops, unheed };
};

test.each(['SIGINT', 'SIGTERM'])('%s stops the node, once', (signal) => {
  const { from, stops, lines } = heeding(() => undefined);
  from.emit(signal);
  from.emit(signal);
  expect(stops).toHaveLength(1);
  expect(lines.at(-1)).toContain('already stopping');
});

describe('SIGHUP', () => {
  test('SIGHUP reopens the log file and stops nothing', () => {
    let opened = 0;
    const { from, stops } = heeding(() => void opened++);
    from.emit('SIGHUP');
    from.emit('SIGHUP');
    expect([opened, stops]).toEqual([2, []]);
  });

  test('SIGHUP stops the node where its log is no file', () => {
    const { from, stops } = heeding();
    from.emit('SIGHUP');
    expect(stops).toHaveLength(1);
  });

  test('SIGHUP logs that the log file cannot be reopened, and the node goes on', () => {
    const { from, stops, lines } = heeding(() => {
      throw new Error('cannot write the log file');
    });
    from.emit('SIGHUP');
    expect(stops).toEqual([]);
    expect(lines.at(-1)).toContain('the log file could not be reopened');
  });
});

test('SIGUSR1 and SIGUSR2 are handled and do nothing', () => {
  const { from, stops, lines, unheed } = heeding();
  for (const signal of ['SIGUSR1', 'SIGUSR2']) expect(from.emit(signal)).toBe(true);
  expect([stops, lines]).toEqual([[], []]);
  unheed();
  // Without a listener one would kill and the other open the debugger, while the process ends.
  for (const signal of ['SIGUSR1', 'SIGUSR2']) expect(from.emit(signal)).toBe(true);
  expect(from.listenerCount('SIGTERM')).toBe(0);
});
