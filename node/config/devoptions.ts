/** Options for experiments. All of them need --dev, which is for regtest only. Names are Core Lightning's where it has the option. */

import { crashPoint, holdPoint, savePoint } from './devrules.ts';
import { forcedChannelSecrets, forcedKey, forcedSeed } from './devsecrets.ts';
import { path, rows, value, yesOrNo } from './optionkinds.ts';

export const devOptions = rows({
  dev: { doc: 'allow what only experiments need; regtest only', schema: yesOrNo },
  'dev-disconnect': {
    value: 'FILE',
    doc: 'cut connections as the lines of the file say, each once: -WIRE_NAME before it is sent, +WIRE_NAME*2 after the second',
    schema: path,
  },
  'dev-crash': {
    value: 'WHEN:KEYS',
    doc: 'die as in a power cut before: or after: a save with such keys, say before:channel/*/head*2 for the second',
    schema: value(crashPoint),
  },
  'dev-hold-save': {
    value: 'KEYS[@MS]',
    doc: 'hold the first save with such keys and all after it, for MS milliseconds or until dev-release-saves',
    schema: value(holdPoint),
  },
  'dev-fail-save': {
    value: 'KEYS',
    doc: 'fail the first save with such keys and all after it',
    schema: value(savePoint),
  },
  'dev-record': {
    value: 'DIR',
    doc: 'record every step of every channel and payment: ampere replay DIR goes through them',
    schema: path,
  },
  'dev-record-secrets': {
    doc: 'with the seeds, keys and preimages, so that a replay can make each step again',
    schema: yesOrNo,
  },
  'dev-force-privkey': { value: 'HEX', doc: "the node's own key, 32 bytes", schema: value(forcedKey), secret: true },
  'dev-force-bip32-seed': {
    value: 'HEX',
    doc: "the wallet's seed, 32 bytes; no seed file then",
    schema: value(forcedSeed),
    secret: true,
  },
  'dev-force-channel-secrets': {
    value: 'HEX/…/HEX',
    doc: 'secrets of every channel to come: funding, revocation, payment, delayed, htlc, shaseed',
    schema: value(forcedChannelSecrets),
    secret: true,
  },
});
