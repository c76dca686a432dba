/** By which strategy a payment is cut, and which routes it prefers: parameters that pay, xpay and keysend share, the latter with getroutes and probe. */

import { defaultStrategy, spareStrategies, strategyNames, takesSpare } from '../../../../amp/strategies.ts';
import type { Strategies } from '../../../../amp/strategy.ts';
import { preferences } from '../../../graph/likelihood.ts';
import { ApiError } from '../../errors.ts';
import * as param from '../../params.ts';

/** A program that runs a node may have others beside these. */
export const strategyParam = param.text
  .meta({ kind: strategyNames.join('|') })
  .optional()
  .describe(`how the amount is cut into parts; else ${defaultStrategy}`);

/** What a likelier route may cost more. */
export const preferParam = param
  .word(...preferences)
  .optional()
  .describe(
    'which routes: of low fees, of channels likely to carry the amount, or balanced between them, which is the default',
  );

export interface Parts {
  readonly payments: { readonly tables: { readonly strategies: Strategies } };
}

interface Given {
  readonly strategy?: string | undefined;
  readonly shards?: number | undefined;
  readonly redundancy?: number | undefined;
}

/**
 * The field of a request that names the strategy. Throws ApiError for one that this node does not have, and for one that has to be
 * told how many parts there are to be and is not, or cannot have spare ones.
 */
export const strategyTerms = ({ payments }: Parts, { strategy, shards, redundancy = 0 }: Given) => {
  if (strategy === undefined) return {};
  const { strategies } = payments.tables;
  const row = strategies.get(strategy);
  if (row === undefined) {
    const known = [...strategies.keys()].map((name) => `"${name}"`).join(' or ');
    throw new ApiError('invalid_params', `strategy: expected ${known}`);
  }
  if (redundancy > 0 && !takesSpare(row))
    throw new ApiError(
      'invalid_params',
      `strategy: expected ${spareStrategies(strategies)} where there is redundancy, for shards of which any so many will do are all equal`,
    );
  if (row.needsShards && shards === undefined)
    throw new ApiError('invalid_params', `shards: strategy ${strategy} has to be told how many HTLCs there are to be`);
  return { strategy };
};
