/** What a channel waits for from its peer, in words, and until when. */

import type { Funded } from '../../../channel/model/state.ts';
import { lastFeeBlock } from '../../../channel/rules/feerefused.ts';
import { lastBlockOf } from '../../../channel/rules/waits.ts';

const said = {
  channel_ready: 'send channel_ready',
  shutdown: 'end what is under way and close',
  closing_signed: 'agree on a closing transaction',
} as const;

/** Lines for `status`; none where the peer owes nothing, or for no longer than it takes to send it. */
export const waitingLines = (state: Funded): readonly string[] => {
  if (state.phase !== 'open' && state.phase !== 'negotiating') return [];
  const { overdue, head } = state.core;
  const last = lastBlockOf(state);
  const feeBlock = lastFeeBlock(state.core);
  return [
    ...(overdue === head.remote
      ? ['the peer owes revoke_and_ack for too long: no HTLCs are offered until it comes']
      : []),
    ...(state.phase === 'open' && feeBlock !== undefined
      ? [
          `the peer asked for a feerate that this node refuses; from block ${feeBlock} on our commitment is published if it asks again`,
        ]
      : []),
    ...(last === undefined
      ? []
      : [
          `waits for the peer to ${said[last.name]}; our commitment is published at block ${last.height} if it does not`,
        ]),
  ];
};
