/** `trace`: the wire messages of the node, as they come and go. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { tracedMessage } from '../../../peer/tracedmessage.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

/** Calls that wait for messages at the same time, over all connections. */
const MOST_WAITING = 64;

const params = z.strictObject({
  peer: param.nodeId.optional().describe('of this peer alone; for the command the first digits do'),
  after: param.index.optional().describe('`next` of the answer before; without it messages count from now on'),
  wait: param.seconds(0, 60).default(30).describe('how long to wait for a message'),
  most: param.integer(1, 1000).default(200).describe('messages in one answer'),
});

const result = z.object({
  messages: z.array(
    z.object({
      /** ISO 8601, with milliseconds. */
      time: field.text,
      direction: z.enum(['in', 'out']),
      peer: field.nodeId,
      name: field.text,
      type: field.u32.optional(),
      bytes: field.u32,
      /** By their names in the BOLTs. */
      fields: z.record(z.string(), z.unknown()).optional(),
      /** Why the message cannot be read. */
      error: field.text.optional(),
      raw: field.hexText,
    }),
  ),
  /** Where to go on. */
  next: field.u64,
  /** Messages of all peers that the caller was too slow for. */
  missed: field.u64,
});
type Result = z.output<typeof result>;

/** What it needs of a node. */
type Parts = Pick<Node, 'traceFeed' | 'ports'>;

export const trace = method({
  doc: 'Wire messages, both ways, with their fields and all of their bytes: the command shows them as they come, until Ctrl-C; callers ask again with `next`. Payment preimages and revocation secrets stand in messages as the peer sees them; keys of the transport never do.',
  example: ['wait=5', 'most=10'],
  params,
  result,
  handler: async ({ traceFeed, ports }: Parts, { peer, after, wait, most }, { signal }): Promise<Result> => {
    const now = traceFeed.follow();
    const from = after ?? now;
    const of = peer && hex(peer);
    let found = traceFeed.read(from, most, of);
    if (found.messages.length === 0 && wait > 0) {
      if (traceFeed.readers >= MOST_WAITING)
        throw new ApiError('busy', `${MOST_WAITING} calls wait for wire messages already: end some`);
      const over = new AbortController();
      const end = (): void => over.abort();
      const cancel = ports.clock.after(wait * 1000, end);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
      while (found.messages.length === 0 && !over.signal.aborted && !traceFeed.stopped) {
        await traceFeed.changed(over.signal);
        found = { ...traceFeed.read(found.next, most, of), missed: found.missed };
      }
      cancel();
      signal.removeEventListener('abort', end);
    }
    return {
      messages: found.messages.map(({ time, direction, peer: from, raw }) => tracedMessage(time, direction, from, raw)),
      next: found.next,
      missed: found.missed,
    };
  },
});
