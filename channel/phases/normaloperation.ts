/** An open channel (BOLT 2, "Normal Operation" and "Message Retransmission"): waiting for its funding, carrying HTLCs, shutting down. */
import { isPoint } from '../../wire/crypto.ts';
import { ChannelError } from '../model/errors.ts';
import type { ChannelMessage, ChannelMessageOf, Context, Effect, Input, Step } from '../model/io.ts';
import type { Core, Open } from '../model/state.ts';
import { dropFinished, isIrrevocable } from '../model/updates.ts';
import {
  canSign,
  commitmentReceived,
  commitmentSigned,
  revocationReceived,
  revokeAndAck,
  signNext,
} from '../rules/commitmentupdates.ts';
import { receivedEvent, report, resolutionOf, resolvedEvent, send } from '../rules/effects.ts';
import { clearRefusedFee } from '../rules/feerefused.ts';
import {
  acknowledge,
  changeFee,
  isRepeated,
  offerHtlc,
  onAdd,
  onRemove,
  onUpdateFee,
  ourUpdates,
  recheckFee,
  removeHtlc,
} from '../rules/htlcs.ts';
import { signingFault } from '../rules/limits.ts';
import { onChannelReady, sendChannelReady } from '../rules/lockin.ts';
import { messagesToResend } from '../rules/reestablish.ts';
import { failIfRefused } from './peererror.ts';
import { advanceShutdown, mayUpdate, onClose, onShutdown, resendShutdown, whyNoOffers } from './shutdown.ts';

const withCore = (state: Open, [core, effects]: readonly [Core, readonly Effect[]]): Step => [
  core === state.core ? state : { ...state, core },
  effects,
];

/** Continues a shutdown under way after a step that may have unblocked it. */
const thenAdvance = ([state, effects]: readonly [Open, readonly Effect[]], context: Context): Step => {
  const [next, more] = advanceShutdown(state, context);
  return [next, [...effects, ...more]];
};

const onSign = (state: Open, context: Context): Step => {
  if (!canSign(state.core)) return [state, []];
  const fault = signingFault(state.core, context);
  if (fault !== undefined) throw new ChannelError(fault);
  const core = signNext(state.core);
  const message = commitmentSigned(core);
  return thenAdvance([{ ...state, core }, message === undefined ? [] : [send(message)]], context);
};

/** The peer signed our next commitment: revoke the last one. What we ended is now gone from both sides. */
const onCommitment = (state: Open, message: ChannelMessageOf<'commitment_signed'>, context: Context): Step => {
  recheckFee(state.core, context);
  const core = commitmentReceived(state.core, message);
  const settled: Effect[] = [];
  for (const { id, removal } of core.incoming.values())
    if (removal !== undefined && isIrrevocable(removal.marks, core.head))
      settled.push(report({ event: 'settled', id }));
  const next: Open = { ...state, core: clearRefusedFee(dropFinished(core)) };
  return thenAdvance([next, [send(revokeAndAck(core)), ...settled]], context);
};

/** The peer revoked its last commitment: what it had signed before is now beyond recall on both sides. */
const onRevocation = (state: Open, message: ChannelMessageOf<'revoke_and_ack'>, context: Context): Step => {
  const core = revocationReceived(state.core, message);
  const { head } = core;
  const news: Effect[] = [];
  for (const htlc of core.incoming.values())
    if (htlc.added.remote === head.remote && isIrrevocable(htlc.added, head))
      news.push(receivedEvent(core, htlc, context, { closing: state.shutdown.sent }));
  for (const htlc of core.outgoing.values()) {
    if (htlc.removal?.marks.remote !== head.remote || htlc.acknowledged) continue;
    const result = resolutionOf(htlc, head);
    if (result !== undefined && result.kind !== 'fulfilled') news.push(resolvedEvent(htlc, result));
  }
  return thenAdvance([{ ...state, core: dropFinished(core) }, news], context);
};

