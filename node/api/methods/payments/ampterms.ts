/** What a caller says of the shares of an atomic multi-path payment. Parameters that pay and keysend share. */

import { DEPLOYED } from '../../../../amp/deployed.ts';
import type { Schemes } from '../../../../amp/scheme.ts';
import { defaultScheme, schemeNames } from '../../../../amp/schemes.ts';
import { type Msat, msat } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import * as param from '../../params.ts';

export const ampParams = {
  scheme: param.text
    .optional()
    .describe(
      `how shares are made, for atomic multi-path payments alone: ${schemeNames.join(', ')}; else ${defaultScheme}; to nodes of other kinds ${DEPLOYED}, the AMP of lnd`,
    ),
  shards: param.integer(1, 255).optional().describe('how many HTLCs to cut the amount into; 1 never cuts it'),
  redundancy: param
    .integer(0, 127)
    .optional()
    .describe('with scheme threshold, by strategy outlets or flow: how many HTLCs more to send than are needed'),
  maxoverpayment: param.amountMsat
    .optional()
    .describe('with redundancy: most that all HTLCs may come to beyond the amount; else half of it'),
  shares: param
    .integer(1, 255)
    .optional()
    .describe('with scheme fixed or dynamic: how many shares, of which the last HTLC carries those left over'),
};

interface AmpParams {
  readonly scheme?: string | undefined;
  readonly redundancy?: number | undefined;
  readonly maxoverpayment?: Msat | undefined;
  readonly shares?: number | undefined;
}

/** Throws ApiError for a scheme that this node does not have; `others` are what a caller may name besides. */
const schemeFor = (schemes: Schemes, given: string | undefined, others: readonly string[]): string => {
  if (given === undefined) return defaultScheme;
  if (schemes.has(given)) return given;
  const known = [...schemes.keys(), ...others].map((name) => `"${name}"`).join(' or ');
  throw new ApiError('invalid_params', `scheme: expected ${known}`);
};

/**
 * The fields of a request that say how shares are made. Without a bound of its own, spare shards may come to half the amount. Throws
 * ApiError for a scheme that this node does not have, and for a bound without what it bounds.
 */
export const ampTerms = (
  { payments }: Pick<Node, 'payments'>,
  amount: Msat,
  { scheme, redundancy, maxoverpayment, shares }: AmpParams,
  others: readonly string[] = [],
) => {
  if (maxoverpayment !== undefined && redundancy === undefined)
    throw new ApiError('invalid_params', 'maxoverpayment: it bounds what redundancy costs; give both or neither');
  return {
    scheme: schemeFor(payments.tables.schemes, scheme, others),
    ...(redundancy !== undefined && { redundancy, maxOverpayment: maxoverpayment ?? msat(amount / 2n) }),
    ...(shares !== undefined && { shares }),
  };
};

/** Throws ApiError where a caller says something of shares that lnd's AMP does not have; its scheme may be named. */
export const refuseShareParams = ({ scheme, redundancy, maxoverpayment, shares }: AmpParams): void => {
  if (scheme !== undefined && scheme !== DEPLOYED)
    throw new ApiError(
      'invalid_params',
      `scheme: this payee reads the AMP of lnd, which is "${DEPLOYED}"; leave scheme out`,
    );
  const [given] = Object.entries({ redundancy, maxoverpayment, shares }).find(([, value]) => value !== undefined) ?? [];
  if (given !== undefined)
    throw new ApiError('invalid_params', `${given}: the AMP of lnd has no such thing; leave ${given} out`);
};

/** Throws ApiError where a caller says something of shares, and the invoice does not ask for an AMP. */
export const refuseAmpParams = ({ scheme, redundancy, maxoverpayment, shares }: AmpParams): void => {
  const [given] =
    Object.entries({ scheme, redundancy, maxoverpayment, shares }).find(([, value]) => value !== undefined) ?? [];
  if (given !== undefined)
    throw new ApiError('invalid_params', `${given}: this invoice does not ask for an AMP; leave ${given} out`);
};
