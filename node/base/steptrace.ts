/**
 * What a trace says of a machine's steps: the input, the phase before and after, and the effects, all by name. Their contents stay
 * out of it, for inputs and effects of channels and payments hold secrets.
 */
import type { Log } from '../ports/ports.ts';
import type { MachineParts } from './machine.ts';

/** How a machine's steps are named. */
export interface StepNames<S, I, E> {
  /** The line: `channel step`. */
  readonly message: string;
  /** Fields that say whose step it is. */
  readonly subject: (now: S, before: S) => object;
  readonly input: (input: I) => string;
  readonly phase: (state: S) => string;
  readonly effect: (effect: E) => string;
  /** Steps that say nothing where they have no effects: those of a clock that ticks. */
  readonly isIdle?: (input: I) => boolean;
}

/** The `traced` of a machine: a line at level trace for each step. While that level is off it costs a comparison. */
export const stepTrace =
  <S, I, E>(log: Log, names: StepNames<S, I, E>): NonNullable<MachineParts<S, I, E>['traced']> =>
  (input, before, now, effects) => {
    if (!log.isTracing()) return;
    if (input !== undefined && effects.length === 0 && names.isIdle?.(input) === true) return;
    const [from, to] = [names.phase(before), names.phase(now)];
    log.trace(
      {
        ...names.subject(now, before),
        input: input === undefined ? 'begin' : names.input(input),
        phase: from === to ? to : `${from} -> ${to}`,
        effects: effects.map(names.effect),
      },
      names.message,
    );
  };
