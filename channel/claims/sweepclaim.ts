/** A claim as a sweep: one output, taken with one witness in a transaction that may be replaced. */
import type { ChainCommitment, OutputLocation } from '../model/chainview.ts';
import type { ClaimBase, SweepClaim, Unlock } from '../model/claim.ts';
import type { Core } from '../model/state.ts';
import { witnessWeight } from './claimwitness.ts';

/** BIP 125's signal, for inputs without a lock. */
export const REPLACEABLE = 0xfffffffd;

/** The commitment that an output belongs to or comes from, and its channel. */
export type ClaimContext = Pick<ChainCommitment, 'whose' | 'revoked' | 'delay' | 'delayed'> & { readonly core: Core };

export type SweepTerms = Pick<ClaimBase, 'from' | 'deadline' | 'why'> & {
  readonly unlock: Unlock;
  readonly scriptCode: Uint8Array;
  readonly sequence?: number;
  readonly locktime?: number;
};

export const sweep = ({ outpoint, value }: OutputLocation, terms: SweepTerms): SweepClaim => ({
  kind: 'sweep',
  outpoint,
  value,
  sequence: REPLACEABLE,
  locktime: 0,
  ...terms,
  witnessWeight: witnessWeight(terms.unlock, terms.scriptCode, true),
});
