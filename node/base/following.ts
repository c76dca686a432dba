/**
 * An abort signal that follows several others until it is released. `AbortSignal.any` leaves a little memory with each source, which adds
 * up where a source lives as long as the process; this one can be released.
 */
export interface Following {
  readonly signal: AbortSignal;
  /** Stops following the others: nothing is left with them. */
  release(): void;
}

/** Follows these signals; aborted at once where one of them is. Call `release` when it is no longer needed. */
export const following = (...sources: readonly AbortSignal[]): Following => {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const source of sources)
    if (source.aborted) abort();
    else source.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    release: () => {
      for (const source of sources) source.removeEventListener('abort', abort);
    },
  };
};
