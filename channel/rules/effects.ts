/** Effects and events that several phases make, and the events replayed after a restart (BOLT 2, HTLCs; BOLT 1, `error` and `warning`). */
import { warningData } from '../../wire/printable.ts';
import type { ChannelId } from '../../wire/units.ts';
import { errorText, type Fault, faultText } from '../model/errors.ts';
import type {
  ChannelEvent,
  ChannelMessage,
  ChannelMessageOf,
  Context,
  Effect,
  OfferRefusal,
  Resolution,
} from '../model/io.ts';
import type { Core, Htlc } from '../model/state.ts';
import { isIrrevocable, isSigned } from '../model/updates.ts';
import { isOverexposed } from './limits.ts';
import { missingFeerate } from './underpaid.ts';

export const report = (event: ChannelEvent): Effect => ({ do: 'report', event });
export const send = (message: ChannelMessage): Effect => ({ do: 'send', message });

/** An `error` that says a fault to the peer: the channel is over. */
export const errorMessage = (channel_id: ChannelId, fault: Fault): ChannelMessageOf<'error'> => ({
  name: 'error',
  channel_id,
  data: warningData(errorText(fault)),
});

/** A `warning` that says a fault to the peer: the channel lives. */
export const warningMessage = (channel_id: ChannelId, fault: Fault): ChannelMessageOf<'warning'> => ({
  name: 'warning',
  channel_id,
  data: warningData(faultText(fault)),
});

export const offerRefused = (origin: Uint8Array, why: OfferRefusal): Effect =>
  report({ event: 'offer_refused', origin, why });

/** What else a received HTLC's channel is doing. */
export type ReceivedFlags = Partial<Pick<Extract<ChannelEvent, { event: 'received' }>, 'givenUp' | 'closing'>>;

/** The event of an incoming HTLC that is irrevocably committed. */
export const receivedEvent = (
  core: Core,
  htlc: Htlc,
  context: Context,
  { givenUp = false, closing = false }: ReceivedFlags = {},
): Effect => {
  const { id, amount, paymentHash, expiry, onion, pathKey } = htlc;
  const overexposed = core.lockin.scid === undefined || isOverexposed(core, htlc, context);
  const underpaid = missingFeerate(core, context) !== undefined;
  const said = { id, amount, paymentHash, expiry, onion, pathKey };
  return report({ event: 'received', ...said, overexposed, underpaid, givenUp, closing });
};

/** The resolution of an outgoing HTLC, where it is certain: a preimage at once, a failure once its removal is irrevocable. */
export const resolutionOf = (htlc: Htlc, head: Core['head']): Resolution | undefined => {
  const { removal, preimage } = htlc;
  if (removal?.ending.kind === 'fulfill') return { kind: 'fulfilled', preimage: removal.ending.preimage };
  if (preimage !== undefined) return { kind: 'fulfilled', preimage };
  if (removal === undefined || !isIrrevocable(removal.marks, head)) return undefined;
  const { ending } = removal;
  return ending.kind === 'fail'
    ? { kind: 'failed', reason: ending.reason }
    : { kind: 'malformed', failureCode: ending.failureCode, sha256OfOnion: ending.sha256OfOnion };
};

export const resolvedEvent = ({ id, origin }: Htlc, result: Resolution): Effect =>
  report({ event: 'resolved', id, origin, result });

/** Whether an HTLC of the peer's still waits for us: to be removed, or to be claimed on chain. */
const isWaiting = ({ added, removal, preimage, over }: Htlc, head: Core['head']): boolean =>
  isIrrevocable(added, head) && (removal === undefined || !isSigned(removal.marks)) && preimage === undefined && !over;

/**
 * Replays the events that the node may not have handled before a restart: resolutions without acknowledgement, and HTLCs that wait for
 * us. In a failed channel (`givenUp`) only a preimage is still of use to those.
 */
export const replayEvents = (core: Core, about: ReceivedFlags, context: Context): readonly Effect[] => {
  const { incoming, outgoing, head } = core;
  const waiting = [...incoming.values()].filter((htlc) => isWaiting(htlc, head));
  const resolutions = [...outgoing.values()].flatMap((htlc) => {
    const result = htlc.acknowledged ? undefined : resolutionOf(htlc, head);
    return result === undefined ? [] : [resolvedEvent(htlc, result)];
  });
  return [...waiting.map((htlc) => receivedEvent(core, htlc, context, about)), ...resolutions];
};
