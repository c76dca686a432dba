/**
 * Goes through the record of a machine. Where it was recorded with secrets, each step is made again by the machine's own function, and
 * what comes out otherwise than it was recorded is told. Machines sign, and derive keys and preimages, within their steps: without
 * secrets a step cannot be made again, and the recorded one is shown.
 */
import type { PaymentContext, PaymentInput, ReceiverContext, ReceiverInput } from '../../amp/io.ts';
import type { Payment } from '../../amp/payment.ts';
import { receive } from '../../amp/receiving.ts';
import { schemes } from '../../amp/schemes.ts';
import { pay } from '../../amp/sending.ts';
import type { Receiver } from '../../amp/sets.ts';
import { strategies } from '../../amp/strategies.ts';
import type { Context, Input } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { transition } from '../../channel/phases/transition.ts';
import { changesOf, fieldAt } from './diff.ts';
import type { BeginLine, Line, MachineRecord, StepLine } from './record.ts';
import { decoded, encoded, NamedTable } from './values.ts';

/** A step as it was recorded, with what differs when it is made again. */
export interface ReplayedStep {
  /** From 1; a beginning has the number of the step before it. */
  readonly step: number;
  readonly time: number;
  readonly name: string | undefined;
  readonly what: 'begin' | 'step' | 'full';
  readonly input: unknown;
  readonly context: unknown;
  /** The phase of a channel, the kind of a payment; undefined where that is not known. */
  readonly phase: string | undefined;
  readonly changes: readonly (readonly [path: string, before: unknown, after: unknown])[];
  readonly effects: readonly unknown[];
  /** What the step threw. */
  readonly error: string | undefined;
  /** Whether the step was made again. */
  readonly isReplayed: boolean;
  /** How the step made again differs from the recorded one, in words. */
  readonly differences: readonly string[];
}

type Pure = (state: unknown, input: unknown, context: unknown) => readonly [unknown, readonly unknown[]];

/** The tables of the program that replays, and which of the recorded ones it lacks. */
const withTables = (context: unknown): unknown => ({
  ...(context as object),
  schemes,
  strategies,
  composers: undefined,
});

/** What was recorded of a program's own functions, which a replay has not. */
const missing = (context: unknown): readonly string[] => {
  if (typeof context !== 'object' || context === null) return [];
  const named = (table: unknown): readonly string[] => (table instanceof NamedTable ? table.names : []);
  const { schemes: ours, strategies: cuts, composers } = context as Readonly<Record<string, unknown>>;
  return [
    ...named(ours).filter((name) => !schemes.has(name)),
    ...named(cuts).filter((name) => !strategies.has(name)),
    ...named(composers).map((name) => `protocol ${name}`),
  ];
};

const pures: Readonly<Record<MachineRecord['kind'], Pure>> = {
  channel: (state, input, context) => transition(state as ChannelState, input as Input, context as Context),
  payment: (state, input, context) =>
    pay(state as Payment, input as PaymentInput, withTables(context) as PaymentContext),
  receiver: (state, input, context) =>
    receive(state as Receiver, input as ReceiverInput, withTables(context) as ReceiverContext),
};

/** JSON text with sorted keys, to compare. */
const canonical = (json: unknown): string => {
  if (Array.isArray(json)) return `[${json.map(canonical).join()}]`;
  if (typeof json !== 'object' || json === null) return JSON.stringify(json) ?? 'undefined';
  const fields = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${canonical(value)}`).join()}}`;
};

const effectName = (json: unknown): string =>
  typeof json === 'object' && json !== null && 'do' in json ? String(json.do) : 'nothing';

/** How two lists of effects differ. */
const differentEffects = (recordedOnes: readonly unknown[], again: readonly unknown[]): readonly string[] =>
  Array.from({ length: Math.max(recordedOnes.length, again.length) }, (_, i) => i).flatMap((i) => {
    const [was, is] = [recordedOnes[i], again[i]];
    if (canonical(was) === canonical(is)) return [];
    return [
      `effect ${i + 1}: recorded ${effectName(was)}, replayed ${effectName(is)}${was && is ? ', which differ' : ''}`,
    ];
  });

