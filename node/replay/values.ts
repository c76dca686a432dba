/**
 * States, inputs and effects of machines as JSON and back: integers of any size, bytes, maps and sets. Without secrets, bytes are kept
 * only under names that are known to be public, and in wire messages; of all others the length is.
 */
import { VersionedMap } from '../../amp/versions.ts';
import { hex, unhex } from '../../wire/bytes.ts';

/** Bytes that were not recorded. */
export class Hidden {
  readonly length: number;
  constructor(length: number) {
    this.length = length;
  }
}

/** A table of a program's functions, of which only the names are recorded. */
export class NamedTable {
  readonly names: readonly string[];
  constructor(names: readonly string[]) {
    this.names = names;
  }
}

const PUBLIC: ReadonlySet<string> = new Set([
  ...['chainHash', 'channelId', 'temporaryChannelId', 'channel_id', 'destination', 'node', 'nodes', 'peer', 'txid'],
  ...['paymentHash', 'setId', 'remotePoint', 'remoteNextPoint', 'shutdownScript', 'upfrontScript', 'script', 'spent'],
  ...['ours', 'theirs', 'agreed', 'signed', 'fundingTx', 'tx', 'parent', 'competingCommitment', 'scriptCode'],
]);
const SECRET_IN_MESSAGES: ReadonlySet<string> = new Set(['per_commitment_secret', 'your_last_per_commitment_secret']);
const TABLES: ReadonlySet<string> = new Set(['schemes', 'strategies', 'composers']);

/** Whether all bytes are recorded, or only those that are no secret. */
export type Keep = 'all' | 'public';

type Json = unknown;

const isMessage = (name: string, value: object): boolean =>
  name === 'message' && 'name' in value && typeof value.name === 'string';

/** A value as JSON. `name`: of the field in which it stands. */
export const encoded = (value: unknown, keep: Keep, name = '', inMessage = false): Json => {
  const item = (one: unknown): Json => encoded(one, keep, name, inMessage);
  if (typeof value === 'bigint') return { $n: value.toString() };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $f: String(value) };
  if (typeof value === 'function') return { $t: [value.name] };
  if (value === undefined) return { $u: true };
  if (typeof value !== 'object') return value;
  if (value === null) return null;
  if (value instanceof Uint8Array) {
    const shown = keep === 'all' || (inMessage ? !SECRET_IN_MESSAGES.has(name) : PUBLIC.has(name));
    return shown ? { $b: hex(value) } : { $h: value.length };
  }
  if (value instanceof Hidden) return { $h: value.length };
  if (value instanceof NamedTable) return { $t: value.names };
  if (Array.isArray(value)) return value.map(item);
  if (value instanceof Map) {
    if (TABLES.has(name)) return { $t: [...value.keys()].map(String) };
    return { $m: [...value].map(([key, one]) => [encoded(key, keep, name), item(one)]) };
  }
  if (value instanceof VersionedMap) return { $v: [...value].map(([key, one]) => [key, item(one)]) };
  if (value instanceof Set) return { $s: [...value].map(item) };
  const within = inMessage || isMessage(name, value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, encoded(one, keep, key, within)]));
};

const pairs = (value: unknown): readonly (readonly [unknown, unknown])[] =>
  Array.isArray(value)
    ? value.map((pair: unknown) => (Array.isArray(pair) ? [pair[0], pair[1]] : [undefined, pair]))
    : [];

/** The value that was encoded. */
export const decoded = (json: Json): unknown => {
  if (Array.isArray(json)) return json.map(decoded);
  if (typeof json !== 'object' || json === null) return json;
  const [[tag, held] = ['', undefined]] = Object.entries(json) as [string, unknown][];
  switch (tag) {
    case '$n':
      return BigInt(String(held));
    case '$u':
      return undefined;
    case '$f':
      return Number(held);
    case '$b':
      return unhex(String(held));
    case '$h':
      return new Hidden(Number(held));
    case '$t':
      return new NamedTable(Array.isArray(held) ? held.map(String) : []);
    case '$m':
      return new Map(pairs(held).map(([key, one]) => [decoded(key), decoded(one)]));
    case '$v':
      return VersionedMap.of(pairs(held).map(([key, one]) => [String(key), decoded(one)] as const));
    case '$s':
      return new Set(Array.isArray(held) ? held.map(decoded) : []);
    default:
      return Object.fromEntries(Object.entries(json).map(([key, one]) => [key, decoded(one)]));
  }
};

/** A value for programs: bytes in hex, maps as objects, what was not recorded by its length. */
export const plainValue = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Hidden) return `[${value.length} bytes]`;
  if (value instanceof NamedTable) return value.names;
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof Set) return [...value].map(plainValue);
  if (value instanceof Map || value instanceof VersionedMap)
    return Object.fromEntries([...value].map(([key, one]) => [String(plainValue(key)), plainValue(one)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plainValue(one)]));
};
