/** Every message with each of its fields at its extremes, made from the tables that say what messages are. */
import { type Codec, Reader } from '../../wire/codec.ts';
import { encodeMessage, type Message, type MessageName, messages } from '../../wire/message.ts';

/** A message as it goes over the wire, and which field of it is at which extreme. */
export interface Extreme {
  readonly name: MessageName;
  readonly what: string;
  readonly raw: Uint8Array;
}

type Values = Readonly<Record<string, unknown>>;

/** Some value of a codec: of bytes that are all zero, or all two where a point has to begin with one. */
const sample = (codec: Codec<unknown>): unknown => {
  for (const fill of [0, 2])
    for (const length of [65_000, 2048, 99, 66, 64, 33, 32, 8, 4, 2, 1, 0]) {
      try {
        return codec.read(new Reader(new Uint8Array(length).fill(fill)));
      } catch {
        // Another length or filling may do.
      }
    }
  throw new Error('a codec without a sample');
};

const runs = (length: number): readonly Uint8Array[] =>
  [0, 0x02, 0x1b, 0x41, 0xff].map((fill) => new Uint8Array(length).fill(fill));

/** What is as small, as large and as odd as a value of this kind can be; what cannot be written is left out later. */
const extremesOf = (value: unknown): readonly unknown[] => {
  if (typeof value === 'bigint') return [0n, 1n, 2_100_000_000_000_000_000n, 2n ** 63n, 2n ** 64n - 1n];
  if (typeof value === 'number') return [0, 1, 255, 65_535, 2 ** 31, 2 ** 32 - 1];
  if (value instanceof Uint8Array)
    return [...runs(value.length), ...[0, 1, 255, 1365, 1366, 33_000, 64_900, 65_300, 65_491].flatMap((n) => runs(n))];
  if (Array.isArray(value)) {
    const item = value[0] ?? { type: 'ipv4', host: new Uint8Array(4).fill(1), port: 1 };
    return [[], ...[1, 255, 300, 483, 1000, 8000].map((n) => new Array(n).fill(item))];
  }
  return [];
};

const rawOf = (message: object): Uint8Array | undefined => {
  try {
    return encodeMessage(message as Message);
  } catch {
    return undefined;
  }
};

/** All of one message; `fixed` are the fields that make it one about something the other side knows. */
export const extremesOfMessage = (name: MessageName, fixed: Values): readonly Extreme[] => {
  const { fields, records } = messages[name] as unknown as {
    readonly fields: Readonly<Record<string, Codec<unknown>>>;
    readonly records: Readonly<Record<string, { readonly type: bigint; readonly codec: Codec<unknown> }>>;
  };
  const base: Record<string, unknown> = { name };
  for (const [field, codec] of Object.entries(fields)) base[field] = fixed[field] ?? sample(codec);
  const changes: (readonly [string, Values])[] = [['as it stands', {}]];
  for (const field of Object.keys(fields))
    for (const [i, value] of extremesOf(base[field]).entries()) changes.push([`${field} ${i}`, { [field]: value }]);
  for (const [record, { type, codec }] of Object.entries(records)) {
    const value = fixed[record] ?? sample(codec);
    changes.push([record, { [record]: value }]);
    for (const [i, extreme] of extremesOf(value).entries()) changes.push([`${record} ${i}`, { [record]: extreme }]);
    // Of any length, whatever the record is.
    for (const length of [0, 1, 33_000])
      changes.push([`${record} of ${length} bytes`, { unknown: [{ type, value: new Uint8Array(length).fill(1) }] }]);
  }
  return changes.flatMap(([what, change]) => {
    const raw = rawOf({ ...base, ...change });
    return raw === undefined ? [] : [{ name, what, raw }];
  });
};

export const everyMessage = Object.keys(messages) as readonly MessageName[];
