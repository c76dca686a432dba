/**
 * A channel restored from a static backup (BOLT 2, option_data_loss_protect): only its parameters and funding output are known. We cannot
 * know our latest commitment, so none is ever published: the peer is asked to close, and our outputs of its commitment, or of an old
 * commitment of ours in the chain, are swept.
 */
import { firstCommitmentState, NO_SIGNATURE, noClosings, withDerived } from '../model/core.ts';
import { type Fault, faultText } from '../model/errors.ts';
import type { Step } from '../model/io.ts';
import { records } from '../model/persist.ts';
import type { Failed, StaticChannel } from '../model/state.ts';
import { report } from '../rules/effects.ts';
import { watchFunding } from './opening.ts';

const fault: Fault = { code: 'data_lost' };

/** Restores a channel from its static backup. Unknown fields have their values of the opening. */
export const recoverChannel = ({ params, funding }: StaticChannel): Step => {
  const core = withDerived({
    params,
    funding,
    // The peer's first per-commitment point is lost; with any other point no real transaction matches our computed commitments.
    head: firstCommitmentState(params, params.remote.basepoints.payment),
    incoming: new Map(),
    outgoing: new Map(),
    fees: [],
    signatures: { commitment: NO_SIGNATURE, htlcs: [] },
    secrets: [],
    // It may have been in use, so a fundee must not forget it as unfunded.
    lockin: { scid: undefined, sent: true, received: true, peerAlias: undefined },
    closings: noClosings,
    fundingTx: new Uint8Array(),
    closingSince: undefined,
  });
  const state: Failed = { phase: 'failed', core, why: faultText(fault), outdated: true, agreed: undefined };
  const changes = [...records(state)].map(([key, value]) => ({ key, value }));
  return [state, [{ do: 'save', changes }, watchFunding(core), report({ event: 'failed', fault, broadcast: false })]];
};
