/** `waitblockheight`: answers once the chain has reached a height. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { gone, within } from '../invoices/waiting.ts';

/** Calls that wait at the same time, over all connections. */
const MOST_WAITING = 4096;
/** Seconds that a timer holds: 24 days. */
const MOST_WAIT = 2_073_600;

const params = z.strictObject({
  blockheight: param.u32.describe('the height to wait for'),
  timeout: param.seconds(0, MOST_WAIT).default(60).describe('how long to wait at most'),
});

const result = z.object({
  /** The height of the last block that the node has read. */
  blockheight: field.u32,
});

/** What it needs of a node. */
type Parts = Pick<Node, 'follower' | 'heightWaiters' | 'ports'>;

export const waitblockheight = method({
  doc: 'Answers once the node has read a block of this height.',
  example: ['850000', 'timeout=600'],
  params,
  result,
  handler: async (node: Parts, { blockheight, timeout }, { signal }) => {
    const { follower, heightWaiters } = node;
    if (heightWaiters.count >= MOST_WAITING)
      throw new ApiError('busy', `${MOST_WAITING} calls wait for a block already: end some`);
    await within(node, timeout * 1000, signal, (until) => heightWaiters.wait(blockheight, until));
    if (follower.height >= blockheight) return { blockheight: follower.height };
    if (signal.aborted) throw gone();
    throw new ApiError(
      'wait_timeout',
      `block ${blockheight} did not come within ${timeout} seconds: the chain is at ${follower.height}`,
    );
  },
});
