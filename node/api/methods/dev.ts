/**
 * Parameters for experiments alone. Their names begin with `dev_`, which makes every caller of a node that was not started
 * with --dev (regtest only) get a refusal, and keeps them out of help.
 */
import * as given from '../given.ts';

export const devShards = {
  dev_withhold: given
    .integer(0, 255)
    .optional()
    .describe('plan this many shards and never send them, to see the payee give the set up'),
};
