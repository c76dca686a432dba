/** A pair of channel machines one of which says nothing, and how to see what the other makes of it. */
import type { Context } from '../../channel/model/io.ts';
import { msat } from '../../wire/units.ts';
import { context, deliver, eventsOf, give, openRequest, type Pair, ready, type Side } from './pair.ts';

export const pushed = { ...openRequest, push: msat(400_000_000n) };
export const at = (height: number): Context => ({ ...context, height });
export const names = (side: Side): readonly string[] => side.inbox.map(({ name }) => name);
export const refusals = (side: Side): readonly string[] => eventsOf(side, 'offer_refused').map(({ why }) => why.code);
export const cutWhy = (side: Side): string | undefined => {
  const last = side.asked.at(-1);
  return last?.do === 'disconnect' ? last.why : undefined;
};
export const failure = (side: Side): string | undefined => eventsOf(side, 'failed')[0]?.fault.code;
export const block = (pair: Pair, side: Side, height: number): void =>
  give(pair, side, { type: 'block', height }, at(height));

/** `a` has changed the feerate and signed it; `b` has that before it and does not answer. */
export const unanswered = (): Pair => {
  const pair = ready(pushed);
  give(pair, pair.a, { type: 'update_fee', feerate: 1500 });
  give(pair, pair.a, { type: 'sign' });
  return pair;
};

/** What `b` has to say about that is on its way. */
export const answered = (pair: Pair): void => {
  deliver(pair, pair.b);
  deliver(pair, pair.b);
};
