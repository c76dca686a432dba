/**
 * A channel of which only what never changes is left: its parameters and its funding output, from a backup. No commitment of
 * ours can be known to be the last one, so none is ever published: the peer is asked to close, and what it pays us of its
 * own commitment, or what an old commitment of ours has left for us in the chain, is swept.
 */
import { derive, firstHead, NOTHING, noClosings } from '../model/core.ts';
import { type Fault, faultText } from '../model/errors.ts';
import type { Step } from '../model/io.ts';
import { records } from '../model/persist.ts';
import type { Failed, StaticChannel } from '../model/state.ts';
import { report } from '../rules/effects.ts';
import { watchFunding } from './opening.ts';

const fault: Fault = { code: 'data_lost' };

/** Takes a channel back from what never changes of it. What it does not know stands as it was at the beginning. */
export const recoverChannel = ({ params, funding }: StaticChannel): Step => {
  const core = derive({
    params,
    funding,
    // The peer's first point is forgotten; any other point makes commitments that no transaction of its will ever be.
    head: firstHead(params, params.remote.basepoints.payment),
    incoming: new Map(),
    outgoing: new Map(),
    fees: [],
    signatures: { commitment: NOTHING, htlcs: [] },
    secrets: [],
    // It was in use, for all we know: it is not a funding that its fundee may forget.
    lockin: { scid: undefined, sent: true, received: true, peerAlias: undefined },
    closings: noClosings,
    fundingTx: new Uint8Array(),
    closingSince: undefined,
  });
  const state: Failed = { phase: 'failed', core, why: faultText(fault), outdated: true, agreed: undefined };
  const changes = [...records(state)].map(([key, value]) => ({ key, value }));
  return [state, [{ do: 'save', changes }, watchFunding(core), report({ event: 'failed', fault, broadcast: false })]];
};
