/**
 * What is for experiments alone: methods, and parameters whose names begin with `dev_`. Every caller of a node that was not
 * started with --dev (regtest only) gets a refusal. Methods have Core Lightning's names where it has them.
 */
import { z } from 'zod';
import * as given from '../given.ts';
import { methods } from '../method.ts';
import * as shown from '../shown.ts';

export const devShards = {
  dev_withhold: given
    .integer(0, 255)
    .optional()
    .describe('plan this many shards and never send them, to see the payee give the set up'),
};

const commitment = z.object({
  tx: shown.hexText,
  txid: shown.txid,
  commitment_number: shown.u64,
  /** Those with an output in it, in the order of the outputs. */
  htlcs: z.array(
    z.object({
      direction: z.enum(['in', 'out']),
      id: shown.u64,
      amount_msat: shown.amountMsat,
      expiry: shown.u32,
      payment_hash: shown.hash,
      output: shown.u32,
      /** The HTLC-timeout or HTLC-success transaction; the latter only where the preimage is known. */
      tx: shown.hexText.optional(),
      txid: shown.txid.optional(),
    }),
  ),
});

const number = given
  .integer(0, 2 ** 48 - 1)
  .optional()
  .describe('a commitment remembered earlier; else the latest');
const preimages = given.many(given.preimage32, 1000).default([]).describe('preimages for HTLC-success transactions');

export const devMethods = methods({
  'dev-sign-last-tx': {
    doc: 'Signs our commitment transaction of a channel, with its HTLC transactions, and publishes nothing.',
    params: z.strictObject({ id: given.channelRef.describe('the channel, or its peer'), number, preimages }),
    result: commitment,
  },
  'dev-remember-commitment': {
    doc: 'Keeps all it takes to sign the commitment we have now, also once it is revoked.',
    params: z.strictObject({ id: given.channelRef.describe('the channel, or its peer') }),
    result: z.object({ commitment_number: shown.u64, remembered: z.array(shown.u64) }),
  },
  'dev-broadcast-commitment': {
    doc: 'Publishes our commitment transaction, the latest or, as a thief would, one remembered earlier.',
    params: z.strictObject({
      id: given.channelRef.describe('the channel, or its peer'),
      number,
      preimages,
      htlcs: given.flag.default(false).describe('publish the HTLC transactions behind it, too'),
    }),
    result: commitment.extend({ refused: z.array(z.object({ txid: shown.txid, why: shown.text })) }),
  },
});
