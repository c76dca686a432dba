/** An HTLC that a peer has offered, and what of it is decided before anything else: whether it is refused here, how long its onion counts. */
import type { EobAmp } from '../../amp/payload.ts';
import type { ChannelEvent } from '../../channel/model/io.ts';
import type { Hop } from '../../onion/eobprotocols.ts';
import { MAX_EXPIRY_AHEAD } from '../../wire/units.ts';
import type { ForwardedHtlc } from './forwardlog.ts';

export type Received = Extract<ChannelEvent, { event: 'received' }>;
export type OpenedHop = Exclude<Hop<EobAmp, unknown>, { kind: 'malformed' }>;
export type ForwardHop = Extract<OpenedHop, { kind: 'forward' }>;

/** Why an HTLC is refused, for the log. A payment to us is accepted while the channel closes: it was pending before our `shutdown`. */
export const refusalReason = (
  { overexposed, underpaid, closing }: Received,
  kind: OpenedHop['kind'],
): string | undefined => {
  if (closing && kind !== 'final') return 'an HTLC arrived on a channel that is closing';
  if (overexposed) return 'an HTLC would raise the dust exposure of its channel above the limit';
  if (underpaid) return 'an HTLC arrived on a channel whose commitment feerate is too low to confirm in time';
  return undefined;
};

/**
 * The height up to which this onion must be remembered against replays. A replay may come with any expiry, so what counts is until when
 * this node would accept the onion: as a forwarder, up to the outgoing expiry; as the payee, up to the expiry of its HTLC. A peer
 * cannot make us remember an onion for longer than we would hold its HTLC. undefined: the onion is never accepted.
 */
export const replayableUntil = (event: Received, hop: OpenedHop, height: number): number | undefined => {
  if (hop.kind === 'refused') return undefined;
  const { outgoingCltvValue } = hop.payload;
  const until = hop.kind === 'forward' ? outgoingCltvValue : Math.max(outgoingCltvValue, event.expiry);
  return Math.min(until, height + 2 * MAX_EXPIRY_AHEAD);
};

/** An HTLC as its onion has it forwarded, for the log of forwards. */
export const toForward = (
  channel: string,
  { id, amount }: Received,
  { payload }: Extract<OpenedHop, { kind: 'forward' }>,
): ForwardedHtlc => ({ channel, id, amount, to: payload.shortChannelId, toForward: payload.amtToForward });
