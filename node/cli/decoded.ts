/** What `decode` finds beside invoices, as an indented text; and `decode --offline`, which needs no node. */
import { printable } from '../../wire/printable.ts';
import { CallError } from '../api/rpc/client.ts';
import { parseJson, toJson } from '../api/rpc/json.ts';
import { systemClock } from '../base/entropy.ts';
import type { Places } from '../config/config.ts';
import { UsageError } from './words.ts';

/** Hex digits of a value that are shown where it does not fit. */
const FIRST_DIGITS = 32;
/** A line has at least this room for a value, however deep it stands. */
const LEAST_ROOM = 24;

const scalar = (value: unknown, room: number): string => {
  const text = printable(typeof value === 'string' ? value : String(value));
  if (text.length <= Math.max(room, LEAST_ROOM)) return text;
  return /^[0-9a-f]+$/.test(text) ? `${text.slice(0, FIRST_DIGITS)}… (${text.length / 2} bytes)` : text;
};

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;

/** A small object of plain values as one text; undefined for any other. */
const oneLine = (value: unknown): string | undefined => {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (entries.length === 0 || !entries.every(([, field]) => isScalar(field))) return undefined;
  return entries.map(([name, field]) => `${name.replaceAll('_', ' ')}: ${printable(String(field))}`).join(', ');
};

const lines = (value: unknown, indent: string, width: number): readonly string[] => {
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${indent}(none)`];
    return value.flatMap((item: unknown) => {
      if (isScalar(item)) return [`${indent}- ${scalar(item, width - indent.length - 2)}`];
      const inOne = oneLine(item);
      if (inOne !== undefined && indent.length + 2 + inOne.length <= width) return [`${indent}- ${inOne}`];
      const [first = '', ...rest] = lines(item, `${indent}  `, width);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
  }
  if (typeof value !== 'object' || value === null) return [`${indent}${scalar(value, width - indent.length)}`];
  return Object.entries(value).flatMap(([name, field]: [string, unknown]) => {
    const label = `${indent}${name.replaceAll('_', ' ')}`;
    if (isScalar(field)) return [`${label}: ${scalar(field, width - label.length - 2)}`];
    return [`${label}:`, ...lines(field, `${indent}  `, width)];
  });
};

/** Whether a result of `decode` is no invoice, whose fields have a table of their own. */
export const isTree = (method: string, result: unknown): boolean =>
  method === 'decode' &&
  typeof result === 'object' &&
  result !== null &&
  'type' in result &&
  result.type !== 'bolt11 invoice';

/** The result line by line; values that are wider than the terminal are cut, unless `width` is undefined. */
export const treeText = (result: unknown, width: number | undefined): string =>
  lines(result, '', width ?? Number.POSITIVE_INFINITY).join('\n');

/** Answers as the method does, from what is given and the seed in the node's folder alone. Throws UsageError, CallError. */
export const decodeOffline = async (params: object, { network: name, networkDir }: Places): Promise<unknown> => {
  const [{ decode }, { offlineBackups }, { networkOf }, { ApiError }, { apiErrorOf }] = await Promise.all([
    import('../api/methods/invoices/decode.ts'),
    import('../decode/offline.ts'),
    import('../ports/network.ts'),
    import('../api/errors.ts'),
    import('../api/apierrors.ts'),
  ]);
  const given = decode.params.safeParse(params);
  if (!given.success) {
    const [issue] = given.error.issues;
    throw new UsageError(`${issue?.path.join('.') ?? 'parameters'}: ${issue?.message ?? 'not understood'}`);
  }
  const network = networkOf(name);
  const read = await offlineBackups(networkDir, network);
  const parts = { network, now: () => Math.floor(systemClock.now() / 1000), backups: read && { read } };
  try {
    return parseJson(toJson(await decode.handler(parts, given.data, { signal: new AbortController().signal })));
  } catch (error) {
    const told = error instanceof ApiError ? error : apiErrorOf(error);
    if (told === undefined) throw error;
    throw new CallError('decode', told.code, told.message, told.data);
  }
};
