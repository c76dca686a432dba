/** The log: levels, both forms, and that no secret gets into it. */

import { describe, expect, test } from 'vitest';
import { openLog } from '../../node/base/log.ts';
import { LevelTable, type LogLevel } from '../../node/base/loglevels.ts';

const collect = (level: LogLevel, form: 'text' | 'json') => {
  const lines: string[] = [];
  return {
    lines,
    log: openLog({
      levels: new LevelTable({ others: level, parts: {} }),
      form,
      colour: false,
      out: { write: (line) => void lines.push(line) },
    }),
  };
};

describe('as JSON', () => {
  test('each line is an object with level, time, fields and message', () => {
    const { lines, log } = collect('info', 'json');
    log.child({ peer: 'bob' }).info({ amount_msat: 5n, id: Uint8Array.of(1, 255) }, 'hello');
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.any(Number),
      part: 'core',
      peer: 'bob',
      amount_msat: '5',
      id: '01ff',
      msg: 'hello',
    });
  });

  test.each([
    ['trace', 5],
    ['debug', 4],
    ['warn', 2],
    ['silent', 0],
  ] satisfies [LogLevel, number][])('at level %s %i of five lines are written', (level, count) => {
    const { lines, log } = collect(level, 'json');
    log.trace({}, '_');
    log.debug({}, 'a');
    log.info({}, 'b');
    log.warn({}, 'c');
    log.error({}, 'd');
    expect(lines).toHaveLength(count);
  });

  test.each([
    [{ password: 'hunter2' }],
    [{ bitcoind: { auth: { user: 'u', password: 'hunter2' } } }],
    [{ payment_secret: 'hunter2' }],
    [{ nodeSeed: 'hunter2' }],
    [{ list: [{ preimage: 'hunter2' }] }],
    [{ payment_preimage: new TextEncoder().encode('hunter2') }],
    [{ privateKey: 'hunter2' }],
    [{ where: 'http://ampere:hunter2@127.0.0.1:8332/' }],
    [{ error: new Error('cannot reach http://ampere:p@ss:hunter2@h') }],
    [{ headers: { authorization: 'Bearer hunter2' } }],
    [{ error: Object.assign(new Error('x'), { token: 'hunter2' }) }],
  ])('%j is written without its secret', (fields) => {
    const { lines, log } = collect('debug', 'json');
    log.info(fields, 'x');
    log.child(fields as Record<string, unknown>).info({}, 'y');
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).not.toContain('hunter2');
      expect(line).not.toContain('68756e74657232');
      expect(line).toContain('[hidden]');
    }
  });

  test('text of strangers has no characters that hide or turn what stands around it', () => {
    const { lines, log } = collect('info', 'json');
    const bad = ['\u0007', '\u200b', '\u200d', '\u2060', '\ufeff', '\u00ad', '\u202e', '\u2069', '\u061c', '\u2028'];
    const tag = '\u{e0041}';
    log.info({ alias: [...bad, tag].join('a') }, `said ${bad.join('b')}`);
    log.error({ error: new Error(`no ${bad.join('c')}`) }, 'x');
    for (const character of [...bad, tag]) for (const line of lines) expect(line).not.toContain(character);
    expect(lines[0]).toContain('\\\\u{202e}');
    expect(lines[0]).toContain('\\\\u{e0041}');
  });

  test('an object that contains itself does not stop the log', () => {
    const loop: Record<string, unknown> = {};
    loop['again'] = loop;
    const { lines, log } = collect('info', 'json');
    log.info({ loop }, 'x');
    expect(lines).toHaveLength(1);
  });
});

test('as text a line is for reading, an error with where it came from', () => {
  const { lines, log } = collect('info', 'text');
  log.info({ channel: '103x1x0', peer: { id: 'b' } }, 'channel is open');
  log.error({ error: new TypeError('no such thing') }, 'broken');
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} info {2}core: channel is open {2}channel=103x1x0 {2}peer=\{"id":"b"\}\n$/,
  );
  expect(lines[1]).toMatch(/error core: broken {2}error=TypeError: no such thing\n +at /);
});
