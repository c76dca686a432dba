/** `subscribe`: notifications on this connection, as Core Lightning names and shapes them for its plugins. */

import { z } from 'zod';
import { ApiError } from '../../errors.ts';
import { maxSubscriptions, type Notifications } from '../../events/notifications.ts';
import { isTopic, type Topic, topicNames, topics as topicTable } from '../../events/topics.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';

const topicFrom = (given: unknown): Topic => {
  if (typeof given !== 'string' || !isTopic(given)) throw new RangeError(`of ${topicNames.join(', ')}`);
  return given;
};

const topics = param.param<string | readonly string[], readonly Topic[]>('topic|[topic, …]', (given) => {
  if (given === undefined || given === 'all') return topicNames;
  if (Array.isArray(given)) return [...new Set(given.slice(0, topicNames.length + 1).map(topicFrom))];
  return [topicFrom(given)];
});

const params = z.strictObject({
  topics: topics
    .optional()
    .describe(
      `which notifications, all unless told: ${topicNames.map((name) => `${name} (${topicTable[name].doc})`).join(', ')}`,
    ),
});

const result = z.object({
  /** What this connection is subscribed to from now on. */
  topics: z.array(z.enum(topicNames)),
});

/** What it needs of a node's process. */
export interface Parts {
  readonly notifications: Pick<Notifications, 'subscribe'>;
}

export const subscribe = method({
  doc: 'Sends notifications on this connection from now on, until it ends: on the unix socket or over WebSocket. As a command, prints them until Ctrl-C or until the node stops.',
  example: ['invoice_payment'],
  params,
  result,
  handler: async ({ notifications }: Parts, { topics: wanted = topicNames }, { subscriber }) => {
    if (subscriber === undefined)
      throw new ApiError(
        'invalid_request',
        'notifications need a connection that stays open: subscribe on the unix socket or over WebSocket',
      );
    if (!notifications.subscribe(subscriber, wanted))
      throw new ApiError('busy', `${maxSubscriptions} connections are subscribed already: end some`);
    return { topics: [...wanted] };
  },
});
