/** Where the steps of the pure machines can be kept, so that somebody can go through them later. */

/** A machine's pure function. */
export type PureStep<S, I, C, E> = (state: S, input: I, context: C) => readonly [S, readonly E[]];

/** A machine whose steps are recorded, from the state in which it begins. */
export interface RecordedMachine<S> {
  readonly kind: 'channel' | 'payment' | 'receiver';
  /** Names it among those of its kind, also after a restart. */
  readonly id: string;
  readonly state: S;
  /** Effects that made the first state. */
  readonly first?: readonly unknown[];
  /** What people call it in this state. */
  readonly name?: (state: S) => string | undefined;
}

export interface StepRecorder {
  /** The same function, each step of which is recorded: also one that throws. */
  wrap<S, I, C, E>(machine: RecordedMachine<S>, step: PureStep<S, I, C, E>): PureStep<S, I, C, E>;
}

/** A machine's pure function, recorded where there is a recorder. */
export const recorded = <S, I, C, E>(
  recorder: StepRecorder | undefined,
  machine: RecordedMachine<S>,
  step: PureStep<S, I, C, E>,
): PureStep<S, I, C, E> => recorder?.wrap(machine, step) ?? step;
