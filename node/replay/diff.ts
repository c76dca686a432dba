/** What a step changed of a state: the smallest parts that differ, each with its path. Parts that are the same objects cost nothing. */
import { VersionedMap } from '../../amp/versions.ts';
import { equal } from '../../wire/bytes.ts';

/** `undefined` stands for a part that is not there. */
export type Change = readonly [path: string, before: unknown, after: unknown];

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array) &&
  !(value instanceof Set);

const sameSet = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));

const at = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/** The changes from one state to the next. */
export const changesOf = (before: unknown, after: unknown, path = ''): readonly Change[] => {
  if (Object.is(before, after)) return [];
  if (before instanceof Uint8Array && after instanceof Uint8Array)
    return equal(before, after) ? [] : [[path, before, after]];
  if (before instanceof Set && after instanceof Set) return sameSet(before, after) ? [] : [[path, before, after]];
  if (before instanceof VersionedMap && after instanceof VersionedMap)
    return [...after.changedSince(before)].flatMap((key) =>
      changesOf(before.get(key), after.get(key), `${path}[${key}]`),
    );
  if (before instanceof Map && after instanceof Map)
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((key: unknown) =>
      changesOf(before.get(key), after.get(key), `${path}[${String(key)}]`),
    );
  if (Array.isArray(before) && Array.isArray(after))
    return Array.from({ length: Math.max(before.length, after.length) }, (_, i) =>
      changesOf(before[i], after[i], `${path}[${i}]`),
    ).flat();
  if (isPlain(before) && isPlain(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      changesOf(before[key], after[key], at(path, key)),
    );
  return [[path, before, after]];
};

/** The name of the field at the end of a path. */
export const fieldAt = (path: string): string => /([A-Za-z_]\w*)(?:\[[^\]]*\])*$/.exec(path)?.[1] ?? '';
