/**
 * The kinds of parameters methods take: what a caller writes (JSON, or the words of a command line) on one side, the
 * checked and branded value a handler gets on the other. A refusal says what was expected; the field's name is put in
 * front by whoever knows it.
 */
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { hex, unhex, utf8 } from '../../wire/bytes.ts';
import {
  type ChannelId,
  channelId,
  type Point,
  paymentHash,
  point,
  preimage,
  type ShortChannelId,
  scidOf,
  type Txid,
} from '../../wire/units.ts';
import { feerateFrom, msatFrom, satFrom } from '../base/amounts.ts';
import { FILE } from './summary.ts';

/** What a kind is called in help, found again through `kindOf`. */
interface Meta {
  readonly kind: string;
}

/** A parameter of type `Input` in JSON that `read` turns into a value; a RangeError's message says what was expected. */
export const param = <Input, T>(kind: string, read: (given: unknown) => T) =>
  z
    .custom<Input>()
    .transform((given, context): T => {
      try {
        return read(given);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        const message = given === undefined ? `is required (${kind})` : `expected ${error.message}`;
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      }
    })
    .meta({ kind } satisfies Meta);

const bytesFrom = (given: unknown, length: number | undefined, what: string): Uint8Array => {
  const digits = length === undefined ? '(?:[0-9a-fA-F]{2})*' : `[0-9a-fA-F]{${2 * length}}`;
  if (typeof given !== 'string' || !new RegExp(`^${digits}$`).test(given)) throw new RangeError(what);
  return unhex(given);
};
const pointFrom = (given: unknown, what: string): Point => {
  if (typeof given !== 'string' || !/^0[23][0-9a-fA-F]{64}$/.test(given)) throw new RangeError(what);
  return point(unhex(given));
};
const textFrom = (given: unknown, what: string): string => {
  if (typeof given !== 'string') throw new RangeError(what);
  return given;
};
const integerFrom = (given: unknown, low: number, high: number): number => {
  const n = typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : given;
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < low || n > high)
    throw new RangeError(`an integer from ${low} to ${high}`);
  return n;
};

/** A node's public key. */
export const nodeId = param<string, Point>('node id', (given) =>
  pointFrom(given, 'a node id: 66 hex digits that begin with 02 or 03'),
);
/** A payment hash. */
export const hash32 = param<string, ReturnType<typeof paymentHash>>('hash', (given) =>
  paymentHash(bytesFrom(given, 32, 'a payment hash: 64 hex digits')),
);
/** A payment preimage. */
export const preimage32 = param<string, ReturnType<typeof preimage>>('preimage', (given) =>
  preimage(bytesFrom(given, 32, 'a preimage: 64 hex digits')),
);
/** 32 bytes that only some should know. */
export const secret32 = param<string, Uint8Array>('secret', (given) => bytesFrom(given, 32, 'a secret: 64 hex digits'));
/** The 32 bytes that name an atomic multi-path payment. */
export const setId = param<string, Uint8Array>('set id', (given) => bytesFrom(given, 32, 'a set id: 64 hex digits'));
export const channelId32 = param<string, ChannelId>('channel id', (given) =>
  channelId(bytesFrom(given, 32, 'a channel id: 64 hex digits')),
);
/** A file on the node's machine. The command line makes a path absolute; other callers have to. */
export const file = param<string, string>(FILE, (given) => {
  if (typeof given !== 'string' || !isAbsolute(given) || given.includes('\0'))
    throw new RangeError('an absolute path, such as /media/stick/channels.backup');
  return given;
});
/** Records hold a text behind a length of 16 bits. */
const MOST_TEXT = 0xffff;
/** Bytes in hex, so many at most. */
export const hexBytes = (most: number) =>
  param<string, Uint8Array>('hex', (given) => {
    const what = `hex digits of at most ${most} bytes`;
    if (typeof given === 'string' && given.length > 2 * most) throw new RangeError(what);
    return bytesFrom(given, undefined, what);
  });
/** Any text that a record can hold. */
export const text = param<string, string>('text', (given) => {
  const what = `a text of at most ${MOST_TEXT} bytes in UTF-8`;
  const found = textFrom(given, what);
  if (utf8(found).length > MOST_TEXT) throw new RangeError(what);
  return found;
});
/** Any text that a record can hold, in the words of people: a description. */
export const prose = text.meta({ kind: 'text', prose: true });
/** A text without control characters, as long as a unit's label need be. */
export const label = param<string | number, string>('label', (given) => {
  const name = typeof given === 'number' && Number.isSafeInteger(given) ? String(given) : textFrom(given, 'a label');
  if (name.length === 0 || name.length > 1024) throw new RangeError('a label of 1 to 1024 characters');
  return name;
});
/** True or false, or these words. */
export const flag = param<boolean | 'true' | 'false', boolean>('true|false', (given) => {
  if (given === true || given === 'true') return true;
  if (given === false || given === 'false') return false;
  throw new RangeError('true or false');
});
/** A whole number within bounds, or its digits. */
export const integer = (low: number, high: number) =>
  param<number | string, number>(`${low}..${high}`, (given) => integerFrom(given, low, high));
