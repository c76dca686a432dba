/**
 * An error inside the node (a mistake in the program) ends in the part where it happened: that part drops what it was doing, it is logged
 * with `internal` naming the part, and everything else goes on, since a stopped node cannot protect its channels. Only a store that
 * fails ends the node: without it nothing may be promised.
 */
import { ChainError } from '../chain/errors.ts';
import type { Log } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';

/** Makes the handler of internal errors for a part of the node, named as in the log's field `internal`. */
export type InternalErrors = (part: string) => (error: unknown) => void;

/**
 * Passes on the first call alone. StoreError `closed` is no failure: only a node that stops closes its store, and a later write is lost
 * as in a crash at that moment, with nothing of it visible outside.
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
      'an error inside the node: this part drops what it was doing, all else goes on. Please report this line',
    );
  };
