/** Cleaning up after a failure. */

/** Waits for a promise; where it rejects, runs the clean-up and rethrows the error. */
export const cleanUpOnError = async <T>(work: Promise<T>, undo: () => Promise<unknown>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    await undo();
    throw error;
  }
};
