/** Which channels carry nothing now, and why: for whoever wants to pay more than the others can. */
import { coreOf } from '../../channels/entry.ts';
import type { Node } from '../../core/node.ts';
import { stateName } from './states.ts';

/** Counts of channels that cannot be used now, by the reason; undefined where there are none. */
export const unusableText = ({ channels }: Node): string | undefined => {
  const counts = { 'without a connection to its peer': 0, 'waiting for its funding': 0, closing: 0 };
  for (const { machine } of channels.entries.values()) {
    const core = coreOf(machine.state);
    if (core === undefined || machine.state.phase === 'closed') continue;
    const name = stateName(machine.state);
    if (name === 'CHANNELD_AWAITING_LOCKIN') counts['waiting for its funding']++;
    else if (name !== 'CHANNELD_NORMAL') counts.closing++;
    else if (core.link.status !== 'online') counts['without a connection to its peer']++;
  }
  const said = Object.entries(counts).flatMap(([why, count]) => (count === 0 ? [] : [`${count} ${why}`]));
  return said.length === 0 ? undefined : `not counted are channels that cannot be used now: ${said.join(', ')}`;
};