/** A number within bounds, decimals allowed, or its digits. */
export const decimal = (low: number, high: number) =>
  param<number | string, number>(`${low}..${high}`, (given) => {
    const n = typeof given === 'string' && /^\d{1,16}(\.\d{1,9})?$/.test(given) ? Number(given) : given;
    if (typeof n !== 'number' || !(n >= low && n <= high)) throw new RangeError(`a number from ${low} to ${high}`);
    return n;
  });
/** A TCP port to connect to. */
export const port = integer(1, 0xffff);
export const u32 = param<number | string, number>('u32', (given) => integerFrom(given, 0, 0xffff_ffff));
/** A duration, bounded by what the records and timers that get it can hold. */
export const seconds = (low: number, high: number) =>
  param<number | string, number>(`${low}..${high} seconds`, (given) => integerFrom(given, low, high));
/** A place in a list's order of creation or change, from 0. */
export const index = param<number | string, number>('index', (given) => integerFrom(given, 0, Number.MAX_SAFE_INTEGER));
/** A share of 100, decimals allowed. */
export const percent = param<number | string, number>('percent', (given) => {
  const n = typeof given === 'string' && /^\d{1,3}(\.\d{1,9})?$/.test(given) ? Number(given) : given;
  if (typeof n !== 'number' || !(n >= 0 && n <= 100)) throw new RangeError('a percentage from 0 to 100');
  return n;
});
/** Millisatoshi: an integer, or "1000msat", "1sat", "0.001btc". */
export const amountMsat = param<number | bigint | string, ReturnType<typeof msatFrom>>('msat', msatFrom);
/** As amountMsat, where a message has four bytes for it. */
export const amountMsat32 = param<number | bigint | string, ReturnType<typeof msatFrom>>('msat', (given) => {
  const amount = msatFrom(given);
  if (amount > 0xffff_ffffn) throw new RangeError('an amount of at most 4294967295 msat');
  return amount;
});
/** As amountMsat, or the word "any" for an amount the payer chooses. */
export const amountOrAny = param<number | bigint | string, ReturnType<typeof msatFrom> | 'any'>('msat|any', (given) => {
  if (given === 'any') return 'any';
  const amount = msatFrom(given);
  if (amount === 0n) throw new RangeError('an amount above zero, or "any"');
  return amount;
});
/** Satoshi: an integer, or "1000sat", "0.001btc". */
export const amountSat = param<number | bigint | string, ReturnType<typeof satFrom>>('sat', satFrom);
/** As amountSat, or the word "all" for everything there is. */
export const amountOrAll = param<number | bigint | string, ReturnType<typeof satFrom> | 'all'>('sat|all', (given) =>
  given === 'all' ? 'all' : satFrom(given),
);
export const feerate = param<number | string, ReturnType<typeof feerateFrom>>('feerate', feerateFrom);

/** Reads BLOCKxTXxOUTPUT. Throws RangeError. */
export const scidFrom = (given: unknown): ShortChannelId => {
  const what = 'a short_channel_id such as 103x1x0';
  const parts = typeof given === 'string' ? /^(\d{1,8})x(\d{1,8})x(\d{1,5})$/.exec(given) : null;
  if (parts === null) throw new RangeError(what);
  try {
    return scidOf(Number(parts[1]), Number(parts[2]), Number(parts[3]));
  } catch {
    throw new RangeError(what);
  }
};
/** BLOCKxTXxOUTPUT. */
export const scid = param<string, ShortChannelId>('short_channel_id', scidFrom);

/** All unpublished channels, none of them, or those named. */
export const privateChannels = param<boolean | string | readonly string[], boolean | readonly ShortChannelId[]>(
  'true|false|[scid, …]',
  (given) => {
    if (given === true || given === 'true') return true;
    if (given === false || given === 'false') return false;
    return Array.isArray(given) ? given.map(scidFrom) : [scidFrom(given)];
  },
);

