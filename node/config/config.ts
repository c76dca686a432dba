/**
 * Reads and checks the configuration from the config file, the environment and the command line: a later source wins, and a bad value is
 * reported with its source, its key and what was expected. Secrets never appear in a message.
 */

import { homedir } from 'node:os';
import { join } from 'node:path';
import { defaultLimits, type ReceiverLimits } from '../../amp/limits.ts';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import type { ChainName } from '../../wire/chains.ts';
import { type Msat, msat, sat } from '../../wire/units.ts';
import { isLoopback } from '../base/address.ts';
import { defaultLevels, type LogLevels, logLevelsText } from '../base/loglevels.ts';
import { didYouMean } from '../base/nearest.ts';
import type { RpcOptions } from '../chain/rpc.ts';
import { type AnchorReserve, defaultReserve } from '../channels/anchorreserve.ts';
import { descriptorsOf, isOnionService } from '../peer/descriptors.ts';
import { networkOf } from '../ports/network.ts';
import type { Address } from '../ports/ports.ts';
import { type DevConfig, devConfig, redactedDev } from './devconfig.ts';
import { ConfigError } from './errors.ts';
import { HIDDEN, type Option } from './optionkinds.ts';
import { isOption, type OptionName, type OptionValue, options, variableOf } from './options.ts';
import type { Found, Given, Picker, Sources } from './optionsources.ts';
import { type TraceConfig, traceConfig } from './traceconfig.ts';

/** Paths of a node's files. */
export interface Places {
  readonly network: ChainName;
  /** The folder of all networks, with the config file. */
  readonly dir: string;
  /** `<dir>/<network>`: the store, the wallet and the three below. */
  readonly networkDir: string;
  /** The unix socket of the API. */
  readonly socket: string;
  readonly tokenFile: string;
  /** The backup file of the channels. */
  readonly backupFile: string;
}

export interface Config extends Places {
  /** Undefined: the node does not listen. Port 0: any free port. */
  readonly listen: Address | undefined;
  readonly announce: readonly Address[];
  /** Whether connections from this machine count as one source, or as many behind a proxy such as Tor. */
  readonly limitLoopback: boolean;
  readonly api: Address | undefined;
  /** Where metrics are served without the token; undefined: nowhere. */
  readonly metrics: Address | undefined;
  /** Where the web page is served; undefined for none. */
  readonly web: Address | undefined;
  readonly bitcoind: Pick<RpcOptions, 'host' | 'port' | 'auth'>;
  readonly alias: string | undefined;
  /** Six hex digits; undefined to take them from the node id. */
  readonly color: string | undefined;
  readonly logLevels: LogLevels;
  /** Undefined for standard error. */
  readonly logFile: string | undefined;
  /** The file of wire messages; undefined without one. */
  readonly trace: TraceConfig | undefined;
  /** The forwarding policy (BOLT 7). */
  readonly policy: { readonly feeBase: Msat; readonly feePerSatoshi: number; readonly cltvDelta: number };
  /** min_final_cltv_expiry_delta of our invoices, blocks (BOLT 11). */
  readonly cltvFinal: number;
  /** Confirmations before a channel is used, whoever opened it. */
  readonly minDepth: number;
  /** The reserve of the wallet for channels with anchors. */
  readonly reserve: AnchorReserve;
  /** Whether peers that know anchors may open channels without. */
  readonly allowStaticRemotekey: boolean;
  /** Seconds after which a connected peer that owes a message is disconnected. */
  readonly peerTimeout: number;
  readonly amp: { readonly spontaneous: boolean; readonly limits: ReceiverLimits };
  /** Undefined without --dev. */
  readonly dev: DevConfig | undefined;
  /** The given options and their sources, without values of secrets. */
  readonly given: ReadonlyMap<OptionName, Given>;
}

/** Starts a node, which has `ended` once it was told to stop and everything is closed. Both reject where the node cannot go on. */
export type RunNode = (config: Config) => Promise<{ readonly ended: Promise<void> }>;

type Layer = ReadonlyMap<OptionName, Found>;