/** channel_reestablish came: retransmit lost messages, then send what waited for the connection. */
const onReestablish = (state: Open, message: ChannelMessageOf<'channel_reestablish'>, context: Context): Step => {
  const lost = messagesToResend(state.core, message);
  failIfRefused(state.core);
  const { link } = state.core;
  if (link.status === 'offline') return [state, []];
  const online: Core = {
    ...state.core,
    link: { ...link, status: 'online', peerError: undefined, since: context.height },
  };
  const [core, ready] = sendChannelReady(online);
  const waiting = ourUpdates(core, ({ remote }) => remote === undefined);
  const next: Open = { ...state, core };
  // BOLT 2: no shutdown while updates are pending on the peer's commitment. Those that it has no signature for stand behind it.
  const effects = [...lost.map(send), ...ready, ...resendShutdown(next), ...waiting.map(send)];
  return thenAdvance([next, effects], context);
};

const unexpected = (state: Open, message: ChannelMessage): ChannelError =>
  new ChannelError({ code: 'unexpected_message', message: message.name, phase: state.phase });

const onMessage = (state: Open, message: ChannelMessage, context: Context): Step => {
  const { core, shutdown } = state;
  if (core.link.status === 'offline') return [state, []];
  if (message.name === 'channel_reestablish') {
    if (core.link.status !== 'syncing') throw unexpected(state, message);
    return onReestablish(state, message, context);
  }
  // After a restart lnd sends it before channel_reestablish once the funding confirms. It only brings the point of commitment 1;
  // one that would fail the channel is refused before channel_reestablish.
  if (
    message.name === 'channel_ready' &&
    (core.link.status === 'online' || isPoint(message.second_per_commitment_point))
  )
    return withCore(state, onChannelReady(core, message));
  if (core.link.status !== 'online') throw unexpected(state, message);
  switch (message.name) {
    case 'shutdown':
      return onShutdown(state, message, context);
    default:
      if (!core.lockin.sent || !core.lockin.received) throw unexpected(state, message);
  }
  switch (message.name) {
    case 'update_add_htlc':
      if (isRepeated(core, message.id)) return [state, []];
      if (shutdown.theirs !== undefined) throw new ChannelError({ code: 'htlc_after_shutdown', id: message.id });
      return withCore(state, [onAdd(core, message, context), []]);
    case 'update_fulfill_htlc':
    case 'update_fail_htlc':
    case 'update_fail_malformed_htlc':
      return withCore(state, onRemove(core, message));
    case 'update_fee':
      return withCore(state, [onUpdateFee(core, message, context), []]);
    case 'commitment_signed':
      return onCommitment(state, message, context);
    case 'revoke_and_ack':
      return onRevocation(state, message, context);
    default:
      throw unexpected(state, message);
  }
};

/** A step of an open channel; faults are thrown as ChannelError. What is the same in every phase is in transition.ts. */
export const openStep = (state: Open, input: Input, context: Context): Step => {
  const { core } = state;
  switch (input.type) {
    case 'message':
      return onMessage(state, input.message, context);
    case 'offer':
      return withCore(state, offerHtlc(core, input, context, whyNoOffers(state)));
    case 'fulfill':
      return withCore(state, removeHtlc(core, input.id, { kind: 'fulfill', preimage: input.preimage }));
    case 'fail':
      return withCore(state, removeHtlc(core, input.id, { kind: 'fail', reason: input.reason }));
    case 'fail_malformed': {
      const { sha256OfOnion, failureCode } = input;
      return withCore(state, removeHtlc(core, input.id, { kind: 'malformed', sha256OfOnion, failureCode }));
    }
    case 'acknowledge':
      return withCore(state, [acknowledge(core, input.id), []]);
    case 'update_fee':
      return mayUpdate(state) ? withCore(state, changeFee(core, input.feerate, context)) : [state, []];
    case 'sign':
      return onSign(state, context);
    case 'close':
      return onClose(state, input, context);
    default:
      return [state, []];
  }
};
