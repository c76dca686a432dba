/** Results of the methods for experiments, for nodes that answer with fixed results. */
import type { DevMethodName, Result } from '../../node/api/table.ts';
import { msat } from '../../wire/units.ts';

const hash = 'c3'.repeat(32);
const txid = 'e5'.repeat(32);

const commitment = {
  tx: '0200',
  txid,
  commitment_number: 7,
  htlcs: [
    {
      direction: 'out' as const,
      id: 3,
      amount_msat: msat(5_000_000n),
      expiry: 150,
      payment_hash: hash,
      output: 1,
      tx: '0201',
      txid,
    },
  ],
};

export const devSamples: { readonly [M in DevMethodName]: Result<M> } = {
  'dev-disconnect': { rules: ['-WIRE_COMMITMENT_SIGNED'], sent: { commitment_signed: 3 } },
  'dev-crash': { waiting: 0, armed: ['die before:channel/*/head'] },
  'dev-hold-saves': { waiting: 3, armed: [] },
  'dev-release-saves': { waiting: 0, armed: [] },
  'dev-fail-save': { waiting: 0, armed: ['fail channel/*/head'] },
  'dev-record-saves': { commits: [['channel/a/head', 'channel/a/local'], ['receiver/set/b']] },
  'dev-ignore-htlcs': {},
  'dev-fail-process-onionpacket': {},
  'dev-feerate': { id: `03${'b2'.repeat(32)}`, feerate: 2000 },
  'dev-dump-state': { channels: [{ phase: 'open' }], payments: [], sets: [], store: { 'channel/*/head': 1 } },
  'dev-sign-last-tx': commitment,
  'dev-remember-commitment': { commitment_number: 7, remembered: [4, 7] },
  'dev-broadcast-commitment': { ...commitment, refused: [{ txid, why: 'bitcoind refused it' }] },
};
