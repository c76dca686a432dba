/** Names of channels' steps in a trace. */
import type { Effect, Input } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import type { MachineParts } from '../base/machine.ts';
import { stepTrace } from '../base/steptrace.ts';
import type { Log } from '../ports/ports.ts';
import { channelName } from './naming.ts';

const inputName = (input: Input): string => (input.type === 'message' ? `message ${input.message.name}` : input.type);

const effectName = (effect: Effect): string => {
  switch (effect.do) {
    case 'send':
      return `send ${effect.message.name}`;
    case 'report':
      return `report ${effect.event.event}`;
    case 'broadcast':
      return `broadcast ${effect.why}`;
    default:
      return effect.do;
  }
};

/** Traces the steps of a channel with this peer, by its name in logs. */
export const channelSteps = (
  log: Log,
  peer: string,
): NonNullable<MachineParts<ChannelState, Input, Effect>['traced']> =>
  stepTrace(log, {
    message: 'channel step',
    subject: (now, before) => ({ channel: channelName(now) ?? channelName(before), peer: peer.slice(0, 16) }),
    input: inputName,
    phase: ({ phase }) => phase,
    effect: effectName,
  });
