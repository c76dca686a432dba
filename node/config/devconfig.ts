/** The options for experiments, checked. */

import type { ChannelSecrets } from '../../channel/tx/keys.ts';
import type { ChainName } from '../../wire/chains.ts';
import type { SecretKey } from '../../wire/units.ts';
import { devOptions } from './devoptions.ts';
import { type CrashPoint, cutRules, type DisconnectRule, type HoldPoint, type SavePoint } from './devrules.ts';
import { ConfigError } from './errors.ts';
import type { OptionName } from './options.ts';
import type { Picker, Sources } from './optionsources.ts';

export interface DevConfig {
  readonly disconnect: readonly DisconnectRule[];
  readonly crash: CrashPoint | undefined;
  readonly holdSave: HoldPoint | undefined;
  readonly failSave: SavePoint | undefined;
  /** Where steps of channels and payments are recorded. */
  readonly record: { readonly dir: string; readonly secrets: boolean } | undefined;
  readonly privateKey: SecretKey | undefined;
  readonly bip32Seed: Uint8Array | undefined;
  readonly channelSecrets: ChannelSecrets | undefined;
}

const rulesIn = (pick: Picker, read: Sources['read']): readonly DisconnectRule[] => {
  const named = pick('dev-disconnect');
  if (named === undefined) return [];
  const { value: path, found } = named;
  const text = read(path);
  if (text === undefined) throw new ConfigError(found.source, found.key, `no such file: ${path}`);
  try {
    return cutRules(text);
  } catch (error) {
    if (error instanceof RangeError) throw new ConfigError(path, found.key, `expected ${error.message}`);
    throw error;
  }
};

/** Undefined without --dev. Throws ConfigError for an option that needs it, and for it off regtest. */
export const devConfig = (pick: Picker, network: ChainName, read: Sources['read']): DevConfig | undefined => {
  const dev = pick('dev');
  if (dev?.value !== true) {
    for (const name of Object.keys(devOptions) as (OptionName & keyof typeof devOptions)[]) {
      const found = name === 'dev' ? undefined : pick(name)?.found;
      if (found !== undefined)
        throw new ConfigError(found.source, found.key, 'is for a node started with --dev, on regtest only');
    }
    return undefined;
  }
  if (network !== 'regtest') throw new ConfigError(dev.found.source, dev.found.key, 'is for regtest only');
  const [record, secrets] = [pick('dev-record'), pick('dev-record-secrets')];
  if (record === undefined && secrets !== undefined)
    throw new ConfigError(secrets.found.source, secrets.found.key, 'expected --dev-record DIR beside it');
  return {
    record: record && { dir: record.value, secrets: secrets?.value ?? false },
    disconnect: rulesIn(pick, read),
    crash: pick('dev-crash')?.value,
    holdSave: pick('dev-hold-save')?.value,
    failSave: pick('dev-fail-save')?.value,
    privateKey: pick('dev-force-privkey')?.value,
    bip32Seed: pick('dev-force-bip32-seed')?.value,
    channelSecrets: pick('dev-force-channel-secrets')?.value,
  };
};

const hidden = <T>(secret: T | undefined): string | undefined => (secret === undefined ? undefined : '[hidden]');

/** For the log, without secrets. */
export const redactedDev = ({ record, disconnect, crash, holdSave, failSave, ...secrets }: DevConfig): object => ({
  disconnect: disconnect.map(({ text }) => text),
  crash: crash?.text,
  holdSave: holdSave?.text,
  failSave: failSave?.text,
  record,
  privateKey: hidden(secrets.privateKey),
  bip32Seed: hidden(secrets.bip32Seed),
  channelSecrets: hidden(secrets.channelSecrets),
});
