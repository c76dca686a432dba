/** Channels that go wrong: what we do about a fault, what we publish, and until when (BOLT 5, "Failing a Channel"). */

import { warningData } from '../../wire/printable.ts';
import { ChannelError, type Fault, faultText, reactions } from '../model/errors.ts';
import type { Context, Effect, Input, Step } from '../model/io.ts';
import type { ChannelState, Core, Failed, Funded, GivenUp, Negotiating, Open } from '../model/state.ts';
import { keepPreimages, undoUnsigned } from '../model/updates.ts';
import { waits } from '../model/waitlimits.ts';
import { deadlineFault, staleFault } from '../rules/deadlines.ts';
import { errorMessage, offerRefused, report, send, warningMessage } from '../rules/effects.ts';
import { feeUnsaid } from '../rules/feerefused.ts';
import { underpaidFault } from '../rules/underpaid.ts';
import { awaited, outwaitedFault } from '../rules/waits.ts';
import { agreeing, fallBack, overdue, publish, publishAgreed, publishesCommitment } from './exits.ts';
import { abandon } from './opening.ts';
import { failIfOverdue } from './peererror.ts';

/** The connection is gone: what no commitment contains is undone, and whose offer that was is told. */
export const disconnectCore = (core: Core): readonly [core: Core, effects: readonly Effect[]] => {
  if (core.link.status === 'offline') return [core, []];
  const { core: undone, dropped } = undoUnsigned(core);
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

/** What `reactions` says about a fault, done. */
export const react = (state: ChannelState, fault: Fault): Step => {
  const reaction = reactions[fault.code];
  if (state.phase === 'abandoned' || reaction === 'ignore') return [state, []];
  if (isOpening(state)) return abandon(state, fault, reaction !== 'fail_silently');
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

/** Whether a fault means that what was agreed is not waited for any more. */
const givesUpOnClosing = ({ code }: Fault): boolean => code === 'force_close' || code === 'closing_not_mined';

/** A channel that was given up after a closing was agreed: our commitment is published as well. */
const fallBackFrom = (state: Failed, fault: Fault, tell: readonly Effect[]): Step => {
  if (state.outdated || publishesCommitment(state)) return [state, tell];
  const next: Failed = { ...state, core: fallBack(state.core) };
  return [next, [...tell, ...publish(next), report({ event: 'failed', fault, broadcast: true })]];
};

/** The peer has not said in time what it owes us. */
export const onPeerOverdue = (state: ChannelState, { wait, seconds }: Extract<Input, { type: 'overdue' }>): Step => {
  if (awaited(state)?.id !== wait.id) return [state, []];
  if (waits[wait.name].exit === 'abandon') return react(state, { code: 'opening_timeout', seconds });
  const silent: Fault = { code: 'peer_silent', awaited: wait.name, seconds };
  if (state.phase !== 'open' || wait.name !== 'revoke_and_ack') return react(state, silent);
  return react({ ...state, core: { ...state.core, revocationOverdue: state.core.head.remote } }, silent);
};

const failChannel = (state: Open | Negotiating, fault: Fault, tell: readonly Effect[], outdated: boolean): Step => {
  const online = state.core.link.status !== 'offline';
  const [offline, effects] = disconnectCore(state.core);
  const left = givesUpOnClosing(fault) ? fallBack(offline) : offline;
  const core = keepPreimages({ ...left, link: state.core.link });
  const agreed = state.phase === 'negotiating' ? state.agreed : undefined;
  const next: Failed = { phase: 'failed', core, why: faultText(fault), outdated, agreed };
  const event = report({ event: 'failed', fault, broadcast: publishesCommitment(next) });
  return [next, [...(online ? tell : []), ...publish(next), ...effects, event]];
};

/** A channel that was given up says its error again and again, and nothing else. */
export const repeatError = ({ channelId }: Core, { why }: Pick<GivenUp, 'why'>): Effect =>
  send({ name: 'error', channel_id: channelId, data: warningData(why) });

/** A state whose time to get into a block has begun, where a closing is agreed: a store of old does not know since when. */
const withAgreedHeight = <S extends Negotiating | Failed>(state: S, height: number): S => {
  if (state.agreed === undefined) return state;
  const core = agreeing(state.core, height);
  return core === state.core ? state : { ...state, core };
};

/** Time passes on the chain: publish again what must confirm, forget what never will. Throws ChannelError at a deadline. */
export const onBlock = (state: Funded, height: number, context: Context): Step => {
  switch (state.phase) {
    case 'open': {
      failIfOverdue(state.core, height);
      const fault =
        deadlineFault(state.core, height) ??
        underpaidFault(state.core, height, context) ??
        outwaitedFault(state, height, context) ??
        staleFault(state.core, height);
      if (fault !== undefined) throw new ChannelError(fault);
      const core = feeUnsaid(state.core, height);
      const { fundingTx } = core;
      return [
        core === state.core ? state : { ...state, core },
        fundingTx.length > 0 ? [{ do: 'broadcast', tx: fundingTx, why: 'funding' }] : [],
      ];
    }
    case 'negotiating': {
      failIfOverdue(state.core, height);
      const fault = outwaitedFault(state, height, context) ?? overdue(state, height);
      if (fault !== undefined) throw new ChannelError(fault);
      const next = withAgreedHeight(state, height);
      return [next, publishAgreed(next)];
    }
    case 'failed': {
      const fault = overdue(state, height);
      if (fault !== undefined) throw new ChannelError(fault);
      const next = withAgreedHeight(state, height);
      return [next, publish(next)];
    }
    case 'onchain':
    case 'closed':
      return [state, []];
  }
};
