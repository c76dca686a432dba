/**
 * A channel whose funding transaction is not confirmed (BOLT 2, "The channel_ready Message"): not yet, not any more after a reorg, or
 * never. The fundee, with nothing at stake, forgets it after 2016 blocks. The funder forgets it only when another
 * transaction has spent its coins, too deep for any reorg: until then the funding may confirm, and only its records get
 * the money back.
 *
 * A funding that confirms after the fundee forgot it: the fundee answers the funder's channel_reestablish with an error, and
 * the funder force-closes. The fundee claims its output of that only where push_msat gave it one.
 */

import { equal } from '../../wire/bytes.ts';
import { IRREVOCABLE_DEPTH, REASONABLE_DEPTH } from '../claims/htlcresolution.ts';
import type { Fault } from '../model/errors.ts';
import type { Input, Step } from '../model/io.ts';
import type { Core, Failed, Funded, Negotiating, Open, StaticChannel } from '../model/state.ts';
import { isSigned } from '../model/updates.ts';
import { waitLimits } from '../model/waitlimits.ts';
import { errorMessage, report, resolutionOf, resolvedEvent, send } from '../rules/effects.ts';
import { COINBASE_MATURITY, minimumDepthOf, onFundingConfirmed } from '../rules/lockin.ts';
import { fundingScriptOf } from './opening.ts';

/** BOLT 2: a fundee forgets a channel whose funding does not confirm within this many blocks. */
export const FUNDING_TIMEOUT = waitLimits.funding.blocks;

type Waiting = Open | Negotiating | Failed;

/** Whether the funding output is not known to be confirmed deep enough. */
const isWaiting = (state: Funded): state is Waiting =>
  state.phase !== 'onchain' && state.phase !== 'closed' && state.core.lockin.scid === undefined;

/** Forgets a channel whose funding output will never be spent by either side; a peer that listens is told why. */
const forget = ({ params, channelId, link }: Core, fault: Fault, pushed?: StaticChannel): Step => [
  { phase: 'abandoned', key: params.key, fault },
  [
    ...(link.status === 'offline' ? [] : [send(errorMessage(channelId, fault))]),
    report({ event: 'abandoned', fault, pushed }),
  ],
];

/** The channel, where push_msat gives us an output of its first commitment (BOLT 2); else undefined. */
const pushedChannel = ({ params, funding }: Core): StaticChannel | undefined =>
  params.push / 1000n >= params.remote.dustLimit ? { params, funding } : undefined;

/**
 * Forgets a channel whose funding did not confirm in time; undefined before. A funding that got into the last
 * block it may get into has the time to become deep, as its coinbase too. A channel that was in use is never forgotten.
 */
export const forgetUnfunded = (state: Funded, height: number): Step | undefined => {
  const { params, lockin } = state.core;
  if (!isWaiting(state) || params.role !== 'fundee' || lockin.sent) return undefined;
  const last = params.since + FUNDING_TIMEOUT + Math.max(minimumDepthOf(params), COINBASE_MATURITY) - 1;
  const fault: Fault = { code: 'funding_timeout', blocks: FUNDING_TIMEOUT };
  return height > last ? forget(state.core, fault, pushedChannel(state.core)) : undefined;
};

/** Forgets a channel whose funding was never seen, to make room for other openings. */
export const onDisplaced = (state: Funded): Step => {
  const { params, lockin } = state.core;
  if (!isWaiting(state) || params.role !== 'fundee' || lockin.sent) return [state, []];
  return forget(state.core, { code: 'funding_unseen' }, pushedChannel(state.core));
};

/**
 * The coins of our funding transaction were spent elsewhere, so deep; the fundee cannot know that, and waits. Where a reorg did
 * that to a channel in use, what we offered over it has failed: that is reported at the depth of other resolutions. The
 * channel itself is remembered for as long as a reorg could bring its funding back.
 */
export const onDoubleSpent = (state: Funded, { depth }: Extract<Input, { type: 'funding_double_spent' }>): Step => {
  const { core } = state;
  if (!isWaiting(state) || core.params.role !== 'funder' || depth < REASONABLE_DEPTH) return [state, []];
  const isPast = depth >= IRREVOCABLE_DEPTH;
  const resolutions = [...core.outgoing.values()]
    // What was only proposed is refused when the peer goes away.
    .filter(({ acknowledged, added }) => !acknowledged && (isPast || isSigned(added)))
    .map((htlc) => resolvedEvent(htlc, resolutionOf(htlc, core.head) ?? { kind: 'timed_out' }));
  if (!isPast) return [state, resolutions];
  const [next, effects] = forget(core, { code: 'funding_double_spent' });
  return [next, [...resolutions, ...effects]];
};

/**
 * The funding transaction is this deep. One that does not pay what was agreed is no funding, and by its txid never will be:
 * no commitment can spend it. A channel that is ending only takes note that its funding is there.
 */
export const onFundingDepth = (state: Funded, input: Extract<Input, { type: 'funding_depth' }>): Step => {
  const { core } = state;
  if (state.phase === 'closed') return [state, []];
  const isRight = input.amount === core.params.capacity && equal(input.script, fundingScriptOf(core.params));
  if (!isRight && state.phase !== 'onchain') return forget(core, { code: 'wrong_funding_output' });
  const [next, effects] = onFundingConfirmed(core, input, state.phase === 'open');
  return [next === core ? state : { ...state, core: next }, effects];
};

/**
 * A reorg took the funding transaction out of the chain. Until it is as deep again nothing new is offered over the channel,
 * and what the peer offers is failed back: a branch without it would take both sides' balances away. Nothing else
 * changes, so a funding that comes back leaves the channel as it was, under another short_channel_id.
 */
export const onUnconfirmed = (state: Funded): Step => {
  const { core } = state;
  // One that is on chain is told of the spend that went with it next, and then waits for its funding, too.
  if (state.phase === 'closed' || core.lockin.scid === undefined) return [state, []];
  return [{ ...state, core: { ...core, lockin: { ...core.lockin, scid: undefined } } }, []];
};
