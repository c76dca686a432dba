/** What methods that wait for invoices share. */

import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';

/** Calls that wait for invoices at the same time, over all connections. */
const MOST_WAITING = 4096;

/** Throws ApiError `busy` where so many wait that no more are taken. */
export const checkRoom = ({ invoices }: Pick<Node, 'invoices'>): void => {
  if (invoices.waiting >= MOST_WAITING)
    throw new ApiError(
      'busy',
      `${MOST_WAITING} calls wait for invoices already: end some, or wait for all invoices by one waitanyinvoice`,
    );
};

/** Waits for something, for so many milliseconds at most (undefined: without end) and no longer than the caller does. */
export const within = async <T>(
  { ports }: Pick<Node, 'ports'>,
  ms: number | undefined,
  caller: AbortSignal,
  wait: (until: AbortSignal) => Promise<T>,
): Promise<T> => {
  const over = new AbortController();
  const end = (): void => over.abort();
  const cancel = ms === undefined ? () => undefined : ports.clock.after(ms, end);
  caller.addEventListener('abort', end, { once: true });
  if (caller.aborted) end();
  try {
    return await wait(over.signal);
  } finally {
    cancel();
    caller.removeEventListener('abort', end);
  }
};

export const gone = (): ApiError => new ApiError('general', 'the caller went away, or the node stops');
