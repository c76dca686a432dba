/** What `listconfigs` says of each option: its value in the field of its kind, where it came from, and no secret. */
import { describe, expect, test } from 'vitest';
import { listconfigs } from '../../../node/api/methods/node/listconfigs.ts';
import { setconfig } from '../../../node/api/methods/node/setconfig.ts';
import { LevelTable } from '../../../node/base/loglevels.ts';
import { loadConfig } from '../../../node/config/config.ts';
import { options } from '../../../node/config/options.ts';
import type { Sources } from '../../../node/config/optionsources.ts';
import { patient } from '../../support/api.ts';

const SECRET = '5ec4e7'.padEnd(64, '1');
const opened = ({
  flags = {},
  env = {},
  file,
}: {
  flags?: Sources['flags'];
  env?: Sources['env'];
  file?: string;
} = {}) => {
  const config = loadConfig({
    flags: { dir: '/d', bitcoind: `http://ann:${SECRET}@127.0.0.1:18443`, ...flags },
    env: { HOME: '/users/ann', ...env },
    read: (path) => (path === '/d/config' ? file : path === '/password' ? SECRET : undefined),
  });
  const logLevels = new LevelTable(config.logLevels);
  const shown = async (config_?: string) =>
    (await listconfigs.handler({ config, alias: 'ann', color: 'c0ffee', logLevels }, { config: config_ }, patient))
      .configs;
  const set = (val: string) =>
    setconfig.handler({ logLevels }, setconfig.params.parse({ config: 'log-level', val }), patient);
  return { shown, set };
};

describe('listconfigs', () => {
  test('says of each option its value and that nobody gave it, or where it was given', async () => {
    const file = '# mine\nfee-base=7\nalias=file\nannounce-addr=1.2.3.4:9735,[::1]:9736\nannounce-addr=5.6.7.8:9735\n';
    const { shown } = opened({
      flags: { alias: 'flag', 'allow-static-remotekey': 'true' },
      env: { AMPERE_AMP_SETS: '9' },
      file,
    });
    expect(await shown()).toMatchObject({
      network: { value_str: 'regtest', source: 'default' },
      dir: { value_str: '/d', source: 'cmdline' },
      listen: { value_str: '127.0.0.1:19846', source: 'default' },
      'fee-base': { value_int: 7, source: '/d/config:2' },
      'cltv-delta': { value_int: 40, source: 'default' },
      alias: { value_str: 'ann', source: 'cmdline' },
      color: { value_str: 'c0ffee', source: 'default' },
      'amp-sets': { value_int: 9, source: 'environment' },
      'accept-spontaneous': { value_bool: true, source: 'default' },
      'allow-static-remotekey': { set: true, source: 'cmdline' },
      'announce-addr': {
        values_str: ['1.2.3.4:9735', '[::1]:9736', '5.6.7.8:9735'],
        sources: ['/d/config:4', '/d/config:4', '/d/config:5'],
      },
      'log-level': { value_str: 'info', source: 'default', dynamic: true },
    });
  });

  test('of one option alone where it is named, and of none that there is not', async () => {
    const { shown } = opened();
    expect(await shown('min-depth')).toEqual({ 'min-depth': { value_int: 1, source: 'default' } });
    expect(await shown('log-file')).toEqual({});
    await expect(shown('fee-bas')).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('is fee-base meant'),
    });
  });

  test('says that setconfig changed an option, with the value that holds', async () => {
    const { shown, set } = opened({ env: { AMPERE_LOG_LEVEL: 'warn' } });
    expect(await shown('log-level')).toMatchObject({ 'log-level': { value_str: 'warn', source: 'environment' } });
    await set('info,peer=trace');
    expect(await shown('log-level')).toMatchObject({
      'log-level': { value_str: 'info,peer=trace', source: 'setconfig' },
    });
  });

  test.each<[string, Sources['flags']]>([
    ['in the URL of bitcoind', {}],
    ['in a file', { bitcoind: 'http://ann@127.0.0.1:18443', 'bitcoind-password-file': '/password' }],
    ['of the node itself', { dev: 'true', 'dev-force-privkey': SECRET }],
    ['of the wallet', { dev: 'true', 'dev-force-bip32-seed': SECRET }],
    ['of channels', { dev: 'true', 'dev-force-channel-secrets': Array(6).fill(SECRET).join('/') }],
  ])('never shows a secret: one %s', async (_, flags) => {
    const configs = await opened({ flags }).shown();
    expect(JSON.stringify(configs)).not.toContain(SECRET);
    expect(configs['bitcoind']).toMatchObject({ value_str: 'http://ann@127.0.0.1:18443', source: 'cmdline' });
    for (const name of Object.keys(flags)) expect(configs[name]).toMatchObject({ source: 'cmdline' });
  });

  test('shows every option, once it is given', async () => {
    const flags = {
      ...{ dev: 'true', conf: '/d/config', 'dev-disconnect': '/d/config', 'dev-crash': 'before:channel/*' },
      ...{ 'dev-hold-save': 'pay/*', 'dev-fail-save': 'pay/*', 'dev-force-privkey': SECRET, 'log-file': '/log' },
      ...{ 'dev-record': '/record', 'dev-record-secrets': 'true' },
      ...{ metrics: '127.0.0.1:9750', trace: '/trace', 'trace-format': 'json', 'trace-max-size': '5' },
      ...{ 'dev-force-bip32-seed': SECRET, 'dev-force-channel-secrets': Array(6).fill(SECRET).join('/') },
    };
    const withCookie = { bitcoind: 'http://127.0.0.1:18443', 'bitcoind-cookie': '/cookie' };
    const withFile = { bitcoind: 'http://ann@127.0.0.1:18443', 'bitcoind-password-file': '/password' };
    const shown = new Set<string>();
    for (const more of [withCookie, withFile])
      for (const name of Object.keys(await opened({ flags: { ...flags, ...more }, file: '' }).shown())) shown.add(name);
    expect([...shown].sort()).toEqual(Object.keys(options).sort());
  });
});
