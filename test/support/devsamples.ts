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
  'dev-sign-last-tx': commitment,
  'dev-remember-commitment': { commitment_number: 7, remembered: [4, 7] },
  'dev-broadcast-commitment': { ...commitment, refused: [{ txid, why: 'bitcoind refused it' }] },
};
