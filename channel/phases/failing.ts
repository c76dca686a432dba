/**
 * Failing a channel (BOLT 1 `error` and `warning`; BOLT 5, "Failing a Channel"): the reaction to each fault, and what each block
 * brings.
 */

import { warningData } from '../../wire/printable.ts';
import { ChannelError, type Fault, faultText, reactions } from '../model/errors.ts';
import type { Context, Effect, Input, Step } from '../model/io.ts';
import type { ChannelState, Core, Failed, Funded, GivenUp, Negotiating, Open } from '../model/state.ts';
import { keepPreimages, reverseUncommitted } from '../model/updates.ts';
import { waitLimits } from '../model/waitlimits.ts';
import { deadlineFault, staleOfferFault } from '../rules/deadlines.ts';
import { errorMessage, offerRefused, report, send, warningMessage } from '../rules/effects.ts';
import { forgetUnsignedFee } from '../rules/feerefused.ts';
import { underpaidFault } from '../rules/underpaid.ts';
import { awaitedFromPeer, timeoutFault } from '../rules/waits.ts';
import {
  broadcastAgreedClosing,
  broadcastExits,
  broadcastsCommitment,
  closingOverdueFault,
  fallBackToCommitment,
  noteAgreedClosing,
} from './exits.ts';
import { abandonOpening } from './opening.ts';
import { failIfOverdue } from './peererror.ts';

/** The connection is gone: uncommitted updates are reversed, and dropped offers are reported as refused. */
export const disconnectCore = (core: Core): readonly [core: Core, effects: readonly Effect[]] => {
  if (core.link.status === 'offline') return [core, []];
  const { core: undone, dropped } = reverseUncommitted(core);
  return [
    { ...undone, link: { status: 'offline', peerError: core.link.peerError } },
    dropped.map(({ origin }) => offerRefused(origin, { code: 'disconnected' })),
  ];
};

/** A funded state whose connection is gone. */
export const disconnect = (state: Funded): readonly [state: Funded, effects: readonly Effect[]] => {
  const [core, effects] = disconnectCore(state.core);
  if (core === state.core) return [state, effects];
  return [state.phase === 'negotiating' ? { ...state, core, round: undefined } : { ...state, core }, effects];
};

const isOpening = (state: ChannelState): state is Exclude<ChannelState, Funded | { phase: 'abandoned' }> =>
  !('core' in state) && state.phase !== 'abandoned';

/** Does what `reactions` says about a fault. */
export const reactToFault = (state: ChannelState, fault: Fault): Step => {
  const reaction = reactions[fault.code];
  if (state.phase === 'abandoned' || reaction === 'ignore') return [state, []];
  if (isOpening(state)) return abandonOpening(state, fault, reaction !== 'fail_silently');
  const { channelId } = state.core;
  if (reaction === 'warn_and_disconnect') {
    const [next, effects] = disconnect(state);
    const why = faultText(fault);
    return [next, [send(warningMessage(channelId, fault)), { do: 'disconnect', why }, ...effects]];
  }
  const tell = reaction === 'fail_silently' ? [] : [send(errorMessage(channelId, fault))];
  if (state.phase === 'failed' && givesUpOnClosing(fault)) return fallBackFrom(state, fault, tell);
  if (state.phase === 'failed' || state.phase === 'onchain' || state.phase === 'closed') return [state, tell];
  return failChannel(state, fault, tell, reaction === 'ask_peer');
};

/** Whether a fault ends the wait for the agreed closing transaction. */
const givesUpOnClosing = ({ code }: Fault): boolean => code === 'force_close' || code === 'closing_not_mined';

/** A channel that failed after a closing was agreed: our commitment is published as well. */
const fallBackFrom = (state: Failed, fault: Fault, tell: readonly Effect[]): Step => {
  if (state.outdated || broadcastsCommitment(state)) return [state, tell];
  const next: Failed = { ...state, core: fallBackToCommitment(state.core) };
  return [next, [...tell, ...broadcastExits(next), report({ event: 'failed', fault, broadcast: true })]];
};

/** The peer did not send an expected message in time. */
export const onPeerOverdue = (state: ChannelState, { wait, seconds }: Extract<Input, { type: 'overdue' }>): Step => {
  if (awaitedFromPeer(state)?.id !== wait.id) return [state, []];
  if (waitLimits[wait.name].exit === 'abandon') return reactToFault(state, { code: 'opening_timeout', seconds });
  const silent: Fault = { code: 'peer_silent', awaited: wait.name, seconds };
  if (state.phase !== 'open' || wait.name !== 'revoke_and_ack') return reactToFault(state, silent);
  return reactToFault({ ...state, core: { ...state.core, revocationOverdue: state.core.head.remote } }, silent);
};

const failChannel = (state: Open | Negotiating, fault: Fault, tell: readonly Effect[], outdated: boolean): Step => {
  const online = state.core.link.status !== 'offline';
  const [offline, effects] = disconnectCore(state.core);
  const left = givesUpOnClosing(fault) ? fallBackToCommitment(offline) : offline;
  const core = keepPreimages({ ...left, link: state.core.link });
  const agreed = state.phase === 'negotiating' ? state.agreed : undefined;
  const next: Failed = { phase: 'failed', core, why: faultText(fault), outdated, agreed };
  const event = report({ event: 'failed', fault, broadcast: broadcastsCommitment(next) });
  return [next, [...(online ? tell : []), ...broadcastExits(next), ...effects, event]];
};

/** The error of a failed channel, repeated on each connection. */
export const repeatError = ({ channelId }: Core, { why }: Pick<GivenUp, 'why'>): Effect =>
  send({ name: 'error', channel_id: channelId, data: warningData(why) });

/** The state with the height at which a closing was agreed; older stores did not save it. */
const withAgreedHeight = <S extends Negotiating | Failed>(state: S, height: number): S => {
  if (state.agreed === undefined) return state;
  const core = noteAgreedClosing(state.core, height);
  return core === state.core ? state : { ...state, core };
};

/** A new block: broadcasts again what must confirm. Throws ChannelError at a deadline. */
export const onBlock = (state: Funded, height: number, context: Context): Step => {
  switch (state.phase) {
    case 'open': {
      failIfOverdue(state.core, height);
      const fault =
        deadlineFault(state.core, height) ??
        underpaidFault(state.core, height, context) ??
        timeoutFault(state, height, context) ??
        staleOfferFault(state.core, height);
      if (fault !== undefined) throw new ChannelError(fault);
      const core = forgetUnsignedFee(state.core, height);
      const { fundingTx } = core;
      return [
        core === state.core ? state : { ...state, core },
        fundingTx.length > 0 ? [{ do: 'broadcast', tx: fundingTx, why: 'funding' }] : [],
      ];
    }
    case 'negotiating': {
      failIfOverdue(state.core, height);
      const fault = timeoutFault(state, height, context) ?? closingOverdueFault(state, height);
      if (fault !== undefined) throw new ChannelError(fault);
      const next = withAgreedHeight(state, height);
      return [next, broadcastAgreedClosing(next)];
    }
    case 'failed': {
      const fault = closingOverdueFault(state, height);
      if (fault !== undefined) throw new ChannelError(fault);
      const next = withAgreedHeight(state, height);
      return [next, broadcastExits(next)];
    }
    case 'onchain':
    case 'closed':
      return [state, []];
  }
};
