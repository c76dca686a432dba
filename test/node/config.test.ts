/** Configuration: which source wins, what is refused and how it is said. */

import { describe, expect, test } from 'vitest';
import { addressFrom, addressText } from '../../node/base/address.ts';
import { loadConfig, loadPlaces, redacted } from '../../node/config/config.ts';
import { ConfigError } from '../../node/config/errors.ts';
import { isOption, options, variableOf } from '../../node/config/options.ts';
import type { Sources } from '../../node/config/optionsources.ts';
import { unknownVariables } from '../../node/config/variables.ts';

const base = '/data';
const sources = (
  flags: Sources['flags'] = {},
  env: Sources['env'] = {},
  file?: string,
  path = `${base}/config`,
): Sources => ({
  flags: { dir: base, bitcoind: 'http://u:p@127.0.0.1:18443', ...flags },
  env: { HOME: '/users/alice', ...env },
  read: (name) => (name === path ? file : undefined),
});
const errorOf = (given: Sources): ConfigError => {
  try {
    loadConfig(given);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('taken');
};

describe('sources', () => {
  test('a flag is stronger than the environment, that than the file, that than what we would choose', () => {
    const file = '# a comment\n\nalias=file\n  log-level = warn\nfee-base=7\n';
    const config = loadConfig(sources({ alias: 'flag' }, { AMPERE_ALIAS: 'env', AMPERE_LOG_LEVEL: 'error' }, file));
    expect(config.alias).toBe('flag');
    expect(config.logLevels).toEqual({ others: 'error', parts: {} });
    expect(config.policy).toEqual({ feeBase: 7n, feePerSatoshi: 10, cltvDelta: 40 });
  });

  test('with nothing but bitcoind a node on regtest stays on loopback', () => {
    expect(loadConfig(sources({ dir: '/d' }))).toMatchObject({
      network: 'regtest',
      dir: '/d',
      networkDir: '/d/regtest',
      socket: '/d/regtest/lightning-rpc',
      tokenFile: '/d/regtest/api-token',
      backupFile: '/d/regtest/channels.backup',
      listen: { host: '127.0.0.1', port: 19846 },
      api: { host: '127.0.0.1', port: 19847 },
      announce: [],
      minDepth: 1,
      reserve: { perChannel: 0n, most: 250_000n },
      cltvFinal: 40,
      amp: { spontaneous: true, limits: { timeout: 60, deployedTimeout: 120, sets: 1000, shares: 255 } },
      dev: undefined,
    });
  });

  test('the age that is given for incomplete sets is that of lnd AMPs, too', () => {
    expect(loadConfig(sources({ bitcoind: 'http://u:p@127.0.0.1', 'amp-timeout': '7' }))).toMatchObject({
      amp: { limits: { timeout: 7, deployedTimeout: 7 } },
    });
  });

  test('another network has its own ports, depth and directory', () => {
    const bitcoind = 'http://u:p@127.0.0.1';
    expect(loadConfig(sources({ network: 'bitcoin', bitcoind }))).toMatchObject({
      networkDir: '/data/bitcoin',
      listen: { host: '0.0.0.0', port: 9735 },
      api: { port: 9736 },
      bitcoind: { port: 8332 },
      minDepth: 3,
      reserve: { perChannel: 25_000n, most: 250_000n },
    });
  });

  test('places are found without anything else being right', () => {
    const { flags: _, ...rest } = sources({}, { AMPERE_DIR: '/e' }, 'network=signet\nfee-base=nonsense\n', '/e/config');
    expect(loadPlaces({ ...rest, flags: {} })).toMatchObject({ dir: '/e', socket: '/e/signet/lightning-rpc' });
    expect(loadPlaces({ flags: {}, env: { HOME: '/users/alice' }, read: () => undefined }).dir).toBe(
      '/users/alice/.ampere',
    );
  });

  test('a named config file is read instead, and must be there', () => {
    expect(loadConfig(sources({ conf: '/other' }, {}, 'alias=x', '/other')).alias).toBe('x');
    expect(errorOf(sources({ conf: '/none' })).message).toBe('--conf (command line): no such file: /none');
  });

  test('lists come by repetition and by commas', () => {
    const expected = [
      { host: '1.2.3.4', port: 9735 },
      { host: '::1', port: 9736 },
    ];
    expect(loadConfig(sources({ 'announce-addr': ['1.2.3.4:9735', '[::1]:9736'] })).announce).toEqual(expected);
    expect(loadConfig(sources({}, { AMPERE_ANNOUNCE_ADDR: '1.2.3.4:9735, [::1]:9736' })).announce).toEqual(expected);
    expect(loadConfig(sources({}, {}, 'announce-addr=1.2.3.4:9735\nannounce-addr=[::1]:9736')).announce).toEqual(
      expected,
    );
  });

  test('switches need no value, listening can be turned off, port 0 stays 0', () => {
    const config = loadConfig(sources({ listen: '127.0.0.1:0' }, { AMPERE_API: 'off' }, 'dev\n'));
    expect(config).toMatchObject({ dev: { disconnect: [] }, api: undefined, listen: { host: '127.0.0.1', port: 0 } });
  });

  test('a # that is part of a value stays in it', () => {
    expect(loadConfig(sources({}, {}, 'alias=Bob #1\ncolor=#ff0000'))).toMatchObject({
      alias: 'Bob #1',
      color: 'ff0000',
    });
  });

  test('the password of bitcoind comes from a file of its own', () => {
    const flags = { bitcoind: 'http://u@h:1', 'bitcoind-password-file': '/run/password' };
    const auth = (text: string) => loadConfig(sources(flags, {}, text, '/run/password')).bitcoind.auth;
    expect(auth('p @ss: #1\n')).toEqual({ user: 'u', password: 'p @ss: #1' });
    expect(auth('p\r\n')).toEqual({ user: 'u', password: 'p' });
    for (const text of ['', '\n', 'hunter2\nhunter3\n'])
      expect(() => auth(text)).toThrow('bitcoind-password-file (command line): expected a line in /run/password');
  });

  test.each([
    ['http://u:p@10.0.0.1:8332', {}, { host: '10.0.0.1', port: 8332, auth: { user: 'u', password: 'p' } }],
    ['http://u:p%40ss@[::1]:80', {}, { host: '::1', port: 80, auth: { user: 'u', password: 'p@ss' } }],
    ['http://10.0.0.1', { 'bitcoind-cookie': '/c' }, { host: '10.0.0.1', port: 18443, auth: { cookieFile: '/c' } }],
  ])('bitcoind at %s', (bitcoind, flags, expected) => {
    expect(loadConfig(sources({ bitcoind, ...flags })).bitcoind).toEqual(expected);
  });
});

describe('what is refused', () => {
  const remark = 'a comment needs a line of its own that begins with #; behind a value it would become part of it';

  test.each([
    [{ network: 'litecoin' }, '--network (command line): expected one of bitcoin, testnet, signet, regtest'],
    [
      { listen: 'here' },
      '--listen (command line): expected HOST:PORT, an IPv6 address in brackets, such as 127.0.0.1:9735',
    ],
    [{ listen: '::1:9735' }, '--listen (command line): expected HOST:PORT'],
    [{ listen: '127.0.0.1:99999' }, '--listen (command line): expected HOST:PORT'],
    [{ api: '0.0.0.0:9736' }, '--api (command line): expected a loopback address'],
    [{ bitcoind: 'https://u:p@h' }, '--bitcoind (command line): expected http://USER:PASSWORD@HOST:PORT'],
    [{ bitcoind: 'http://u:p@h/wallet' }, '--bitcoind (command line): expected http://'],
    [{ bitcoind: 'http://h:1' }, '--bitcoind (command line): expected USER:PASSWORD@ in it, or a password file or a'],
    [{ bitcoind: 'http://u@h:1' }, '--bitcoind (command line): expected USER:PASSWORD@ in it, or a password file or a'],
    [{ bitcoind: 'http://:p@h:1' }, '--bitcoind (command line): expected http://USER:PASSWORD@HOST:PORT'],
    [
      { 'bitcoind-password-file': '/f' },
      '--bitcoind-password-file (command line): the password is in the URL of bitcoind already',
    ],
    [
      { bitcoind: 'http://h:1', 'bitcoind-password-file': '/f' },
      '--bitcoind-password-file (command line): expected bitcoind http://USER@HOST:PORT beside it',
    ],
    [
      { bitcoind: 'http://u@h:1', 'bitcoind-password-file': '/none' },
      '--bitcoind-password-file (command line): no such file: /none',
    ],
    [{ bitcoind: 'http://u@h', 'bitcoind-cookie': '/c' }, '--bitcoind-cookie (command line): either a cookie file'],
    [{ 'bitcoind-cookie': '/c' }, '--bitcoind-cookie (command line): either a cookie file or USER:PASSWORD'],
    [{ alias: 'ä'.repeat(17) }, '--alias (command line): expected at most 32 bytes'],
    [{ color: 'red' }, '--color (command line): expected six hex digits'],
    [
      { 'log-level': 'loud' },
      '--log-level (command line): expected one of trace, debug, info, warn, error, silent, or PART=LEVEL',
    ],
    [
      { 'log-level': 'peeer=debug' },
      '--log-level (command line): expected PART=LEVEL with a part that there is: peer, channel',
    ],
    [{ 'log-level': 'peer=loud' }, '--log-level (command line): expected peer=LEVEL with one of trace, debug, info'],
    [{ 'log-level': 'info,warn' }, '--log-level (command line): expected one level for all parts, not two'],
    [{ 'fee-base': '-1' }, '--fee-base (command line): expected an amount'],
    [{ 'fee-base': '5000000000' }, '--fee-base (command line): expected at most 4294967295 msat'],
    [{ 'cltv-delta': '34' }, '--cltv-delta (command line): expected an integer from 35 to 2016'],
    [{ 'cltv-final': '21' }, '--cltv-final (command line): expected an integer from 22 to 1008'],
    [{ 'amp-shares': '256' }, '--amp-shares (command line): expected an integer from 1 to 255'],
    [{ 'accept-spontaneous': 'perhaps' }, '--accept-spontaneous (command line): expected true or false'],
    [{ dev: 'true', network: 'signet' }, '--dev (command line): is for regtest only'],
    [{ alias: ['a', 'b'] }, '--alias (command line): is given twice'],
    [{ 'announce-addr': ['1.2.3.4:1', 'x'] }, '--announce-addr (command line): expected HOST:PORT'],
    [{ 'announce-addr': '1.2.3.4:0' }, '--announce-addr (command line): expected the port that others are to dial'],
    [{ 'announce-addr': '[fe80::1%eth0]:9735' }, '--announce-addr (command line): expected an address without a zone'],
    [{ 'announce-addr': '[::ffff:1.2.3.4]:9735' }, '--announce-addr (command line): expected an IPv6 address in hexa'],
    [{ 'announce-addr': '1.2.3.256:9735' }, '--announce-addr (command line): expected an IPv4 address'],
    [{ 'announce-addr': 'abc.onion:9735' }, '--announce-addr (command line): expected the name of a version 3 onion'],
    [
      { 'announce-addr': `${'a.'.repeat(128)}:9735` },
      '--announce-addr (command line): expected a hostname of at most 255 characters',
    ],
    [{ 'announce-addr': 'a.example:1,b.example:1' }, '--announce-addr (command line): expected one hostname at most'],
  ] satisfies readonly (readonly [Sources['flags'], string])[])('%j: %s', (flags, message) => {
    expect(errorOf(sources(flags)).message.startsWith(message)).toBe(true);
  });

  test('the environment is named by its variable', () => {
    expect(errorOf(sources({}, { AMPERE_MIN_DEPTH: 'x' }))).toMatchObject({
      source: 'environment',
      key: 'AMPERE_MIN_DEPTH',
      expected: 'expected an integer from 1 to 100',
    });
  });

  test.each([
    ['alias=x\nalais=y', '/data/config line 2', 'alais', 'no option of this name; is alias meant?'],
    ['\n\ndir=/x', '/data/config line 3', 'dir', 'belongs on the command line or in the environment'],
    ['alias', '/data/config line 1', 'alias', 'expected alias=TEXT'],
    ['alias=x\nalias=y', '/data/config line 2', 'alias', 'is given twice'],
    ['cltv-delta=ten', '/data/config line 1', 'cltv-delta', 'expected an integer from 35 to 2016'],
    ['bitcoind http://u:hunter2@h', '/data/config line 1', 'bitcoind', 'expected = behind it'],
    ['bitcond: http://u:hunter2@h', '/data/config line 1', 'bitcond', 'no option of this name; is bitcoind meant?'],
    ['fee-base=1000 # cheap', '/data/config line 1', 'fee-base', remark],
    ['log-file=/var/log/ampere #the log', '/data/config line 1', 'log-file', remark],
    ['listen=# nowhere', '/data/config line 1', 'listen', remark],
    ['alias=Bob # my node', '/data/config line 1', 'alias', remark],
    ['__proto__=x', '/data/config line 1', '__proto__', 'no option of this name'],
  ])('the file %j is named by line and key', (file, source, key, expected) => {
    expect(errorOf(sources({}, {}, file))).toMatchObject({ source, key, expected });
  });

  test('no bitcoind at all is said plainly', () => {
    const { read, env } = sources();
    expect(errorOf({ flags: { dir: base }, env, read }).message).toContain('http://USER:PASSWORD@HOST:PORT');
  });

  test('a password never stands in a message or in what is logged', () => {
    const wrong = errorOf(sources({ bitcoind: 'http://u:hunter2@h:notaport' }));
    expect(wrong.message).not.toContain('hunter2');
    const logged = redacted(loadConfig(sources({ bitcoind: 'http://u:hunter2@h:1' })));
    const text = JSON.stringify(logged, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    expect(text).not.toContain('hunter2');
    expect(text).toContain('"user":"u"');
  });
});

test('every option has its own variable and a line of help', () => {
  const names = Object.keys(options).filter(isOption);
  expect(new Set(names.map(variableOf)).size).toBe(names.length);
  expect(names.filter((name) => options[name].doc.length < 10)).toEqual([]);
  expect(variableOf('log-level')).toBe('AMPERE_LOG_LEVEL');
});

test.each([
  [
    { AMPERE_ALAIS: 'hunter2' },
    ['AMPERE_ALAIS in the environment is no option and has no effect: is AMPERE_ALIAS meant?'],
  ],
  [{ AMPERE_WEATHER: 'hunter2' }, ['AMPERE_WEATHER in the environment is no option and has no effect']],
  [{ AMPERE_ALIAS: 'x', AMPERE_CRYPTO: 'noble', AMPERE_MODEL_SEED: '1', HOME: '/', AMPERE: 'x' }, []],
])('of the variables %j it is said that %j', (env, said) => {
  expect(unknownVariables(env)).toEqual(said);
});

test.each(['127.0.0.1:9735', '[::1]:0', 'node.example:1'])('%s is read and written the same', (text) => {
  expect(addressText(addressFrom(text))).toBe(text);
});
