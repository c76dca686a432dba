/** `setconfig`: how much a running node logs is changed without starting it again, and nothing else is. */
import { describe, expect, test } from 'vitest';
import { setconfig } from '../../node/api/methods/node/setconfig.ts';
import { openLog } from '../../node/base/log.ts';
import { defaultLevels, LevelTable, partLog } from '../../node/base/loglevels.ts';

const call = { signal: new AbortController().signal };

/** A log with the levels that a node begins with, and the method over it. */
const opened = () => {
  const lines: string[] = [];
  const levels = new LevelTable(defaultLevels);
  const log = openLog({ levels, form: 'json', colour: false, out: { write: (line) => void lines.push(line) } });
  const set = (given: { readonly config: string; readonly val: string; readonly transient?: boolean }) =>
    setconfig.handler({ logLevels: levels }, setconfig.params.parse(given), call);
  return { lines, log, set };
};

describe('setconfig', () => {
  test('log-level holds from the next line on, and the answer says what holds in the shape of Core Lightning', async () => {
    const { lines, log, set } = opened();
    const peer = partLog(log, 'peer');
    peer.trace({}, 'before');
    expect(await set({ config: 'log-level', val: 'warn, peer=trace' })).toEqual({
      config: { config: 'log-level', value_str: 'warn,peer=trace', source: 'setconfig', dynamic: true },
    });
    peer.trace({}, 'after');
    log.info({}, 'of another part');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['after']);
    await set({ config: 'log-level', val: 'info', transient: true });
    peer.trace({}, 'again not');
    expect(lines).toHaveLength(1);
  });

  test.each([
    [{ config: 'log-level', val: 'peer=loud' }, 'val: expected peer=LEVEL with one of trace'],
    [{ config: 'log-level', val: 'chanel=debug' }, 'is channel meant?'],
    [{ config: 'log-level', val: 'debug', transient: false }, 'transient: the node does not write its config file'],
    [{ config: 'log-levl', val: 'debug' }, 'config: no option of this name; is log-level meant?'],
    [{ config: 'fee-base', val: '5' }, 'config: fee-base cannot be changed while the node runs'],
  ])('%j is refused, and the levels stay as they were', async (given, message) => {
    const { lines, log, set } = opened();
    await expect(set(given)).rejects.toMatchObject({ code: -32602, message: expect.stringContaining(message) });
    log.debug({}, 'not written');
    log.info({}, 'written');
    expect(lines).toHaveLength(1);
  });
});
