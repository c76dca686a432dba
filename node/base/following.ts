/**
 * A signal that is aborted as soon as one of several others is, for as long as it is wanted. `AbortSignal.any` keeps a little of each
 * with a source that lives as long as the process, so whoever is called a million times lets go of his own.
 */
export interface Following {
  readonly signal: AbortSignal;
  /** Lets go of the others: nothing of this stays with them. */
  release(): void;
}

/** Follows these; already aborted where one of them is. `release` when it is no longer wanted. */
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
