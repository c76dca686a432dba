/** The command line: the words it takes, what it prints, how it ends. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parametersOf } from '../../node/api/help.ts';
import { type ApiServer, listenUnix } from '../../node/api/rpc/unix.ts';
import { isMethod, type MethodName, table } from '../../node/api/table.ts';
import { ListenError } from '../../node/base/listenerror.ts';
import { version } from '../../node/base/version.ts';
import { runCommand } from '../../node/cli/program.ts';
import type { Terminal } from '../../node/cli/terminal.ts';
import { paramsFrom, type Style, UsageError } from '../../node/cli/words.ts';
import type { Config } from '../../node/config/config.ts';
import { options } from '../../node/config/options.ts';
import { wholeOf } from '../support/answers.ts';
import { fakeRpc, ids, patient } from '../support/api.ts';

let dir = '';
let server: ApiServer | undefined;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-'));
  server = await listenUnix(join(dir, 'regtest', 'lightning-rpc'), fakeRpc().answer);
});
afterAll(async () => {
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

const run = async (words: readonly string[], start: (config: Config) => void = () => {}, terminal?: Terminal) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand(['--dir', dir, ...words], {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    env: {},
    run: async (config) => ({ ended: Promise.resolve(start(config)) }),
    ...(terminal && { terminal }),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
};

describe('the words of a command line', () => {
  const read = (method: MethodName, words: readonly string[], given = {}, style: Style = 'guess') =>
    paramsFrom(parametersOf(table[method]), words, given, style);

  test.each([
    ['in the order of the parameters', ['1sat', 'l', 'd'], {}, { amount_msat: '1sat', label: 'l', description: 'd' }],
    ['by their names', ['label=l', 'amount_msat=any'], {}, { amount_msat: 'any', label: 'l' }],
    ['as options', [], { label: 'l', deschashonly: true }, { label: 'l', deschashonly: true }],
    [
      'the rest in order, behind options',
      ['d'],
      { amount_msat: '1', label: 'l' },
      { amount_msat: '1', label: 'l', description: 'd' },
    ],
    ['a value with = in it', ['label=a=b'], {}, { label: 'a=b' }],
    [
      'a description that looks like a name and a value',
      ['any', 'l', 'x=y'],
      {},
      { amount_msat: 'any', label: 'l', description: 'x=y' },
    ],
    ['text that looks like JSON', ['any', 'l', '[x]'], {}, { amount_msat: 'any', label: 'l', description: '[x]' }],
  ])('give the parameters: %s', (_, words, given, expected) => {
    expect(read('invoice', words, given)).toEqual(expected);
  });

  test.each(['channel_type=["12","46"]', 'channel_type=12, 46'])('give a list as JSON or with commas: %s', (word) => {
    expect(read('fundchannel', [word])).toEqual({ channel_type: ['12', '46'] });
  });

  test('an object is written as JSON, and anything else in its place is a mistake', () => {
    expect(read('sendonion', ['first_hop={"delay":9}'])).toEqual({ first_hop: { delay: 9 } });
    expect(() => read('sendonion', ['first_hop=9:x'])).toThrow('first_hop: expected a JSON object');
  });

  test('a path is that of whoever types it, not of the node', () => {
    expect(read('recover', ['my.backup'])).toEqual({ file: join(process.cwd(), 'my.backup') });
    expect(read('recover', ['file=/media/my.backup'])).toEqual({ file: '/media/my.backup' });
    expect(read('backup', [])).toEqual({});
  });

  test.each([
    ['keysend', [ids.bob, '25000', 'extra=1'], "extra=1: no parameter 'extra': there are destination, amount_msat,"],
    ['keysend', [ids.bob, 'ammount_msat=5'], "no parameter 'ammount_msat': did you mean 'amount_msat'?"],
    ['pay', ['bolt12=lnbc1'], "no parameter 'bolt12': did you mean 'bolt11'?"],
    ['pay', ['lnbc1', 'Retry-For=5'], "no parameter 'Retry-For': did you mean 'retry_for'?"],
    ['invoice', ['amount_msat=1', 'l', 'descripton=tea'], "no parameter 'descripton': did you mean 'description'?"],
    ['invoice', ['1', 'lable=a', 'tea'], "no parameter 'lable': did you mean 'label'?"],
    ['backup', ['fil=x'], "no parameter 'fil': did you mean 'file'?"],
    ['getinfo', ['id=1'], "no parameter 'id': the method takes none"],
  ] satisfies [MethodName, string[], string][])('%s %j is a misspelt name, not a value', (method, words, message) => {
    expect(() => read(method, words)).toThrow(message);
  });

  test('a name may have digits in it, or be another that Core Lightning knows', () => {
    expect(read('pay', ['bolt11=lnbc1'])).toEqual({ bolt11: 'lnbc1' });
    expect(read('pay', ['invstring=lnbc1'])).toEqual({ bolt11: 'lnbc1' });
    expect(read('pay', ['bitcoin:bc1q?lightning=lnbc1'])).toEqual({ bolt11: 'bitcoin:bc1q?lightning=lnbc1' });
    expect(() => read('pay', ['bolt11=lnbc1', 'invstring=lnbc1'])).toThrow('bolt11 is given twice');
  });

  test('-o takes a word by its place even if it looks named', () => {
    expect(read('decode', ['string=x'], {}, 'order')).toEqual({ string: 'string=x' });
  });

  test.each([
    ['twice', ['label=a', 'label=b'], 'guess'],
    ['too many', ['1', 'l', 'd', '1', 'f', 'p', 'true', '9', 'true', 'eob', 'more'], 'guess'],
    ['unnamed with -k', ['1'], 'keywords'],
  ] satisfies [string, string[], Style][])('%s is a mistake', (_, words, style) => {
    expect(() => read('invoice', words, {}, style)).toThrow(UsageError);
  });

  test('-k names the nearest parameter for a misspelt one', () => {
    expect(() => read('invoice', ['lable=a'], {}, 'keywords')).toThrow("no parameter 'lable': did you mean 'label'?");
  });

  test('a list that is no JSON is a mistake', () => {
    expect(() => read('fundchannel', ['channel_type=[12'])).toThrow(UsageError);
  });

  test('what comes of words is what the node takes', async () => {
    const { answer } = fakeRpc();
    const words = [ids.bob, '0.01btc', 'normal', 'false', '1', 'channel_type=12,46'];
    const request = { id: 1, method: 'fundchannel', params: read('fundchannel', words) };
    expect(JSON.parse((await wholeOf(await answer(JSON.stringify(request), patient))) ?? '')).toHaveProperty('result');
  });
});

describe('a call', () => {
  test('prints tables for people and JSON for programs', async () => {
    const { code: done, out: text, err } = await run(['newaddr']);
    expect([done, text.split('\n')[0], err]).toEqual([0, 'bech32  bcrt1qexample', '']);
    const { out, code } = await run(['newaddr', '--json']);
    expect(JSON.parse(out)).toEqual({ bech32: 'bcrt1qexample' });
    expect(code).toBe(0);
  });

  test.each([
    [['keysend', ids.bob, '1sat']],
    [['-k', 'keysend', 'amount_msat=1sat', `destination=${ids.bob}`]],
    [['keysend', '--destination', ids.bob, '--amount_msat=1sat']],
    [['keysend', `--destination=${ids.bob}`, '1sat', '--scheme', 'fixed']],
    [['setconfig', 'log-level', 'peer=debug,channel=trace']],
    [['setconfig', 'log-level', 'info,peer=trace', 'transient=true']],
  ])('%j is understood', async (words) => {
    expect((await run(words)).code).toBe(0);
  });

  test.each([
    [
      ['keysend', 'x', '1'],
      1,
      'keysend: destination: expected a node id: 66 hex digits that begin with 02 or 03 (invalid_params, -32602)',
    ],
    [['waitinvoice'], 1, 'waitinvoice: label: is required (label) (invalid_params, -32602)'],
    [['waitinvoice', 'a', 'b'], 2, 'ampere: b: there is no parameter left for it'],
    [['keysend', ids.bob, '25000', 'extra=1'], 2, "ampere: extra=1: no parameter 'extra'"],
    [['nosuch'], 2, "error: unknown command 'nosuch'"],
    [['pay', '--nosuch', 'x'], 2, "error: unknown option '--nosuch'"],
    [['-k', '-o', 'pay', 'x'], 2, 'ampere: -k and -o exclude each other'],
    [
      ['--network', 'litecoin', 'getinfo'],
      2,
      'ampere: --network (command line): expected one of bitcoin, testnet, signet, regtest',
    ],
    [['--network', 'signet', 'getinfo'], 3, 'ampere: cannot reach a node at'],
  ])('%j ends with %i', async (words, code, message) => {
    const result = await run(words);
    expect(result.code).toBe(code);
    expect(result.err.startsWith(message)).toBe(true);
  });

  test('an error is JSON as well where JSON is asked for', async () => {
    const { out, code } = await run(['disconnect', 'x', '--json']);
    expect(JSON.parse(out)).toMatchObject({ code: -32602, data: { field: 'id' } });
    expect(code).toBe(1);
  });
});

describe('start', () => {
  const bitcoind = ['--bitcoind', 'http://u:p@127.0.0.1:1'];

  test('hands the whole configuration to the node', async () => {
    await writeFile(join(dir, 'config'), 'alias=from-file\nfee-base=5\n');
    let config: Config | undefined;
    const { code } = await run(
      ['start', ...bitcoind, '--fee-base', '6', '--dev', '--listen', '127.0.0.1:0'],
      (given) => {
        config = given;
      },
    );
    await rm(join(dir, 'config'));
    expect(code).toBe(0);
    expect(config).toMatchObject({
      dir,
      network: 'regtest',
      alias: 'from-file',
      policy: { feeBase: 6n },
      dev: { crash: undefined },
      listen: { port: 0 },
    });
  });

  test.each([
    [['start'], 2, 'ampere: bitcoind'],
    [['start', ...bitcoind, '--log-level', 'loud'], 2, 'ampere: --log-level (command line): expected one of'],
    [['start', ...bitcoind, '--alias', 'a', '--alias', 'b'], 2, 'ampere: --alias (command line): is given twice'],
    [['start', ...bitcoind, 'now'], 2, 'error: too many arguments'],
  ])('%j ends with %i', async (words, code, message) => {
    const result = await run(words);
    expect(result.code).toBe(code);
    expect(result.err.startsWith(message)).toBe(true);
  });

  test.each([
    ['an option written wrong', ['start', '--bitcond=http://ampere:hunter2@127.0.0.1:18443']],
    ['an option of bitcoind', ['start', '-rpcpassword=hunter2']],
    ['a URL without its option', ['http://ampere:hunter2@127.0.0.1:18443']],
    ['a URL in the place of a file', ['start', '--conf', 'http://ampere:hunter2@127.0.0.1:18443']],
    ['a URL behind a call', ['getinfo', 'http://ampere:hunter2@127.0.0.1:18443']],
  ])('a password is not repeated: %s', async (_, words) => {
    const { code, err } = await run(words);
    expect(code).toBe(2);
    expect(err).not.toBe('');
    expect(err).not.toContain('hunter2');
  });

  test('what stands for a login where one is asked for is no password', async () => {
    const { code, err } = await run(['start', '--bitcoind', 'ampere:hunter2@127.0.0.1:18443']);
    expect(code).toBe(2);
    expect(err).toContain('expected http://USER:PASSWORD@HOST:PORT, http://USER@HOST:PORT beside a password file');
    expect((await run(['start'])).err).toContain('expected --bitcoind http://USER:PASSWORD@HOST:PORT');
  });

  test.each(['0.1bct', '0', '1.5'])('faucet says what is wrong with the amount %s', async (amount) => {
    const { code, err } = await run(['faucet', 'bob', amount, ...bitcoind]);
    expect(code).toBe(2);
    expect(err).toMatch(/^ampere: AMOUNT: expected /);
  });

  test('a variable that is none is said, and the call is made', async () => {
    const err: string[] = [];
    const code = await runCommand(['--dir', dir, 'newaddr'], {
      out: () => undefined,
      err: (text) => void err.push(text),
      env: { AMPERE_NETWROK: 'bitcoin' },
      run: async () => ({ ended: Promise.resolve() }),
    });
    expect({ code, err }).toEqual({
      code: 0,
      err: ['ampere: AMPERE_NETWROK in the environment is no option and has no effect: is AMPERE_NETWORK meant?'],
    });
  });

  test('an error is wrapped on a screen, and a line in a file', async () => {
    const fail = () => {
      throw new ListenError('already_running', `a node is already running ${'and running '.repeat(20)}`.trim());
    };
    const lines = async (terminal?: Terminal) => (await run(['start', ...bitcoind], fail, terminal)).err.split('\n');
    expect(await lines()).toHaveLength(1);
    const wrapped = await lines({ columns: 40, rows: 24, colors: false });
    expect(wrapped.length).toBeGreaterThan(5);
    expect(wrapped.filter((line) => line.length > 40)).toEqual([]);
  });

  test('a node that cannot start says why in a line', async () => {
    const { code, err } = await run(['start', ...bitcoind], () => {
      throw new ListenError('already_running', 'a node is already running at x');
    });
    expect({ code, err }).toEqual({ code: 1, err: 'ampere: a node is already running at x' });
  });
});

describe('help', () => {
  test('of the program names every method and start', async () => {
    const { out, code } = await run(['--help']);
    expect(code).toBe(0);
    for (const name of ['start', ...Object.keys(table)]) expect(out).toMatch(new RegExp(`^ +${name}\\b`, 'm'));
  });

  test.each(Object.keys(table).filter((name) => name !== 'help'))(
    'of %s tells each parameter with its kind',
    async (name) => {
      const { out, code } = await run([name, '--help']);
      if (!isMethod(name)) throw new Error(name);
      expect(code).toBe(0);
      expect(out.replaceAll(/\s+/g, ' ')).toContain(table[name].doc);
      for (const { name: parameter, kind, hidden, doc } of parametersOf(table[name])) {
        expect(out.replaceAll(/\s+/g, ' ').includes(` ${parameter} <${kind}> `)).toBe(!hidden);
        expect(doc.length).toBeGreaterThan(5);
      }
    },
  );

  test.each([...Object.keys(table).filter((name) => name !== 'help'), 'start'])(
    'of %s has no line that is wider than 80 characters, but for a long word of its example',
    async (name) => {
      const lines = (await run([name, '--help'])).out.split('\n');
      const isWord = (line: string): boolean => /^ {4}(?:'[^']*'|\S+)(?: \\)?$/.test(line);
      expect(lines.filter((line) => line.length > 80 && !isWord(line))).toEqual([]);
    },
  );

  test.each([
    [['help', 'getrout'], "ampere: no command 'getrout'; is getroute meant?"],
    [['help', 'lab', 'stats'], "ampere: no command 'stats'; is status meant?"],
    [['help', 'xyzzy'], "ampere: no command 'xyzzy'"],
    [['getrout'], "error: unknown command 'getrout'\n(Did you mean getroute?)"],
  ])('%j is told the nearest command, where one is near', async (words, said) => {
    const { code, err } = await run(words);
    expect(code).toBe(2);
    expect(err).toContain(said);
  });

  test('is the same by help and by --help', async () => {
    for (const words of [['pay'], ['lab', 'up'], []])
      expect((await run(['help', ...words])).out).toBe((await run([...words, '--help'])).out);
  });

  test('of start tells each option', async () => {
    const { out } = await run(['start', '--help']);
    const everywhere = ['dir', 'network', 'conf'];
    for (const name of Object.keys(options)) expect(out.includes(`--${name}`)).toBe(!everywhere.includes(name));
  });

  test('the version is the package’s', async () => {
    expect((await run(['--version'])).out).toBe(version);
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    expect(version).toBe(JSON.parse(text).version);
  });
});
