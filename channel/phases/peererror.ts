/**
 * An `error` of the peer (BOLT 1, "The error Message": the channel is failed). Before channel_reestablish we do not know whether our state
 * is the latest: a node restored from an old disk would publish a revoked commitment. So the peer, which must publish its own commitment
 * when it sends `error`, is given time for that; a channel_reestablish that comes after all decides.
 */

import { ChannelError } from '../model/errors.ts';
import type { Context, Step } from '../model/io.ts';
import type { ConnectionState, Core, Funded } from '../model/state.ts';
import { waitLimits } from '../model/waitlimits.ts';
import { report } from '../rules/effects.ts';

/** Blocks for a published transaction to confirm (BOLT 2, "cltv_expiry_delta Selection"). */
const PATIENCE = waitLimits.their_commitment.blocks;

const fails = (text: string): ChannelError => new ChannelError({ code: 'peer_error', text });

/** Whether our commitment would be published, and might be an old one. */
const isDoubtful = (state: Funded): boolean => {
  if (state.core.link.status === 'online') return false;
  return state.phase === 'open' || (state.phase === 'negotiating' && state.agreed === undefined);
};

/** The peer failed the channel. Throws ChannelError where we fail it now too. */
export const onPeerError = (state: Funded, text: string, { height }: Pick<Context, 'height'>): Step => {
  const { core } = state;
  if (!isDoubtful(state)) throw fails(text);
  if (core.link.peerError !== undefined) return [state, []];
  const link: ConnectionState = { ...core.link, peerError: { text, since: height } };
  const until = `its commitment is waited for until block ${height + PATIENCE}`;
  return [{ ...state, core: { ...core, link } }, [report({ event: 'warned', text: `error: ${text}; ${until}` })]];
};

/** channel_reestablish shows that we are not behind. Throws ChannelError where the peer failed the channel before. */
export const failIfRefused = ({ link }: Core): void => {
  if (link.peerError !== undefined) throw fails(link.peerError.text);
};

/** A block came without the peer's commitment. Throws ChannelError when its time is over. */
export const failIfOverdue = ({ link: { peerError } }: Core, height: number): void => {
  if (peerError !== undefined && height >= peerError.since + PATIENCE) throw fails(peerError.text);
};
