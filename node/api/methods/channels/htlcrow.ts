/** An HTLC under way as the methods about channels tell it. */

import { z } from 'zod';
import type { Core, Htlc } from '../../../../channel/model/state.ts';
import { isIrrevocable, isSigned } from '../../../../channel/model/updates.ts';
import { hex } from '../../../../wire/bytes.ts';
import * as field from '../../results.ts';

/** Core Lightning's names for how far an HTLC has come, the sender's view and the receiver's. */
const htlcStates = [
  'SENT_ADD_HTLC',
  'SENT_ADD_COMMIT',
  'RCVD_ADD_REVOCATION',
  'RCVD_ADD_ACK_COMMIT',
  'SENT_ADD_ACK_REVOCATION',
  'RCVD_REMOVE_HTLC',
  'RCVD_REMOVE_COMMIT',
  'SENT_REMOVE_REVOCATION',
  'SENT_REMOVE_ACK_COMMIT',
  'RCVD_REMOVE_ACK_REVOCATION',
  'RCVD_ADD_HTLC',
  'RCVD_ADD_COMMIT',
  'SENT_ADD_REVOCATION',
  'SENT_ADD_ACK_COMMIT',
  'RCVD_ADD_ACK_REVOCATION',
  'SENT_REMOVE_HTLC',
  'SENT_REMOVE_COMMIT',
  'RCVD_REMOVE_REVOCATION',
  'RCVD_REMOVE_ACK_COMMIT',
  'SENT_REMOVE_ACK_REVOCATION',
] as const;

export const htlc = z.object({
  direction: z.enum(['in', 'out']),
  id: field.u64,
  amount_msat: field.amountMsat,
  /** The block at which it times out. */
  expiry: field.u32,
  payment_hash: field.hash,
  state: z.enum(htlcStates),
  local_trimmed: z.literal(true).optional(),
});

type Row = z.output<typeof htlc>;

/** Core Lightning's name for how far an HTLC has come, by the commitments that contain its last update. */
const htlcState = ({ way, added, removal }: Htlc): Row['state'] => {
  const { local, remote } = removal?.marks ?? added;
  const [first, second] = (way === 'in') === (removal === undefined) ? [local, remote] : [remote, local];
  const mine = (way === 'out') === (removal === undefined);
  const far = first === undefined ? 0 : second === undefined ? 1 : 2;
  if (removal === undefined)
    return mine
      ? ((['SENT_ADD_HTLC', 'SENT_ADD_COMMIT', 'RCVD_ADD_ACK_COMMIT'] as const)[far] ?? 'SENT_ADD_HTLC')
      : ((['RCVD_ADD_HTLC', 'RCVD_ADD_COMMIT', 'SENT_ADD_ACK_COMMIT'] as const)[far] ?? 'RCVD_ADD_HTLC');
  return mine
    ? ((['SENT_REMOVE_HTLC', 'SENT_REMOVE_COMMIT', 'RCVD_REMOVE_ACK_COMMIT'] as const)[far] ?? 'SENT_REMOVE_HTLC')
    : ((['RCVD_REMOVE_HTLC', 'RCVD_REMOVE_COMMIT', 'SENT_REMOVE_ACK_COMMIT'] as const)[far] ?? 'RCVD_REMOVE_HTLC');
};

/** In a commitment and not yet out of both; one whose end is done may still stand in the channel's books for a moment. */
const isUnderWay =
  (head: Core['head']) =>
  ({ added, removal }: Htlc): boolean =>
    isSigned(added) && !(removal !== undefined && isIrrevocable(removal.marks, head));

const htlcRow = (htlc: Htlc): Row => ({
  direction: htlc.way,
  id: Number(htlc.id),
  amount_msat: htlc.amount,
  expiry: htlc.expiry,
  payment_hash: hex(htlc.paymentHash),
  state: htlcState(htlc),
});

/** The HTLCs of a channel that are under way, those that we offered first. */
export const htlcsUnderWay = (core: Core): Row[] =>
  [...core.outgoing.values(), ...core.incoming.values()].filter(isUnderWay(core.head)).map(htlcRow);
