/** What a node does again and again. */
import type { Clock } from './ports.ts';

/** Runs something once a second until the returned function is called. */
export const everySecond = (clock: Pick<Clock, 'after'>, run: () => void): (() => void) => {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(1000, () => {
      run();
      again();
    });
  };
  again();
  return () => cancel();
};
