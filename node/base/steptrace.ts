/**
 * Trace lines of a machine's steps: the names of the input, of the phase before and after, and of the effects. Their contents are left
 * out, since inputs and effects of channels and payments have secrets.
 */
import type { Log } from '../ports/ports.ts';
import type { MachineParts } from './machine.ts';

/** Names of a machine's steps. */
export interface StepNames<S, I, E> {
  /** The message, such as `channel step`. */
  readonly message: string;
  /** Fields that name the channel or payment. */
  readonly subject: (now: S, before: S) => object;
  readonly input: (input: I) => string;
  readonly phase: (state: S) => string;
  readonly effect: (effect: E) => string;
  /** Steps that are traced only if they have effects: those of ticks. */
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
