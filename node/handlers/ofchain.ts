/** What callers are told where the chain gave no good answer. */
import { ApiError } from '../api/errors.ts';
import type { CallContext } from '../api/table.ts';
import { ChainError } from '../chain/errors.ts';

type Handler = (params: never, call: CallContext) => Promise<unknown>;

/** The same error as a caller is told it: the chain's troubles are no failure of the node's. */
const told = (error: unknown): unknown => {
  if (!(error instanceof ChainError)) return error;
  if (error.fault.code === 'closed') return new ApiError('shutting_down', 'the node is stopping');
  if (error.fault.code === 'rejected') return new ApiError('fund_broadcast', error.message);
  return new ApiError('chain', `${error.message}. Try again once bitcoind is well`);
};

/** Handlers whose errors of the chain have a number and a sentence: see `told`. */
export const toldOfChain = <H extends object>(handlers: H): H => {
  const wrapped =
    (handler: Handler): Handler =>
    async (params, call) => {
      try {
        return await handler(params, call);
      } catch (error) {
        throw told(error);
      }
    };
  const all = Object.entries(handlers).map(([name, handler]) => [name, wrapped(handler as Handler)] as const);
  return Object.fromEntries(all) as H;
};