/** A channel by whatever names it: the peer (if it has one channel only), the channel_id, or the short_channel_id. */
export type ChannelRef = { readonly peer: Point } | { readonly channel: ChannelId } | { readonly scid: ShortChannelId };
const channelRefFrom = (given: unknown): ChannelRef => {
  if (typeof given === 'string' && /^0[23][0-9a-fA-F]{64}$/.test(given)) return { peer: point(unhex(given)) };
  if (typeof given === 'string' && /^[0-9a-fA-F]{64}$/.test(given)) return { channel: channelId(unhex(given)) };
  if (typeof given === 'string' && given.includes('x')) return { scid: scidFrom(given) };
  throw new RangeError('a node id, a channel_id or a short_channel_id');
};
export const channelRef = param<string, ChannelRef>('node id|channel id|short_channel_id', channelRefFrom);

/** As channelRef, or the word "all". */
export const channelRefOrAll = param<string, ChannelRef | 'all'>('node id|channel id|short_channel_id|all', (given) =>
  given === 'all' ? 'all' : channelRefFrom(given),
);

/** Characters of the longest name of a host (RFC 1035), with a dot behind it. */
const MOST_HOST = 254;
/** A host to connect to, by name or by IP address. */
export const host = param<string, string>('host', (given) => {
  const what = `a host name or an IP address of at most ${MOST_HOST} characters`;
  const name = textFrom(given, what);
  if (name.length === 0 || name.length > MOST_HOST) throw new RangeError(what);
  return name;
});

/** A node id, alone or as id@host or id@host:port; an IPv6 address with a port stands in brackets. */
export interface Destination {
  readonly id: Point;
  readonly host: string | undefined;
  readonly port: number | undefined;
}
export const destination = param<string, Destination>('id[@host[:port]]', (given) => {
  const what = 'a node id, or id@host:port';
  const [id = '', place, ...more] = textFrom(given, what).split('@');
  if (place === undefined) return { id: pointFrom(id, what), host: undefined, port: undefined };
  // With more than one colon and no brackets all of it is an IPv6 address.
  const [, inBrackets, bare, digits] =
    /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(place) ?? /^()([0-9a-fA-F:.]+)$/.exec(place) ?? [];
  const host = inBrackets || bare;
  if (host === undefined || host.length > MOST_HOST || more.length > 0) throw new RangeError(what);
  return { id: pointFrom(id, what), host, port: digits === undefined ? undefined : integerFrom(digits, 1, 0xffff) };
});

/** One of a few words. */
export const word = <const W extends string>(...words: readonly W[]) =>
  param<W, W>(words.join('|'), (given) => {
    const found = words.find((one) => one === given);
    if (found === undefined) throw new RangeError(words.map((one) => `"${one}"`).join(' or '));
    return found;
  });

/** Several of a kind: a JSON array. */
export const many = <S extends z.ZodType>(item: S, most: number) =>
  z
    .array(item, { error: 'expected an array' })
    .max(most, { error: `expected at most ${most} items` })
    .meta({ kind: `[${kindOf(item)}, …]` } satisfies Meta);

/** Two of a kind: a JSON array. */
export const pair = <S extends z.ZodType>(item: S) =>
  z
    .array(item, { error: 'expected an array of 2 items' })
    .length(2, { error: 'expected 2 items' })
    .meta({ kind: `[${kindOf(item)}, ${kindOf(item)}]` } satisfies Meta);

/** A parameter Core Lightning has and this node has not: it keeps its place in the order and may only be left out. */
export const refused = param<undefined, undefined>('not supported', (given) => {
  if (given !== undefined) throw new RangeError('nothing: this node does not support the parameter');
  return undefined;
}).optional();

/** Whether a parameter is a text of any words; looks through `optional` and `default`. */
export const isProse = (schema: z.core.$ZodType): boolean => {
  if (z.globalRegistry.get(schema)?.['prose'] === true) return true;
  const inner = 'innerType' in schema._zod.def ? schema._zod.def.innerType : undefined;
  return inner instanceof z.core.$ZodType && isProse(inner);
};

/** The name of a parameter's kind, for help; looks through `optional` and `default`. */
export const kindOf = (schema: z.core.$ZodType): string => {
  const kind = z.globalRegistry.get(schema)?.['kind'];
  if (typeof kind === 'string') return kind;
  const inner = 'innerType' in schema._zod.def ? schema._zod.def.innerType : undefined;
  return inner instanceof z.core.$ZodType ? kindOf(inner) : 'value';
};

/** A transaction id as people write it: hex, byte order reversed. */
export const displayed = (id: Txid): string => hex(Uint8Array.from(id).reverse());
