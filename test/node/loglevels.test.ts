/** Levels of the log: of the whole node and of its parts, as they are written and while a log runs. */
import { describe, expect, test } from 'vitest';
import { openLog } from '../../node/base/log.ts';
import { LevelTable, logLevelsFrom, logLevelsText, logParts, partLog, partLogs } from '../../node/base/loglevels.ts';
import { limitedLog } from '../../node/base/loglimits.ts';
import { namingLog } from '../../node/channels/naming.ts';

/** A log as a node has it, with its lines as they come out. */
const opened = (text: string) => {
  const lines: string[] = [];
  const levels = new LevelTable(logLevelsFrom(text));
  const out = { write: (line: string) => void lines.push(line) };
  const log = openLog({ levels, form: 'json', colour: false, out });
  const told = () => lines.splice(0).map((line) => JSON.parse(line) as { readonly part: string; readonly msg: string });
  return { levels, log, told };
};

describe('levels of parts', () => {
  test.each([
    ['info', { others: 'info', parts: {} }],
    ['peer=debug', { others: 'info', parts: { peer: 'debug' } }],
    ['peer=debug,channel=trace', { others: 'info', parts: { peer: 'debug', channel: 'trace' } }],
    ['info,peer=trace', { others: 'info', parts: { peer: 'trace' } }],
    [' chain = error , silent ', { others: 'silent', parts: { chain: 'error' } }],
  ])('log levels %j are parsed, and their text is parsed to the same', (text, levels) => {
    expect(logLevelsFrom(text)).toEqual(levels);
    expect(logLevelsFrom(logLevelsText(logLevelsFrom(text)))).toEqual(levels);
  });

  test.each([
    ['', 'one of trace, debug, info, warn, error, silent, or PART=LEVEL'],
    ['loud', 'one of trace, debug'],
    ['debgu', 'is debug meant?'],
    ['peer', 'peer=LEVEL with one of trace'],
    ['peer=', 'peer=LEVEL with one of trace'],
    ['peer=debug=trace', 'peer=LEVEL with one of trace'],
    ['peer=debgu', 'is debug meant?'],
    ['wallet=info,chanel=debug', `${logParts.join(', ')}; is channel meant?`],
    ['__proto__=debug', 'a part that there is'],
    ['info,', 'one of trace'],
    ['info,debug', 'one level for all parts, not two'],
    ['peer=info,peer=debug', 'one level for peer, not two'],
    ['info,'.repeat(200), 'at most 500 characters'],
  ])('log levels %j are refused with what was expected', (text, expected) => {
    expect(() => logLevelsFrom(text)).toThrow(RangeError);
    expect(() => logLevelsFrom(text)).toThrow(expected);
  });
});

describe('a log with levels of parts', () => {
  test('a log writes each part from its own level on, and all others from the common one', () => {
    const { log, told } = opened('warn,peer=trace,channel=silent');
    for (const part of Object.values(partLogs(log))) {
      part.trace({}, 'trace');
      part.info({}, 'info');
      part.error({}, 'error');
    }
    const expected = logParts.flatMap((part) =>
      part === 'channel'
        ? []
        : (part === 'peer' ? ['trace', 'info', 'error'] : ['error']).map((msg) => ({ part, msg })),
    );
    expect(told().map(({ part, msg }) => ({ part, msg }))).toEqual(expected);
  });

  test('a log names the part in every line, and core where the line belongs to no other', () => {
    const { log, told } = opened('info');
    log.info({}, 'own');
    partLog(log, 'wallet').info({}, 'of a part');
    partLog(log, 'wallet').child({ peer: 'bob' }).info({}, 'of a child of a part');
    partLog(log.child({ peer: 'bob' }), 'gossip').info({}, 'of a part of a child');
    expect(told().map(({ part }) => part)).toEqual(['core', 'wallet', 'wallet', 'gossip']);
  });

  test('a log with limits keeps the levels of parts, and says for which part lines were suppressed', () => {
    const { log, told } = opened('silent,gossip=info,forward=trace');
    let say = (): void => undefined;
    const limited = limitedLog(log, {
      now: () => 0,
      later: (_, run) => {
        say = run;
      },
    });
    const [gossip, peer] = [partLog(limited, 'gossip'), partLog(limited, 'peer')];
    for (let n = 0; n < 30; n++) gossip.info({}, 'noise');
    for (let n = 0; n < 30; n++) peer.info({}, 'other noise');
    say();
    expect(told().at(-1)).toMatchObject({ part: 'gossip', lines: 10 });
    const forward = namingLog(partLog(limited, 'forward'), () => '1x1x1');
    expect([forward.isTracing(), gossip.isTracing()]).toEqual([true, false]);
    for (let n = 0; n < 300; n++) forward.trace({ channel: 'key' }, 'all of it');
    expect(told()).toHaveLength(300);
  });

  test('a change of log levels applies at once, also to logs that existed before', () => {
    const { log, levels, told } = opened('info');
    const peer = partLog(log, 'peer').child({ peer: 'bob' });
    peer.debug({}, 'before');
    levels.set(logLevelsFrom('peer=debug'));
    peer.debug({}, 'between');
    log.debug({}, 'of another part');
    levels.set(logLevelsFrom('error'));
    peer.debug({}, 'after');
    expect(told().map(({ msg }) => msg)).toEqual(['between']);
    expect(logLevelsText(levels.levels)).toBe('error');
  });
});