const foundIn = (place: string, texts: readonly string[], source: string, key: string): Found => ({
  ...{ texts, source, key },
  places: texts.map(() => place),
});

const flagLayer = (flags: Sources['flags']): Layer =>
  new Map(
    Object.entries(flags).flatMap(([name, given]): [OptionName, Found][] =>
      isOption(name) && given !== undefined
        ? [[name, foundIn('cmdline', [given].flat(), 'command line', `--${name}`)]]
        : [],
    ),
  );

const environmentLayer = (env: Sources['env']): Layer =>
  new Map(
    Object.keys(options)
      .filter(isOption)
      .flatMap((name): [OptionName, Found][] => {
        const text = env[variableOf(name)];
        return text === undefined || text === ''
          ? []
          : [[name, foundIn('environment', [text], 'environment', variableOf(name))]];
      }),
  );

/** Refuses a comment behind a value, which would become part of it. An alias may have a # before a letter or digit. */
const checkRemark = (option: Option, value: string, source: string, key: string): void => {
  if ((option.value === 'TEXT' ? /\s#\s/ : /(?:^|\s)#/).test(value) && !/^#[0-9a-fA-F]{6}$/.test(value))
    throw new ConfigError(
      source,
      key,
      'a comment needs a line of its own that begins with #; behind a value it would become part of it',
    );
};

/** Lines of `key=value`, or `key` alone for a switch; `#` begins a comment line. Throws ConfigError. */
const fileLayer = (path: string, text: string): Layer => {
  const found = new Map<OptionName, Found>();
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const source = `${path} line ${at + 1}`;
    const equals = line.indexOf('=');
    const key = (equals < 0 ? line : line.slice(0, equals)).trim();
    // Only the first word: where the = is missing, the rest may be a password.
    if (!isOption(key)) {
      const [word = ''] = key.split(/[\s:]/);
      if (isOption(word)) throw new ConfigError(source, word, 'expected = behind it');
      throw new ConfigError(source, word, `no option of this name${didYouMean(word, Object.keys(options))}`);
    }
    const option: (typeof options)[OptionName] = options[key];
    if ('notInFile' in option) throw new ConfigError(source, key, 'belongs on the command line or in the environment');
    if (equals < 0 && 'value' in option) throw new ConfigError(source, key, `expected ${key}=${option.value}`);
    const value = equals < 0 ? 'true' : line.slice(equals + 1).trim();
    checkRemark(option, value, source, key);
    const before = found.get(key);
    if (before !== undefined && !('repeats' in option)) throw new ConfigError(source, key, 'is given twice');
    const texts = [...(before?.texts ?? []), value];
    found.set(key, { texts, source, places: [...(before?.places ?? []), `${path}:${at + 1}`], key });
  }
  return found;
};

const parsed = <K extends OptionName>(name: K, text: string, { source, key }: Found): OptionValue<K> => {
  const result = options[name].schema.safeParse(text);
  if (!result.success)
    throw new ConfigError(source, key, `expected ${result.error.issues[0]?.message ?? 'another value'}`);
  return result.data as OptionValue<K>;
};

/** Checks options that depend on each other for announcements. */
const checkAnnounced = (addresses: readonly Address[], found: Found | undefined): void => {
  try {
    descriptorsOf(addresses);
  } catch (error) {
    if (!(error instanceof RangeError) || found === undefined) throw error;
    throw new ConfigError(found.source, found.key, `expected ${error.message}`);
  }
};

const picker =
  (layers: readonly Layer[]): Picker =>
  (name) => {
    const found = layers.map((layer) => layer.get(name)).find((one) => one !== undefined);
    const text = found?.texts.at(-1);
    if (found === undefined || text === undefined) return undefined;
    if (found.source === 'command line' && found.texts.length > 1 && !('repeats' in options[name]))
      throw new ConfigError(found.source, found.key, 'is given twice');
    return { value: parsed(name, text, found), found };
  };

const layersOf = ({ flags, env, read }: Sources): { readonly layers: readonly Layer[]; readonly dir: string } => {
  const outside = [flagLayer(flags), environmentLayer(env)];
  const pick = picker(outside);
  const dir = pick('dir')?.value ?? join(env['HOME'] ?? homedir(), '.ampere');
  const named = pick('conf');
  const path = named?.value ?? join(dir, 'config');
  const text = read(path);
  if (text === undefined && named !== undefined)
    throw new ConfigError(named.found.source, named.found.key, `no such file: ${path}`);
  return { layers: text === undefined ? outside : [...outside, fileLayer(path, text)], dir };
};

/** The given options, each from the source that counts; of secrets only the source. */
const givenIn = (layers: readonly Layer[]): Config['given'] =>
  new Map(
    [...layers].reverse().flatMap((layer) =>
      [...layer].map(([name, { texts, places }]): [OptionName, Given] => {
        const isSecret = 'secret' in options[name];
        return [name, { texts: isSecret ? texts.map(() => HIDDEN) : texts, places }];
      }),
    ),
  );

const placesOf = (dir: string, network: ChainName): Places => {
  const networkDir = join(dir, network);
  return {
    network,
    dir,
    networkDir,
    socket: join(networkDir, 'lightning-rpc'),
    tokenFile: join(networkDir, 'api-token'),
    backupFile: join(networkDir, 'channels.backup'),
  };
};

/** The paths of the node that these sources describe, which is all that a client needs. Throws ConfigError. */
export const loadPlaces = (sources: Sources): Places => {
  const { layers, dir } = layersOf(sources);
  return placesOf(dir, picker(layers)('network')?.value ?? 'regtest');
};

/** Reads the password file, without its line break. */
const passwordIn = (path: string, { source, key }: Found, read: Sources['read']): string => {
  const password = read(path)?.replace(/\r?\n$/, '');
  if (password === undefined) throw new ConfigError(source, key, `no such file: ${path}`);
  if (password === '' || /[\r\n]/.test(password)) throw new ConfigError(source, key, `expected a line in ${path}`);
  return password;
};

const bitcoindOf = (pick: Picker, network: ChainName, read: Sources['read']): Config['bitcoind'] => {
  const url = pick('bitcoind');
  const cookie = pick('bitcoind-cookie');
  const secret = pick('bitcoind-password-file');
  const { host = '127.0.0.1', port = networkOf(network).rpcPort, login } = url?.value ?? {};
  if (cookie !== undefined && (login !== undefined || secret !== undefined))
    throw new ConfigError(cookie.found.source, cookie.found.key, 'either a cookie file or USER:PASSWORD, not both');
  if (secret !== undefined && login?.password !== undefined)
    throw new ConfigError(secret.found.source, secret.found.key, 'the password is in the URL of bitcoind already');
  if (secret !== undefined && login === undefined)
    throw new ConfigError(secret.found.source, secret.found.key, 'expected bitcoind http://USER@HOST:PORT beside it');
  if (login !== undefined) {
    const { user, password = secret && passwordIn(secret.value, secret.found, read) } = login;
    if (password !== undefined) return { host, port, auth: { user, password } };
  }
  if (cookie !== undefined) return { host, port, auth: { cookieFile: cookie.value } };
  if (url !== undefined)
    throw new ConfigError(
      url.found.source,
      url.found.key,
      'expected USER:PASSWORD@ in it, or a password file or a cookie file beside it',
    );
  throw new ConfigError(
    'nowhere given',
    'bitcoind',
    'expected --bitcoind http://USER:PASSWORD@HOST:PORT, or --bitcoind-cookie FILE',
  );
};

/** The chain of these sources, which is all that blocks and coins on regtest need; undefined where they name no bitcoind. Throws ConfigError. */
export const loadBitcoind = (sources: Sources): Pick<Config, 'network' | 'bitcoind'> | undefined => {
  const pick = picker(layersOf(sources).layers);
  const network = pick('network')?.value ?? 'regtest';
  const isNamed = pick('bitcoind') !== undefined || pick('bitcoind-cookie') !== undefined;
  return isNamed ? { network, bitcoind: bitcoindOf(pick, network, sources.read) } : undefined;
};

/** What `ampere start` runs with. Throws ConfigError. */
export const loadConfig = (sources: Sources): Config => {
  const { layers, dir } = layersOf(sources);
  const pick = picker(layers);
  const network = pick('network')?.value ?? 'regtest';
  const { peerPort } = networkOf(network);
  const everyone = network === 'regtest' ? '127.0.0.1' : '0.0.0.0';
  const listen = pick('listen');
  const api = pick('api');
  if (api?.value !== undefined && !isLoopback(api.value.host))
    throw new ConfigError(
      api.found.source,
      api.found.key,
      'expected a loopback address: whoever has the API token can spend the money',
    );
  const web = pick('web');
  if (web?.value !== undefined && !isLoopback(web.value.host))
    throw new ConfigError(
      web.found.source,
      web.found.key,
      'expected a loopback address: the page is for this machine alone',
    );
  const dev = devConfig(pick, network, sources.read);
  const announced = layers.map((layer) => layer.get('announce-addr')).find((one) => one !== undefined);
  const announce = (announced?.texts ?? [])
    .flatMap((text) => text.split(','))
    .flatMap((text) => (announced === undefined ? [] : [parsed('announce-addr', text.trim(), announced)]));
  checkAnnounced(announce, announced);
  return {
    ...placesOf(dir, network),
    listen: listen === undefined ? { host: everyone, port: peerPort } : listen.value,
    announce,
    limitLoopback: pick('limit-loopback')?.value ?? !(network === 'regtest' || announce.some(isOnionService)),
    api: api === undefined ? { host: '127.0.0.1', port: peerPort + 1 } : api.value,
    metrics: pick('metrics')?.value,
    web: web?.value,
    bitcoind: bitcoindOf(pick, network, sources.read),
    alias: pick('alias')?.value,
    color: pick('color')?.value,
    logLevels: pick('log-level')?.value ?? defaultLevels,
    logFile: pick('log-file')?.value,
    trace: traceConfig(pick),
    policy: {
      feeBase: pick('fee-base')?.value ?? msat(1000n),
      feePerSatoshi: pick('fee-per-satoshi')?.value ?? 10,
      cltvDelta: pick('cltv-delta')?.value ?? 40,
    },
    cltvFinal: pick('cltv-final')?.value ?? 40,
    minDepth: pick('min-depth')?.value ?? (network === 'regtest' ? 1 : 3),
    reserve: {
      // Regtest coins are worth nothing, and a payee that starts without coins should be able to receive; it is warned all the same.
      perChannel: pick('anchor-reserve')?.value ?? (network === 'regtest' ? sat(0n) : defaultReserve.perChannel),
      most: pick('anchor-reserve-most')?.value ?? defaultReserve.most,
    },
    allowStaticRemotekey: pick('allow-static-remotekey')?.value ?? false,
    peerTimeout: pick('peer-timeout')?.value ?? waitLimits.revoke_and_ack.seconds,
    amp: {
      spontaneous: pick('accept-spontaneous')?.value ?? true,
      limits: {
        ...defaultLimits,
        timeout: pick('amp-timeout')?.value ?? defaultLimits.timeout,
        deployedTimeout: pick('amp-timeout')?.value ?? defaultLimits.deployedTimeout,
        sets: pick('amp-sets')?.value ?? defaultLimits.sets,
        shares: pick('amp-shares')?.value ?? defaultLimits.shares,
      },
    },
    dev,
    given: givenIn(layers),
  };
};

/** The configuration for the log, without passwords. */
export const redacted = ({ given: _, ...config }: Config): object => ({
  ...config,
  logLevels: logLevelsText(config.logLevels),
  dev: config.dev && redactedDev(config.dev),
  bitcoind: {
    ...config.bitcoind,
    auth:
      'user' in config.bitcoind.auth ? { user: config.bitcoind.auth.user, password: '[hidden]' } : config.bitcoind.auth,
  },
});