const differentChanges = (recordedOnes: readonly unknown[], again: readonly unknown[]): readonly string[] => {
  const known = new Set(recordedOnes.map(canonical));
  const now = new Set(again.map(canonical));
  const pathOf = (change: unknown): string => (Array.isArray(change) ? String(change[0]) : '');
  return [
    ...recordedOnes
      .filter((one) => !now.has(canonical(one)))
      .map((one) => `state: recorded ${pathOf(one)}, not replayed`),
    ...again.filter((one) => !known.has(canonical(one))).map((one) => `state: replayed ${pathOf(one)}, not recorded`),
  ];
};

const phaseOf = (state: unknown): string | undefined => {
  if (typeof state !== 'object' || state === null) return undefined;
  if ('phase' in state && typeof state.phase === 'string') return state.phase;
  return 'kind' in state && typeof state.kind === 'string' ? state.kind : undefined;
};

/** What is known of the machine on the way. */
interface Position {
  /** Undefined where it cannot be replayed from here on. */
  readonly state: { readonly value: unknown } | undefined;
  readonly phase: string | undefined;
}

const begun = (line: BeginLine): Position => {
  const value = decoded(line.state);
  return { state: line.secrets ? { value } : undefined, phase: phaseOf(value) };
};

/** The phase after the recorded changes. */
const phaseAfter = (before: string | undefined, { changes = [] }: StepLine): string | undefined => {
  const changed = changes.find(([path]) => path === 'phase' || path === 'kind');
  return changed === undefined ? before : String(decoded(changed[2]));
};

/** Makes a step again: the position after it, and how it differs. */
const again = (kind: MachineRecord['kind'], state: unknown, line: StepLine): readonly [unknown, readonly string[]] => {
  const context = decoded(line.context);
  const lacking = missing(context);
  const own =
    lacking.length === 0 ? [] : [`recorded with ${lacking.join(', ')} of a program's own, which this has not`];
  let next: unknown;
  let effects: readonly unknown[];
  try {
    [next, effects] = pures[kind](state, decoded(line.input), context);
  } catch (error) {
    if (line.error === String(error)) return [state, []];
    return [state, [...own, `replayed, the step throws ${String(error)}`]];
  }
  if (line.error !== undefined)
    return [next, [...own, `recorded, the step threw ${line.error}; replayed, it does not`]];
  const changes = changesOf(state, next).map(([path, was, is]) => [
    path,
    encoded(was, 'all', fieldAt(path)),
    encoded(is, 'all', fieldAt(path)),
  ]);
  const differences = [
    ...differentEffects(
      line.effects ?? [],
      effects.map((effect) => encoded(effect, 'all')),
    ),
    ...differentChanges(line.changes ?? [], changes),
  ];
  return [next, differences.length === 0 ? [] : [...own, ...differences]];
};

const shown = (
  line: StepLine,
  step: number,
  phase: string | undefined,
): Omit<ReplayedStep, 'isReplayed' | 'differences'> => ({
  ...{ step, time: line.time, name: line.name, what: 'step', phase, error: line.error },
  input: decoded(line.input),
  context: decoded(line.context),
  changes: (line.changes ?? []).map(([path, was, is]) => [path, decoded(was), decoded(is)]),
  effects: (line.effects ?? []).map(decoded),
});

const nothing = { input: undefined, context: undefined, changes: [], effects: [], error: undefined };

/** Every line of a record, in order, made again where that is possible. */
export function* replayed({ kind, lines }: Pick<MachineRecord, 'kind' | 'lines'>): Generator<ReplayedStep> {
  let position: Position = { state: undefined, phase: undefined };
  let step = 0;
  for (const line of lines as readonly Line[]) {
    if (line.event === 'full') {
      yield {
        ...nothing,
        step,
        time: line.time,
        name: undefined,
        what: 'full',
        phase: position.phase,
        isReplayed: false,
        differences: [],
      };
      continue;
    }
    if (line.event === 'begin') {
      position = begun(line);
      yield {
        ...{ ...nothing, step, time: line.time, name: line.name, what: 'begin', phase: position.phase },
        effects: line.effects.map(decoded),
        ...{ isReplayed: false, differences: [] },
      };
      continue;
    }
    step++;
    const { state } = position;
    const [next, differences] = state === undefined ? [undefined, []] : again(kind, state.value, line);
    position = { state: state && { value: next }, phase: phaseAfter(position.phase, line) };
    yield { ...shown(line, step, position.phase), isReplayed: state !== undefined, differences };
  }
}
