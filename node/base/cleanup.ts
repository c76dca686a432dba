/** Cleaning up behind what failed. */

/** Waits for something; where that fails, undoes what went before and throws the same error. */
export const cleanUpOnError = async <T>(work: Promise<T>, undo: () => Promise<unknown>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    await undo();
    throw error;
  }
};
