/**
 * `shutdown` (BOLT 2, "Closing Initiation: shutdown", with upfront_shutdown_script): no new HTLCs, and once the last is removed from
 * both commitments, the fee is negotiated.
 */
import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import { ChannelError } from '../model/errors.ts';
import type { CloseRefusal } from '../model/events.ts';
import type { ChannelMessageOf, Context, Effect, Input, Step } from '../model/io.ts';
import type { Core, Funded, Negotiating, Open, Params } from '../model/state.ts';
import { hasNothingInFlight, hasUnsignedOfOurs } from '../model/updates.ts';
import { report, send } from '../rules/effects.ts';
import { isReady } from '../rules/lockin.ts';
import { isShutdownScript } from '../tx/shutdownscript.ts';
import { beginRound } from './negotiation.ts';

/** Our shutdown script: the upfront one, else the one asked for now, else the channel's default. */
const destination = ({ local, shutdownScript }: Params, asked: Uint8Array | undefined): Uint8Array =>
  local.upfrontScript ?? asked ?? shutdownScript;

const anysegwit = ({ link }: Core): boolean => link.status === 'offline' || link.features.anysegwit;

/** Why no HTLC can be offered at all now; undefined where one can. */
export const whyNoOffers = ({ core, shutdown }: Open) => {
  if (shutdown.ours !== undefined || shutdown.theirs !== undefined) return { code: 'shutting_down' } as const;
  if (!isReady(core)) return { code: 'not_ready' } as const;
  if (core.revocationOverdue === core.head.remote) return { code: 'revocation_overdue' } as const;
  return core.link.status === 'online' ? undefined : ({ code: 'disconnected' } as const);
};

/** Whether some HTLC is not being removed yet: until then neither side can see the channel as empty. */
const hasOpenHtlc = ({ incoming, outgoing }: Core): boolean =>
  [...incoming.values(), ...outgoing.values()].some(({ removal }) => removal === undefined);

/**
 * Whether updates other than HTLCs may be sent: not before channel_ready, and not once a close has no HTLCs left (BOLT 2). The
 * peer sees that moment before we do, while its last revocation is on its way, so we stop when the last HTLC is being removed.
 */
export const mayUpdate = ({ core, shutdown }: Open): boolean =>
  core.lockin.sent && core.lockin.received && (!shutdown.sent || hasOpenHtlc(core));

const shutdownMessage = ({ channelId }: Core, script: Uint8Array): ChannelMessageOf<'shutdown'> => ({
  name: 'shutdown',
  channel_id: channelId,
  scriptpubkey: script,
});

/** `shutdown` again on a new connection, if it was sent on an earlier one. */
export const resendShutdown = ({ core, shutdown }: Open): readonly Effect[] =>
  shutdown.sent && shutdown.ours !== undefined ? [send(shutdownMessage(core, shutdown.ours))] : [];

/**
 * Continues a close as far as possible: `shutdown` once no update of ours is uncommitted (BOLT 2), the negotiation once both sent
 * `shutdown` and nothing is in flight.
 */
export const advanceShutdown = (state: Open, context: Context): Step => {
  const { core, shutdown } = state;
  if (shutdown.ours === undefined || core.link.status !== 'online') return [state, []];
  if (!shutdown.sent) {
    if (hasUnsignedOfOurs(core)) return [state, []];
    const [next, effects] = advanceShutdown({ ...state, shutdown: { ...shutdown, sent: true } }, context);
    return [next, [send(shutdownMessage(core, shutdown.ours)), ...effects]];
  }
  if (shutdown.theirs === undefined || !hasNothingInFlight(core)) return [state, []];
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

/** Whether the closing transaction pays to this script. */
const paysTo = (tx: Uint8Array | undefined, script: Uint8Array): boolean =>
  tx !== undefined && Transaction.fromBuffer(tx).outs.some((output) => equal(output.script, script));

/** Why a script cannot be sent in `shutdown`. */
const unpayable = ({ link }: Core, script: Uint8Array): CloseRefusal | undefined => {
  if (isShutdownScript(script, false)) return undefined;
  if (!isShutdownScript(script, true)) return { code: 'script_not_allowed' };
  if (link.status === 'offline') return { code: 'script_unsure' };
  return link.features.anysegwit ? undefined : { code: 'script_not_known_to_peer' };
};

/**
 * Why a close cannot pay to `asked`. Refused at once: the peer would disconnect again and again until the channel fails.
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

/** Begins a close; where one is under way, only its feerates change. */
export const onClose = (state: Open, input: Extract<Input, { type: 'close' }>, context: Context): Step => {
  const { core, shutdown } = state;
  const feerates = input.feerates ?? shutdown.feerates;
  if (shutdown.ours !== undefined) return [{ ...state, shutdown: { ...shutdown, feerates } }, []];
  const ours = destination(core.params, input.script);
  const [next, effects] = advanceShutdown({ ...state, shutdown: { ...shutdown, ours, feerates } }, context);
  return [next, [report({ event: 'shutting_down', by: 'us' }), ...effects]];
};

/** Throws ChannelError for a script that the peer may not use. `said` is the one it sent before, which it must repeat. */
export const checkScript = (core: Core, script: Uint8Array, said: Uint8Array | undefined): void => {
  if (!isShutdownScript(script, anysegwit(core))) throw new ChannelError({ code: 'invalid_shutdown_script' });
  const bound = said ?? core.params.remote.upfrontScript;
  if (bound !== undefined && !equal(bound, script)) throw new ChannelError({ code: 'shutdown_script_changed' });
};

/** The peer's `shutdown`, new or repeated after a reconnect. Throws ChannelError. */
export const onShutdown = (state: Open, message: ChannelMessageOf<'shutdown'>, context: Context): Step => {
  const { core, shutdown } = state;
  const theirs = message.scriptpubkey;
  checkScript(core, theirs, shutdown.theirs);
  const ours = shutdown.ours ?? destination(core.params, undefined);
  const first = shutdown.ours === undefined;
  const [next, effects] = advanceShutdown({ ...state, shutdown: { ...shutdown, ours, theirs } }, context);
  return [next, [...(first ? [report({ event: 'shutting_down', by: 'peer' })] : []), ...effects]];
};
