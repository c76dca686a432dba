/**
 * Timers for the messages that channels wait for (channel/rules/waits.ts): one for each channel, restarted when the channel waits for
 * another message, and stopped when it waits for none. What to do when one expires is decided by the channel.
 */
import type { Input } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { whenIdle } from '../../channel/phases/transition.ts';
import { awaitedFromPeer, secondsOf } from '../../channel/rules/waits.ts';
import type { Clock } from '../ports/ports.ts';
import type { Entry } from './entry.ts';

/**
 * The input for a channel whose queue is empty. A peer that was not heard from lately is pinged before a commitment is signed for it
 * (BOLT 2, "Committing Updates So Far: commitment_signed"): HTLCs of a peer that has gone stay locked until it is back.
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

  /** `seconds`: for waits whose limit an operator may set. */
  constructor(clock: Pick<Clock, 'after'>, seconds: number) {
    this.clock = clock;
    this.seconds = seconds;
  }

  /** A channel is in this state now. */
  follow(entry: Entry, state: ChannelState): void {
    const wait = awaitedFromPeer(state);
    const { connection, waiting } = entry;
    // On a new connection the peer has the whole time again.
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
