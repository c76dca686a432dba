/**
 * A lab as a person describes it in a small file, YAML or JSON:
 *
 *     nodes: [alice, bob, carol]
 *     channels:
 *       - alice-bob
 *       - { from: bob, to: carol, capacity: 2000000sat, push: 500000sat, feebase: 0, feeppm: 100 }
 */
import { readFile, stat } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { satFrom } from '../../base/amounts.ts';
import { FileError } from '../../base/fileserror.ts';
import { didYouMean } from '../../base/nearest.ts';
import { isOption, options } from '../../config/options.ts';
import { LabError } from './laberror.ts';
import { mostChannels, mostNodes, namePattern } from './labfile.ts';
import { balanced, defaultCapacity, type LabPlan, type PlannedNode } from './shapes.ts';

/** Bytes of the longest such file. */
const longest = 65_536;
/** Folders of the lab that are no node's. */
const reserved = ['chain', 'bitcoind', 'page'];
/** What the lab itself says to a node. */
const ofTheLab = ['dir', 'network', 'conf', 'listen', 'api', 'bitcoind', 'bitcoind-cookie', 'bitcoind-password-file'];

const name = z
  .string('expected a name')
  .regex(namePattern, 'expected a name of at most 16 lower-case letters and digits, a letter first')
  .refine((text) => !reserved.includes(text), 'expected a name that is no folder of the lab');

const satoshi = z.unknown().transform((given, context) => {
  try {
    return BigInt(satFrom(given));
  } catch (error) {
    context.addIssue({ code: 'custom', message: `expected ${error instanceof Error ? error.message : 'satoshi'}` });
    return z.NEVER;
  }
});

const fee = z.int('expected a whole number').min(0).max(4_294_967_295);

/** What is wrong with an option of a node, or undefined. */
const wrongOption = (key: string, value: string | number | boolean): string | undefined => {
  if (ofTheLab.includes(key)) return 'is set by the lab';
  if (!isOption(key)) return `no option of this name${didYouMean(key, Object.keys(options))}`;
  const read = options[key].schema.safeParse(String(value));
  return read.success ? undefined : `expected ${read.error.issues[0]?.message ?? 'another value'}`;
};

const nodeOptions = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).check((context) => {
  for (const [key, value] of Object.entries(context.value)) {
    const message = wrongOption(key, value);
    if (message !== undefined) context.issues.push({ code: 'custom', input: value, path: [key], message });
  }
});

const node = z.strictObject({ kind: z.enum(['ampere', 'lnd']).default('ampere'), options: nodeOptions.default({}) });

/** [alice, bob] is short for nodes without settings. */
const nodes = z.preprocess(
  (given) =>
    Array.isArray(given) && given.every((one) => typeof one === 'string')
      ? Object.fromEntries(given.map((one: string) => [one, {}]))
      : given,
  z
    .record(
      name,
      z.preprocess((given) => given ?? {}, node),
      'expected a list of names, or settings by name',
    )
    .refine((all) => Object.keys(all).length >= 1, 'expected at least one node')
    .refine((all) => Object.keys(all).length <= mostNodes, `expected at most ${mostNodes} nodes`),
);

/** alice-bob is short for a channel that alice opens with bob, half of it for each. */
const channel = z.preprocess(
  (given) => {
    const [, from, to] = typeof given === 'string' ? (/^([a-z0-9]+) ?- ?([a-z0-9]+)$/.exec(given) ?? []) : [];
    return from === undefined ? given : { from, to };
  },
  z.strictObject(
    {
      ...{ from: name, to: name },
      capacity: satoshi.default(defaultCapacity),
      push: satoshi.optional(),
      feebase: fee.optional(),
      feeppm: fee.optional(),
    },
    'expected FROM-TO, or from, to, capacity, push, feebase and feeppm by name',
  ),
);

const shape = z
  .strictObject({
    nodes,
    channels: z.array(channel).max(mostChannels, `expected at most ${mostChannels} channels`).default([]),
  })
  .check((context) => {
    const { nodes: known, channels } = context.value;
    const wrong = (path: PropertyKey[], message: string) =>
      context.issues.push({ code: 'custom', input: context.value, path, message });
    for (const [at, { from, to, capacity, push }] of channels.entries()) {
      for (const [end, given] of Object.entries({ from, to }))
        if (!Object.hasOwn(known, given))
          wrong(['channels', at, end], `no node ${given}${didYouMean(given, Object.keys(known))}`);
      if (from === to) wrong(['channels', at, 'to'], 'expected another node than from');
      if (push !== undefined && push >= capacity) wrong(['channels', at, 'push'], 'expected less than the capacity');
    }
  });

const flagsOf = (kind: PlannedNode['kind'], given: z.output<typeof nodeOptions>): readonly string[] =>
  kind === 'lnd'
    ? []
    : Object.entries(given).flatMap(([key, value]) => (value === true ? [`--${key}`] : [`--${key}`, String(value)]));

/** The lab that a text describes; `file` is for errors. Throws LabError `bad_file` naming the field. */
export const planFrom = (text: string, file: string): LabPlan => {
  const bad = (field: string, expected: string) =>
    new LabError({ code: 'bad_file', file, field, expected }, `${file}: ${field}: ${expected}`);
  const document = parseDocument(text, { logLevel: 'silent', prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) throw bad('the file', error.message.split('\n')[0] ?? 'expected YAML or JSON');
  let given: unknown;
  try {
    given = document.toJS({ maxAliasCount: 100 });
  } catch (failure) {
    throw bad('the file', failure instanceof Error ? failure.message : String(failure));
  }
  const read = shape.safeParse(given);
  if (!read.success) {
    const [issue] = read.error.issues;
    const ofKey = issue?.code === 'invalid_key' ? issue.issues[0]?.message : undefined;
    const keys = issue?.code === 'unrecognized_keys' ? issue.keys : [];
    const field = [...(issue?.path ?? []), ...keys.slice(0, 1)].join('.') || 'the file';
    throw bad(
      field,
      keys.length > 0 ? 'no setting of this name' : (ofKey ?? issue?.message ?? 'expected nodes and channels'),
    );
  }
  return {
    shape: file,
    nodes: Object.entries(read.data.nodes).map(([name, one]) => ({
      ...{ name, kind: one.kind },
      flags: flagsOf(one.kind, one.options),
    })),
    channels: read.data.channels.map(({ from, to, capacity, push, feebase, feeppm }) => ({
      ...balanced(from, to),
      capacity_sat: capacity,
      push_sat: push ?? capacity / 2n,
      ...(feebase !== undefined && { fee_base_msat: feebase }),
      ...(feeppm !== undefined && { fee_ppm: feeppm }),
    })),
  };
};

/** As planFrom, of a file. Throws FileError, too. */
export const planOfFile = async (file: string): Promise<LabPlan> => {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > longest) throw new RangeError(`it is longer than ${longest} bytes`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new FileError('read', file, error);
  }
  return planFrom(text, file);
};
