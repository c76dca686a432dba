/** Options for experiments: taken with --dev on regtest, refused everywhere else, and never told. */

import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../node/base/entropy.ts';
import { loadConfig, redacted } from '../../../node/config/config.ts';
import { devOptions } from '../../../node/config/devoptions.ts';
import { ConfigError } from '../../../node/config/errors.ts';
import type { Sources } from '../../../node/config/optionsources.ts';
import { openDev } from '../../../node/dev/dev.ts';
import { hex } from '../../../wire/bytes.ts';
import { memoryLog } from '../../support/peers.ts';

const key = `${'00'.repeat(31)}01`;
const secrets = ['10', '11', '12', '13', '14', 'ff'].map((byte) => byte.repeat(32));
const good: Readonly<Record<Exclude<keyof typeof devOptions, 'dev'>, string>> = {
  'dev-disconnect': '/rules',
  'dev-crash': 'after:channel/*/head*2',
  'dev-hold-save': 'payment/**@10',
  'dev-fail-save': 'receiver/**',
  'dev-record': '/record',
  'dev-record-secrets': 'true',
  'dev-force-privkey': key,
  'dev-force-bip32-seed': 'a5'.repeat(32),
  'dev-force-channel-secrets': secrets.join('/'),
};
const files: Readonly<Record<string, string>> = {
  '/rules': '-WIRE_SHUTDOWN\n+WIRE_PING*2\n',
  '/wrong': '-WIRE_SHUTDOWN\n-WIRE_WRONG\n',
};
const sources = (flags: Sources['flags'], env: Sources['env'] = {}): Sources => ({
  flags: { dir: '/data', bitcoind: 'http://u:p@127.0.0.1:1', ...flags },
  env,
  read: (path) => files[path],
});
const refusal = (flags: Sources['flags'], env?: Sources['env']): string => {
  try {
    loadConfig(sources(flags, env));
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'taken';
};

test('all of them are taken together', () => {
  const { dev } = loadConfig(sources({ dev: 'true', ...good }));
  expect(dev).toMatchObject({
    disconnect: [{ text: '-WIRE_SHUTDOWN' }, { text: '+WIRE_PING*2' }],
    crash: { when: 'after', count: 2 },
    holdSave: { milliseconds: 10 },
    failSave: { text: 'receiver/**' },
    record: { dir: '/record', secrets: true },
  });
  if (dev === undefined) throw new Error('no --dev');
  expect(dev.privateKey && hex(dev.privateKey)).toBe(key);
  expect(dev.bip32Seed && hex(dev.bip32Seed)).toBe('a5'.repeat(32));
  const { funding, revocation, payment, delayedPayment, htlc, perCommitmentSeed } = dev.channelSecrets ?? {};
  expect([funding, revocation, payment, delayedPayment, htlc, perCommitmentSeed].map((one) => one && hex(one))).toEqual(
    secrets,
  );
  const { hooks, saves } = openDev(
    { ...dev, record: undefined },
    { log: memoryLog(), clock: systemClock, die: () => undefined },
  );
  expect(hooks).toMatchObject({ identity: dev.privateKey, seed: dev.bip32Seed, channelSecrets: dev.channelSecrets });
  expect(saves.left.map(({ action }) => action.do)).toEqual(['die', 'hold', 'fail']);
});

test('their secrets are not in what is logged of a configuration', () => {
  const shown = JSON.stringify(redacted(loadConfig(sources({ dev: 'true', ...good }))), (_, value: unknown) =>
    value instanceof Uint8Array ? hex(value) : typeof value === 'bigint' ? String(value) : value,
  );
  for (const secret of [key, 'a5'.repeat(32), ...secrets]) expect(shown).not.toContain(secret);
  expect(shown).toContain('+WIRE_PING*2');
});

describe('an option for experiments is refused', () => {
  const names = Object.keys(devOptions).filter((name): name is keyof typeof good => name !== 'dev');
  test.each(names)('without --dev, wherever it is given: --%s', (name) => {
    const why = 'is for a node started with --dev, on regtest only';
    expect(refusal({ [name]: good[name] })).toBe(`--${name} (command line): ${why}`);
    expect(refusal({ [name]: good[name], dev: 'false' })).toBe(`--${name} (command line): ${why}`);
    const variable = `AMPERE_${name.toUpperCase().replaceAll('-', '_')}`;
    expect(refusal({}, { [variable]: good[name] })).toBe(`${variable} (environment): ${why}`);
  });
  test.each(names)('off regtest, with --dev or without: --%s', (name) => {
    const given = { [name]: good[name], network: 'signet' };
    expect(refusal({ ...given, dev: 'true' })).toBe('--dev (command line): is for regtest only');
    expect(refusal(given)).toContain('on regtest only');
  });

  const privateKey = /^--dev-force-privkey \(command line\): expected a private key: 64 hex digits/;
  const channel = /^--dev-force-channel-secrets \(command line\): expected FUNDING\/REVOCATION\/PAYMENT/;
  test.each([
    [{ 'dev-force-privkey': '00'.repeat(32) }, privateKey],
    [{ 'dev-force-privkey': 'ff'.repeat(32) }, privateKey],
    [{ 'dev-force-privkey': '01' }, privateKey],
    [{ 'dev-force-bip32-seed': 'a5'.repeat(31) }, /expected a seed: 64 hex digits$/],
    [{ 'dev-force-channel-secrets': secrets.slice(1).join('/') }, channel],
    [{ 'dev-force-channel-secrets': [...secrets, key].join('/') }, channel],
    [{ 'dev-force-channel-secrets': [...secrets.slice(0, 4), '00'.repeat(32), key].join('/') }, channel],
    [{ 'dev-disconnect': '/none' }, /^--dev-disconnect \(command line\): no such file: \/none$/],
    [{ 'dev-disconnect': '/wrong' }, /^--dev-disconnect \(\/wrong\): expected one of .* got "-WIRE_WRONG"$/],
    [{ 'dev-crash': 'channel/*' }, /^--dev-crash \(command line\): expected before: or after:/],
    [{ 'dev-hold-save': '@7' }, /^--dev-hold-save \(command line\): expected keys such as/],
    [{ 'dev-record-secrets': 'true' }, /^--dev-record-secrets \(command line\): expected --dev-record DIR beside it/],
    [{ 'dev-fail-save': ' ' }, /^--dev-fail-save \(command line\): expected keys such as/],
  ] as const)('with a wrong value: %j', (flags, message) => {
    const said = refusal({ dev: 'true', ...flags });
    expect(said).toMatch(message);
    if (Object.keys(flags)[0]?.startsWith('dev-force'))
      for (const text of Object.values(flags)) expect(said).not.toContain(text);
  });
});
