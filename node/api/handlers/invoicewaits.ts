/** Methods that answer when invoices are paid, for whoever delivers what was paid for. */

import type { Node } from '../../core/node.ts';
import { ApiError } from '../errors.ts';
import type { CallContext, Handlers, Params, Result } from '../table.ts';
import { listed } from './invoices.ts';

/** Calls that wait for invoices at the same time, over all connections. */
const MOST_WAITING = 4096;

/** Throws ApiError `busy` where so many wait that no more are taken. */
const checkRoom = ({ invoices }: Node): void => {
  if (invoices.waiting >= MOST_WAITING)
    throw new ApiError(
      'busy',
      `${MOST_WAITING} calls wait for invoices already: end some, or wait for all invoices by one waitanyinvoice`,
    );
};

/** Waits for something, for so many milliseconds at most (undefined: without end) and no longer than the caller does. */
const within = async <T>(
  { ports }: Node,
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

const gone = (): ApiError => new ApiError('general', 'the caller went away, or the node stops');

const waitinvoice = async (
  node: Node,
  { label }: Params<'waitinvoice'>,
  { signal }: CallContext,
): Promise<Result<'waitinvoice'>> => {
  const { invoices, ports } = node;
  let record = await invoices.labelled(label);
  if (record === undefined) throw new ApiError('invoice_unknown', `label: there is no invoice "${label}"`);
  checkRoom(node);
  for (;;) {
    record = await invoices.standing(record);
    const { status, ...row } = listed(node, record);
    if (status === 'paid') return { ...row, status };
    if (status === 'expired') throw new ApiError('invoice_expired', `the invoice "${label}" has expired unpaid`);
    if (signal.aborted) throw gone();
    const waited = record;
    const left = Math.max(0, record.expiresAt * 1000 - ports.clock.now());
    await within(node, left, signal, (until) => invoices.paidOr(waited, until));
  }
};

const waitanyinvoice = async (
  node: Node,
  { lastpay_index: last, timeout }: Params<'waitanyinvoice'>,
  { signal }: CallContext,
): Promise<Result<'waitanyinvoice'>> => {
  checkRoom(node);
  const ms = timeout === undefined ? undefined : timeout * 1000;
  const record = await within(node, ms, signal, (until) => node.invoices.paidAfter(BigInt(last), until));
  if (record !== undefined) return { ...listed(node, record), status: 'paid' };
  if (signal.aborted) throw gone();
  throw new ApiError('invoice_wait_over', `no invoice was paid behind pay_index ${last} within ${timeout} seconds`);
};

export const invoiceWaitHandlers = (node: Node): Pick<Handlers, 'waitinvoice' | 'waitanyinvoice'> => ({
  waitinvoice: (params, call) => waitinvoice(node, params, call),
  waitanyinvoice: (params, call) => waitanyinvoice(node, params, call),
});
