/**
 * What an `error` of the peer's comes to (BOLT 1: the channel is failed). Before channel_reestablish nobody knows yet whether our
 * state is the last one: a node that was put back on an old disk would publish a revoked commitment. The peer, which must publish its own
 * when it says `error`, is given the time for that; where it says after all where it stands, that decides.
 */

import { ChannelError } from '../model/errors.ts';
import type { Context, Step } from '../model/io.ts';
import type { ConnectionState, Core, Funded } from '../model/state.ts';
import { waits } from '../model/waitlimits.ts';
import { report } from '../rules/effects.ts';

/** Blocks until a transaction that somebody means to publish is in one (BOLT 2, "cltv_expiry_delta Selection"). */
const PATIENCE = waits.their_commitment.blocks;

const fails = (text: string): ChannelError => new ChannelError({ code: 'peer_error', text });

/** Whether our commitment would be published, and might be an old one. */
const isDoubtful = (state: Funded): boolean => {
  if (state.core.link.status === 'online') return false;
  return state.phase === 'open' || (state.phase === 'negotiating' && state.agreed === undefined);
};

/** The peer failed the channel. Throws ChannelError where we do so now, too. */
export const onPeerError = (state: Funded, text: string, { height }: Pick<Context, 'height'>): Step => {
  const { core } = state;
  if (!isDoubtful(state)) throw fails(text);
  if (core.link.peerError !== undefined) return [state, []];
  const link: ConnectionState = { ...core.link, peerError: { text, since: height } };
  const until = `its commitment is waited for until block ${height + PATIENCE}`;
  return [{ ...state, core: { ...core, link } }, [report({ event: 'warned', text: `error: ${text}; ${until}` })]];
};

/** The peer says where it stands, and we are not behind. Throws ChannelError where it failed the channel before. */
export const failIfRefused = ({ link }: Core): void => {
  if (link.peerError !== undefined) throw fails(link.peerError.text);
};

/** A block came and the peer's commitment did not. Throws ChannelError when it never will. */
export const failIfOverdue = ({ link: { peerError } }: Core, height: number): void => {
  if (peerError !== undefined && height >= peerError.since + PATIENCE) throw fails(peerError.text);
};
