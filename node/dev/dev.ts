/** Everything that --dev adds to a node, made from the configuration before the node is. */
import type { DevHandlers } from '../api/table.ts';
import { partLog } from '../base/loglevels.ts';
import type { DevConfig } from '../config/devconfig.ts';
import type { Hooks } from '../core/hooks.ts';
import type { Node } from '../core/node.ts';
import type { Clock, Log } from '../ports/ports.ts';
import { openRecorder } from '../replay/recorder.ts';
import { DisconnectRules } from './disconnectrules.ts';
import { devHandlers } from './handlers.ts';
import { IgnoredHtlcs } from './ignoredhtlcs.ts';
import { OnionCorruption } from './onioncorruption.ts';
import { type SaveRule, StoreFaults } from './storefaults.ts';

export interface Dev {
  readonly saves: StoreFaults;
  readonly hooks: Hooks;
  /** The methods for experiments on the node that was started with those hooks. */
  readonly handlers: (node: Node) => DevHandlers;
}

const saveRules = ({ crash, holdSave, failSave }: DevConfig): readonly SaveRule[] => [
  ...(crash ? [{ point: crash, action: { do: 'die', when: crash.when } } as const] : []),
  ...(holdSave ? [{ point: holdSave, action: { do: 'hold', milliseconds: holdSave.milliseconds } } as const] : []),
  ...(failSave ? [{ point: failSave, action: { do: 'fail' } } as const] : []),
];

/** `die` must not return. */
export const openDev = (
  config: DevConfig,
  { log, clock, die }: { readonly log: Log; readonly clock: Clock; readonly die: () => void },
): Dev => {
  const cuts = new DisconnectRules(log, config.disconnect);
  const ignoring = new IgnoredHtlcs(log);
  const spoiling = new OnionCorruption();
  const saves = new StoreFaults({ log, clock, die }, saveRules(config));
  return {
    saves,
    handlers: (node) => devHandlers(node, { cuts, saves, ignoring, spoiling, die }),
    hooks: {
      wrapStream: (stream) => cuts.wrap(stream),
      channelEvents: (next) => ignoring.wrap(spoiling.wrap(next)),
      recorder: config.record && openRecorder(config.record, { clock, log: partLog(log, 'core') }),
      seed: config.bip32Seed,
      identity: config.privateKey,
      channelSecrets: config.channelSecrets,
    },
  };
};
