/** Effects and events that several phases make, and what is to be told again after a restart. */
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
import { isDone, isSigned } from '../model/updates.ts';
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

/** What an HTLC's channel is about, beside being in use. */
export type ReceivedFlags = Partial<Pick<Extract<ChannelEvent, { event: 'received' }>, 'givenUp' | 'closing'>>;

/** An incoming HTLC to be dealt with. */
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

/** The fate of an outgoing HTLC, where it is certain: a preimage is a preimage, a failure must be beyond recall. */
export const resolutionOf = (htlc: Htlc, head: Core['head']): Resolution | undefined => {
  const { removal, preimage } = htlc;
  if (removal?.ending.kind === 'fulfill') return { kind: 'fulfilled', preimage: removal.ending.preimage };
  if (preimage !== undefined) return { kind: 'fulfilled', preimage };
  if (removal === undefined || !isDone(removal.marks, head)) return undefined;
  const { ending } = removal;
  return ending.kind === 'fail'
    ? { kind: 'failed', reason: ending.reason }
    : { kind: 'malformed', failureCode: ending.failureCode, sha256OfOnion: ending.sha256OfOnion };
};

export const resolvedEvent = ({ id, origin }: Htlc, result: Resolution): Effect =>
  report({ event: 'resolved', id, origin, result });

/** Whether an HTLC of the peer's still waits for us: to be ended with the peer, or to be claimed on chain. */
const isWaiting = ({ added, removal, preimage, over }: Htlc, head: Core['head']): boolean =>
  isDone(added, head) && (removal === undefined || !isSigned(removal.marks)) && preimage === undefined && !over;

/**
 * What was told before a restart and perhaps not heard: fates that were not acknowledged, and HTLCs that wait for us. Once the
 * channel is given up (`givenUp`), only a preimage can still be of use to those.
 */
export const replayEvents = (core: Core, about: ReceivedFlags, context: Context): readonly Effect[] => {
  const { incoming, outgoing, head } = core;
  const waiting = [...incoming.values()].filter((htlc) => isWaiting(htlc, head));
  const fates = [...outgoing.values()].flatMap((htlc) => {
    const result = htlc.acknowledged ? undefined : resolutionOf(htlc, head);
    return result === undefined ? [] : [resolvedEvent(htlc, result)];
  });
  return [...waiting.map((htlc) => receivedEvent(core, htlc, context, about)), ...fates];
};
