/**
 * HTLCs without an output in any commitment that may still confirm (BOLT 5: trimmed HTLCs). Nothing on chain can resolve them, so the
 * incoming HTLC need not wait for a commitment to be reasonably deep.
 */
import { isRecovered } from '../model/core.ts';
import { type CommitmentView, feerateOf, htlcStatus, inLocal, inRemote } from '../model/spec.ts';
import type { Core, Failed, Htlc, Onchain } from '../model/state.ts';
import { isTrimmedFor } from '../rules/exposure.ts';

/** The commitments that are not revoked: ours, the peer's, and the one that we signed beyond it. */
const valid = ({ head }: Core): readonly (readonly [holder: 'local' | 'remote', view: CommitmentView])[] => [
  ['local', inLocal(head.local)],
  ['remote', inRemote(head.remote)],
  ...(head.signedAt === undefined ? [] : [['remote', inRemote(head.remote + 1)] as const]),
];

/** Whether an HTLC is too small for an output in every commitment that contains it and is not revoked. */
export const isOutputless = (core: Core, htlc: Htlc): boolean =>
  valid(core).every(
    ([holder, view]) =>
      htlcStatus(view, htlc) !== 'open' || isTrimmedFor(core.params, holder, feerateOf(core, view), htlc),
  );

/** Whether every commitment that may be mined is known: not where the peer has newer ones, or one that it revoked is mined. */
export const knowsEveryCommitment = (state: Failed | Onchain): boolean => {
  if (isRecovered(state.core)) return false;
  return state.phase === 'failed'
    ? !state.outdated
    : !state.before.outdated && (state.by === 'local' || state.by === 'remote' || state.by === 'remote_next');
};
