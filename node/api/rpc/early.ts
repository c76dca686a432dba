/**
 * The methods of a node that is still coming up. The API is there from the first moment, so that nobody has to guess whether a node
 * runs; a method that the node cannot answer yet says what it is at.
 */

import { ApiError } from '../errors.ts';
import type { CallContext } from '../method.ts';
import { type Handlers, isMethod, table } from '../table.ts';

export interface Early {
  /** Every method but `help`: as its node answers it by now, else ApiError `starting`, or `method_not_found` once the node is up. */
  readonly handlers: Handlers;
  /** What the node answers from now on. */
  use(handlers: Partial<Handlers>): void;
}

/** No methods yet; `now` says what the node is at, undefined once it is up. */
export const earlyHandlers = (now: () => string | undefined): Early => {
  let known: Readonly<Partial<Record<string, (params: never, call: CallContext) => Promise<unknown>>>> = {};
  const handler = (name: string) => async (params: never, call: CallContext) => {
    const there = known[name];
    if (there !== undefined) return there(params, call);
    const doing = now();
    if (doing === undefined)
      throw new ApiError('method_not_found', `${name} is for a node started with --dev, on regtest only`);
    throw new ApiError('starting', `the node is starting and cannot answer yet: it ${doing}`);
  };
  const names = Object.keys(table).filter((name) => isMethod(name) && name !== 'help');
  const handlers: unknown = Object.fromEntries(names.map((name) => [name, handler(name)]));
  return {
    handlers: handlers as Handlers,
    use: (handlers) => {
      known = handlers;
    },
  };
};
