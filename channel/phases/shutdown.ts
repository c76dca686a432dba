/**
 * Closing together, first stage (BOLT 2, "Closing Initiation: shutdown"): no new HTLCs, and once the last is gone from both
 * sides, the fee is negotiated.
 */
import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import { ChannelError } from '../model/errors.ts';
import type { CloseRefusal } from '../model/events.ts';
import type { ChannelMessageOf, Context, Effect, Input, Step } from '../model/io.ts';
import type { Core, Funded, Negotiating, Open, Params } from '../model/state.ts';
import { hasUnsignedOfOurs, isQuiet } from '../model/updates.ts';
import { report, send } from '../rules/effects.ts';
import { isReady } from '../rules/lockin.ts';
import { isShutdownScript } from '../tx/shutdownscript.ts';
import { beginRound } from './negotiation.ts';

/** Where our money goes: what we bound ourselves to, or what is asked for now, or what we had in mind from the start. */
const destination = ({ local, shutdownScript }: Params, asked: Uint8Array | undefined): Uint8Array =>
  local.upfrontScript ?? asked ?? shutdownScript;

const anysegwit = ({ link }: Core): boolean => link.status === 'offline' || link.features.anysegwit;

/** Whether HTLCs can be offered at all, but for their amounts. */
export const barred = ({ core, shutdown }: Open) => {
  if (shutdown.ours !== undefined || shutdown.theirs !== undefined) return { code: 'shutting_down' } as const;
  if (!isReady(core)) return { code: 'not_ready' } as const;
  if (core.revocationOverdue === core.head.remote) return { code: 'revocation_overdue' } as const;
  return core.link.status === 'online' ? undefined : ({ code: 'disconnected' } as const);
};

/** Whether some HTLC is not even being ended: until it is, no side can take the channel for empty. */
const hasOpenHtlc = ({ incoming, outgoing }: Core): boolean =>
  [...incoming.values(), ...outgoing.values()].some(({ removal }) => removal === undefined);

/**
 * Whether updates other than HTLCs may be sent: not before channel_ready, and not when a close has run dry (BOLT 2). The peer
 * sees that moment before we do, while its last revocation is on its way, so we stop when the last HTLC begins to end.
 */
export const mayUpdate = ({ core, shutdown }: Open): boolean =>
  core.lockin.sent && core.lockin.received && (!shutdown.sent || hasOpenHtlc(core));

const shutdownMessage = ({ channelId }: Core, script: Uint8Array): ChannelMessageOf<'shutdown'> => ({
  name: 'shutdown',
  channel_id: channelId,
  scriptpubkey: script,
});

/** `shutdown` again on a new connection, if it was said on an earlier one. */
export const shutdownAgain = ({ core, shutdown }: Open): readonly Effect[] =>
  shutdown.sent && shutdown.ours !== undefined ? [send(shutdownMessage(core, shutdown.ours))] : [];

/**
 * Goes on with a close as far as it can go now: `shutdown` once no update of ours is unsigned (the peer could not tell what
 * belongs to the last commitments), the negotiation once both said it and nothing is in flight.
 */
export const advance = (state: Open, context: Context): Step => {
  const { core, shutdown } = state;
  if (shutdown.ours === undefined || core.link.status !== 'online') return [state, []];
  if (!shutdown.sent) {
    if (hasUnsignedOfOurs(core)) return [state, []];
    const [next, effects] = advance({ ...state, shutdown: { ...shutdown, sent: true } }, context);
    return [next, [send(shutdownMessage(core, shutdown.ours)), ...effects]];
  }
  if (shutdown.theirs === undefined || !isQuiet(core)) return [state, []];
  const next: Negotiating = {
    phase: 'negotiating',
    core,
    ours: shutdown.ours,
    theirs: shutdown.theirs,
    feerates: shutdown.feerates,
    round: undefined,
    agreed: undefined,
  };
  return beginRound(next, context);
};

/** Whether what ends the channel pays to this script. */
const paysTo = (tx: Uint8Array | undefined, script: Uint8Array): boolean =>
  tx !== undefined && Transaction.fromBuffer(tx).outs.some((output) => equal(output.script, script));

/** Why a peer cannot be asked to pay to a script that nothing binds us to. */
const unpayable = ({ link }: Core, script: Uint8Array): CloseRefusal | undefined => {
  if (isShutdownScript(script, false)) return undefined;
  if (!isShutdownScript(script, true)) return { code: 'script_not_allowed' };
  if (link.status === 'offline') return { code: 'script_unsure' };
  return link.features.anysegwit ? undefined : { code: 'script_not_known_to_peer' };
};

/**
 * Why a close that is to pay to `asked` would come to nothing, or pay to another. Said at once: the peer would only end the connection, again
 * and again, until the channel is given up.
 */
export const closeRefusal = (state: Funded, asked: Uint8Array | undefined): CloseRefusal | undefined => {
  if (asked === undefined) return undefined;
  switch (state.phase) {
    case 'open': {
      const { core, shutdown } = state;
      const bound = core.params.local.upfrontScript;
      if (bound !== undefined) return equal(bound, asked) ? undefined : { code: 'script_bound', script: bound };
      if (shutdown.ours === undefined) return unpayable(core, asked);
      return equal(shutdown.ours, asked) ? undefined : { code: 'script_stands', script: shutdown.ours };
    }
    case 'negotiating':
      return equal(state.ours, asked) ? undefined : { code: 'script_stands', script: state.ours };
    case 'failed':
      return paysTo(state.agreed, asked) ? undefined : { code: 'ends_otherwise' };
    case 'onchain':
      return state.by === 'mutual' && paysTo(state.tx, asked) ? undefined : { code: 'ends_otherwise' };
    case 'closed':
      return { code: 'ends_otherwise' };
  }
};

/** We want to close. Asked again, only the feerates are new. */
export const onClose = (state: Open, input: Extract<Input, { type: 'close' }>, context: Context): Step => {
  const { core, shutdown } = state;
  const feerates = input.feerates ?? shutdown.feerates;
  if (shutdown.ours !== undefined) return [{ ...state, shutdown: { ...shutdown, feerates } }, []];
  const ours = destination(core.params, input.script);
  const [next, effects] = advance({ ...state, shutdown: { ...shutdown, ours, feerates } }, context);
  return [next, [report({ event: 'shutting_down', by: 'us' }), ...effects]];
};

/** Throws ChannelError for a script that the peer may not use. `said` is the one that it said before, to be said again. */
export const checkScript = (core: Core, script: Uint8Array, said: Uint8Array | undefined): void => {
  if (!isShutdownScript(script, anysegwit(core))) throw new ChannelError({ code: 'invalid_shutdown_script' });
  const bound = said ?? core.params.remote.upfrontScript;
  if (bound !== undefined && !equal(bound, script)) throw new ChannelError({ code: 'shutdown_script_changed' });
};

/** The peer wants to close, or says so again after a reconnect. Throws ChannelError. */
export const onShutdown = (state: Open, message: ChannelMessageOf<'shutdown'>, context: Context): Step => {
  const { core, shutdown } = state;
  const theirs = message.scriptpubkey;
  checkScript(core, theirs, shutdown.theirs);
  const ours = shutdown.ours ?? destination(core.params, undefined);
  const first = shutdown.ours === undefined;
  const [next, effects] = advance({ ...state, shutdown: { ...shutdown, ours, theirs } }, context);
  return [next, [...(first ? [report({ event: 'shutting_down', by: 'peer' })] : []), ...effects]];
};
