/**
 * Counts the seconds of what channels wait for (channel/rules/waits.ts): one timer for each channel, begun anew when it waits for
 * something else, and ended when it waits for nothing. What is to be done when one is over, the channel decides.
 */
import type { Input } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { whenIdle } from '../../channel/phases/transition.ts';
import { awaitedFromPeer, secondsOf } from '../../channel/rules/waits.ts';
import type { Clock } from '../ports/ports.ts';
import type { Entry } from './entry.ts';

/**
 * What to give a channel when its queue has run empty. A peer that was not heard of lately is asked before it is signed to (BOLT 2,
 * "Committing Updates So Far: commitment_signed"): what it is gone with is bound until it is back.
 */
export const idleInput = (entry: Entry, state: ChannelState): Input | undefined => {
  const input = whenIdle(state);
  const { connection } = entry;
  if (input?.type !== 'sign' || connection === undefined || connection.heardRecently) return input;
  connection.pingThen(entry.key, () => entry.machine.push(input));
  return undefined;
};

export class WaitTimers {
  private readonly clock: Pick<Clock, 'after'>;
  private readonly seconds: number;

  /** `seconds` for those waits that an operator may set. */
  constructor(clock: Pick<Clock, 'after'>, seconds: number) {
    this.clock = clock;
    this.seconds = seconds;
  }

  /** A channel has come to this state. */
  follow(entry: Entry, state: ChannelState): void {
    const wait = awaitedFromPeer(state);
    const { connection, waiting } = entry;
    // A connection that replaced another gives the peer its whole time, whatever the peer let pass on the one before.
    if (wait?.id === waiting?.id && connection === waiting?.connection) return;
    this.end(entry);
    if (wait === undefined) return;
    const seconds = secondsOf(wait, this.seconds);
    const cancel = this.clock.after(seconds * 1000, () => entry.machine.push({ type: 'overdue', wait, seconds }));
    entry.waiting = { id: wait.id, connection, cancel };
  }

  end(entry: Entry): void {
    entry.waiting?.cancel();
    delete entry.waiting;
  }
}
