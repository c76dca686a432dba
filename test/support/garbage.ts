/** What the collector can take: for claims about what stays in memory, never about when. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects all that nothing refers to any more, but for what a WeakRef was asked for in this turn of the event loop. */
export const collectGarbage = collect;

/** Bytes of JavaScript values that are in use in this process. */
export const bytesInUse = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

/** Whether nothing but `ref` refers to its object any more. */
export const isGone = async (ref: WeakRef<object>): Promise<boolean> => {
  // A WeakRef keeps its object until the turn in which it was made or asked is over.
  await new Promise(setImmediate);
  collect();
  return ref.deref() === undefined;
};
