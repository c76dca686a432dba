/**
 * Where an error inside the node ends: in the part where it happened. What was begun there is left out, and everything else goes
 * on, since a node that is down defends nobody's money. Only a store that fails ends the node, for nothing may be promised then.
 */
import { ChainError } from '../chain/errors.ts';
import type { Log } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';

/** Takes what went wrong in a part of the node, by its name. */
export type InternalErrors = (part: string) => (error: unknown) => void;

/**
 * Passes on the first call alone. That the store is closed is no failure: only a node that ends closes it, and what comes too late
 * to be kept is lost as in a crash at that moment, with nothing of it seen outside.
 */
export const onFirstFailure = (run: (error: unknown) => void): ((error: unknown) => void) => {
  let done = false;
  return (error) => {
    if (done || (error instanceof StoreError && error.fault.code === 'closed')) return;
    done = true;
    run(error);
  };
};

export const internalErrors =
  (log: Log, fatal: (error: unknown) => void): InternalErrors =>
  (part) =>
  (error) => {
    if (error instanceof StoreError) return fatal(error);
    // The chain was closed: the node is stopping.
    if (error instanceof ChainError && error.fault.code === 'closed') return;
    log.error(
      { internal: part, error },
      'an error inside the node: what this part was at is left out, all else goes on. Please report this line',
    );
  };
