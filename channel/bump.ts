/** Our own commitment on its way into a block: a child of our anchor pays what it did not foresee (BOLT 5, "Failing a Channel"). */
import { type BumpClaim, witnessWeight } from './claim.ts';
import { preimageOf, REPLACEABLE, SAFETY } from './claiming.ts';
import type { CommitmentHtlc } from './commitment.ts';
import { localCommitment, publishable } from './dance.ts';
import type { Core, Failed } from './state.ts';

/** Half of the time we keep for an HTLC is for the commitment, the other half for what then takes the HTLC. */
const HALF = SAFETY / 2;

/** The block in which our commitment must be for an HTLC's sake. */
const neededBy = (core: Core, { id, direction, cltvExpiry }: CommitmentHtlc): number => {
  if (direction === 'offered') return cltvExpiry + HALF;
  const htlc = core.incoming.get(id);
  return htlc !== undefined && preimageOf(htlc) !== undefined ? cltvExpiry - HALF : Number.POSITIVE_INFINITY;
};

/** The anchor of our commitment, where that is what we publish and its format has one. */
export const bumpClaim = ({ core, outdated, agreed }: Failed): BumpClaim | undefined => {
  if (outdated || agreed !== undefined) return undefined;
  const commitment = localCommitment(core);
  const { outputs } = commitment.transaction;
  const index = outputs.findIndex(({ kind }) => kind === 'to_local_anchor');
  const anchor = outputs[index];
  if (anchor?.kind !== 'to_local_anchor') return undefined;
  const deadline = Math.min(...commitment.htlcs.map(({ htlc }) => neededBy(core, htlc)));
  const { value, witnessScript: scriptCode } = anchor;
  return {
    kind: 'bump',
    outpoint: { txid: commitment.txid, index },
    value,
    from: 0,
    deadline: Number.isFinite(deadline) ? deadline : undefined,
    why: 'anchor',
    parent: publishable(core),
    parentFee: commitment.fee,
    sequence: REPLACEABLE,
    scriptCode,
    witnessWeight: witnessWeight({ by: 'funding' }, scriptCode, false),
    unlock: { by: 'funding' },
  };
};
