/** Attacks by openings that are never meant: proposals without end, and channels whose funding nobody will ever see. */
import { sat } from '../../../wire/units.ts';
import type { Attack } from '../attacker.ts';
import { Mallory, madeUp, proposalOf, requestOf } from '../mallory.ts';

const amount = sat(100_000n);

/** Proposes channels, each another one, and hears nothing of the answers. */
export const proposals: Attack = (one) =>
  one.lines(
    3,
    () => 'thrown away',
    (line) =>
      one.flood(line, () =>
        Array.from({ length: 5 }, () =>
          proposalOf(requestOf(one.world.target.id, one.bytes(32), one.bytes(32), amount)),
        ),
      ),
  );

/** Goes through an opening to the end, with a funding that is made up, as one stranger after the other. */
export const halfOpenings: Attack = (one) => {
  const mallories = new Map<number, Mallory>();
  return one.lines(
    3,
    (n) => (message) => mallories.get(n)?.hear(message),
    async (line, n) => {
      const { target } = one.world;
      for (let i = 0; i < 6 && !line.closed; i++) {
        mallories.set(n, new Mallory(requestOf(target.id, one.bytes(32), one.bytes(32), amount), line, madeUp));
        one.done.messages += 2;
        await one.wait(100);
      }
      mallories.delete(n);
      line.end();
    },
  );
};
