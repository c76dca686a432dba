/** The options of a running node with the values that hold and where each came from: what `listconfigs` shows. No secret is in it. */
import { addressText } from '../base/address.ts';
import { type LogLevels, logLevelsText } from '../base/loglevels.ts';
import type { Config } from './config.ts';
import { isOption, type OptionName, options } from './options.ts';
import type { Given } from './optionsources.ts';
import { MIB } from './traceconfig.ts';

/** What holds now and the configuration alone does not say. */
export interface RunningSettings {
  readonly alias: string;
  readonly color: string;
  readonly logLevels: LogLevels;
}

type Value = string | number | boolean | readonly string[] | undefined;

/** An option's value in the field that Core Lightning has for its kind, and its source or sources. */
export type Setting = (
  | { readonly value_str: string; readonly source: string }
  | { readonly value_int: number; readonly source: string }
  | { readonly value_bool: boolean; readonly source: string }
  | { readonly set: boolean; readonly source: string }
  | { readonly values_str: readonly string[]; readonly sources: readonly string[] }
) & { readonly dynamic?: true };

const addressOrOff = (address: Config['listen']): string => (address === undefined ? 'off' : addressText(address));

/** Without the password. */
const bitcoindText = ({ host, port, auth }: Config['bitcoind']): string =>
  `http://${'user' in auth ? `${encodeURIComponent(auth.user)}@` : ''}${addressText({ host, port })}`;

/** The value of each option. One that holds only where it is given has its text, or `...` where that is a secret. */
const valuesOf = (config: Config, running: RunningSettings): Readonly<Record<OptionName, Value>> => {
  const { policy, reserve, amp, given } = config;
  const text = (name: OptionName): Value => given.get(name)?.texts.at(-1);
  return {
    network: config.network,
    dir: config.dir,
    conf: text('conf'),
    listen: addressOrOff(config.listen),
    'announce-addr': config.announce.map(addressText),
    'limit-loopback': config.limitLoopback,
    api: addressOrOff(config.api),
    metrics: config.given.has('metrics') ? addressOrOff(config.metrics) : undefined,
    web: addressOrOff(config.web),
    bitcoind: bitcoindText(config.bitcoind),
    'bitcoind-password-file': text('bitcoind-password-file'),
    'bitcoind-cookie': 'cookieFile' in config.bitcoind.auth ? config.bitcoind.auth.cookieFile : undefined,
    alias: running.alias,
    color: running.color,
    'log-level': logLevelsText(running.logLevels),
    'log-file': config.logFile,
    trace: config.trace?.path,
    'trace-format': config.trace?.format,
    'trace-max-size': config.trace && config.trace.maxSize / MIB,
    'fee-base': Number(policy.feeBase),
    'fee-per-satoshi': policy.feePerSatoshi,
    'cltv-delta': policy.cltvDelta,
    'cltv-final': config.cltvFinal,
    'min-depth': config.minDepth,
    'anchor-reserve': Number(reserve.perChannel),
    'anchor-reserve-most': Number(reserve.most),
    'allow-static-remotekey': config.allowStaticRemotekey,
    'peer-timeout': config.peerTimeout,
    'amp-timeout': amp.limits.timeout,
    'amp-sets': amp.limits.sets,
    'amp-shares': amp.limits.shares,
    'accept-spontaneous': amp.spontaneous,
    dev: config.dev === undefined ? undefined : true,
    'dev-disconnect': text('dev-disconnect'),
    'dev-crash': text('dev-crash'),
    'dev-hold-save': text('dev-hold-save'),
    'dev-fail-save': text('dev-fail-save'),
    'dev-record': config.dev?.record?.dir,
    'dev-record-secrets': config.dev?.record?.secrets,
    'dev-force-privkey': text('dev-force-privkey'),
    'dev-force-bip32-seed': text('dev-force-bip32-seed'),
    'dev-force-channel-secrets': text('dev-force-channel-secrets'),
  };
};

const notGiven: Given = { texts: [], places: [] };

/** The place of each value of an option: a text may hold several, with commas. */
const placesOf = ({ texts, places }: Given): readonly string[] =>
  texts.flatMap((text, n) => text.split(',').map(() => places[n] ?? 'default'));

const settingOf = (name: OptionName, value: NonNullable<Value>, source: string, given: Given): Setting => {
  if (typeof value === 'string') return { value_str: value, source };
  if (typeof value === 'number') return { value_int: value, source };
  if (typeof value !== 'boolean') return { values_str: value, sources: placesOf(given) };
  return 'value' in options[name] ? { value_bool: value, source } : { set: value, source };
};

/** Every option that has a value, in the order of help. A source is `default`, `cmdline`, `environment`, FILE:LINE or `setconfig`. */
export const settingsOf = (config: Config, running: RunningSettings): ReadonlyMap<OptionName, Setting> => {
  const values = valuesOf(config, running);
  const found = new Map<OptionName, Setting>();
  for (const name of Object.keys(options).filter(isOption)) {
    const value = values[name];
    if (value === undefined) continue;
    const given = config.given.get(name) ?? notGiven;
    const isChanged = name === 'log-level' && running.logLevels !== config.logLevels;
    const setting = settingOf(name, value, isChanged ? 'setconfig' : (given.places.at(-1) ?? 'default'), given);
    found.set(name, name === 'log-level' ? { ...setting, dynamic: true } : setting);
  }
  return found;
};
