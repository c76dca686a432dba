/** `stop`: ends the node. */

import { z } from 'zod';
import type { ProcessControl } from '../../../core/running.ts';
import { method } from '../../method.ts';

const params = z.strictObject({});

const result = z.object({ result: z.literal('Shutdown complete') });
type Result = z.output<typeof result>;

/** What it needs of the process around a node. */
type Parts = Pick<ProcessControl, 'stop'>;

export const stop = method({
  doc: 'Stops the node once this answer is out.',
  example: [],
  params,
  result,
  handler: async ({ stop }: Parts): Promise<Result> => {
    // What ends the node is run after the answer, for the socket is closed with the node.
    setImmediate(stop);
    return { result: 'Shutdown complete' };
  },
});
