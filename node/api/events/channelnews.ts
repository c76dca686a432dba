/** What a step of a channel is told as: `channel_opened` and `channel_state_changed`. */
import { faultText } from '../../../channel/model/errors.ts';
import type { ChannelState, Core } from '../../../channel/model/state.ts';
import { hex } from '../../../wire/bytes.ts';
import { scidText, toMsat } from '../../../wire/units.ts';
import { displayedTxid } from '../../base/txids.ts';
import { coreOf, isFunded } from '../../channels/entry.ts';
import type { ChannelStep } from '../../channels/hostparts.ts';
import { closerOf, stateName } from '../methods/channels/statenames.ts';
import type { PayloadOf } from './topics.ts';

type Changed = PayloadOf<'channel_state_changed'>;

const nameOf = (state: ChannelState): Changed['new_state'] =>
  state.phase === 'closed' || state.phase === 'abandoned' ? 'CLOSED' : stateName(state);

const byUser = faultText({ code: 'force_close' });

/** Core Lightning's word for who or what brought the channel where it is: who opened it, or once it is being closed, who closes it. */
const causeOf = (state: ChannelState, core: Core): Changed['cause'] => {
  const closer = isFunded(state) ? closerOf(state) : undefined;
  if (closer === undefined) return core.params.role === 'funder' ? 'user' : 'remote';
  if (closer === 'remote') return 'remote';
  if (state.phase === 'failed') return state.why === byUser ? 'user' : 'protocol';
  if (state.phase === 'onchain' && state.by !== 'mutual') return state.before.why === byUser ? 'user' : 'protocol';
  return 'user';
};

const messages: Readonly<Record<Changed['new_state'], string>> = {
  OPENINGD: 'the channel is being opened',
  CHANNELD_AWAITING_LOCKIN: 'the funding transaction is published and waits for its confirmations',
  CHANNELD_NORMAL: 'the channel is ready for payments',
  CHANNELD_SHUTTING_DOWN: 'the channel is closing: HTLCs under way are waited for',
  CLOSINGD_SIGEXCHANGE: 'the fee of the closing transaction is being agreed on',
  CLOSINGD_COMPLETE: 'the closing transaction is agreed on and published',
  AWAITING_UNILATERAL: 'the channel failed: a commitment transaction is to confirm',
  FUNDING_SPEND_SEEN: 'the funding output is spent',
  ONCHAIN: 'the funding output is spent in the chain: outputs are claimed as their time comes',
  CLOSED: 'the channel is over',
};

/** What is told of a step; undefined where the channel is where it was. `now` in milliseconds since 1970. */
export const stateChange = ({ before, now }: ChannelStep, at: number): Changed | undefined => {
  const [old_state, new_state] = [nameOf(before), nameOf(now)];
  const core = coreOf(now) ?? coreOf(before);
  if (old_state === new_state || core === undefined) return undefined;
  const { params, channelId, lockin } = core;
  return {
    peer_id: hex(params.peer),
    channel_id: hex(channelId),
    ...(lockin.scid !== undefined && { short_channel_id: scidText(lockin.scid) }),
    timestamp: new Date(at).toISOString(),
    ...{ old_state, new_state },
    cause: causeOf(now, core),
    message: now.phase === 'failed' ? now.why : messages[new_state],
  };
};

/** What is told of a step by which a peer has funded a channel with us; undefined for any other step. */
export const opened = ({ before, now }: ChannelStep): PayloadOf<'channel_opened'> | undefined => {
  const core = coreOf(now);
  if (core === undefined || isFunded(before) || core.params.role !== 'fundee') return undefined;
  return {
    id: hex(core.params.peer),
    funding_msat: toMsat(core.params.capacity),
    funding_txid: displayedTxid(core.funding.txid),
    channel_ready: core.lockin.received,
  };
};
