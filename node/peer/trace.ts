/**
 * Formats wire messages for the log level `trace`: fields by their names in the BOLTs, long ones shortened. The peer knows the contents,
 * so they may be logged, but for two kinds that are cut to a few bytes: per-commitment secrets, since with an old commitment transaction
 * they let anybody take its outputs, and onions, which are encrypted.
 */
import { hex, reversed } from '../../wire/bytes.ts';
import { decodeMessage, type Message, type UnknownMessage } from '../../wire/message.ts';
import { printableText } from '../../wire/printable.ts';
import { scidText, shortChannelId } from '../../wire/units.ts';
import { Public } from '../base/log.ts';
import type { Log } from '../ports/ports.ts';

/** Bytes that are written whole: points, hashes and channel_ids are. */
const WHOLE_BYTES = 33;
/** Of longer ones, and of a secret. */
const FIRST_BYTES = 8;
const SECRET_BYTES = 4;
/** Items of a list that are written. */
const FIRST_ITEMS = 8;

const ONIONS: ReadonlySet<string> = new Set(['onion_routing_packet', 'onion_message_packet', 'reason']);
const SECRETS: ReadonlySet<string> = new Set(['per_commitment_secret', 'your_last_per_commitment_secret']);
const TXIDS: ReadonlySet<string> = new Set(['funding_txid', 'txid']);
const SCIDS: ReadonlySet<string> = new Set(['short_channel_id', 'alias', 'encoded_short_ids']);
const TEXTS: ReadonlySet<string> = new Set(['data', 'alias']);

const firstOf = (bytes: Uint8Array, count: number): string =>
  `${hex(bytes.subarray(0, count))}… (${bytes.length} bytes)`;

const shownBytes = (name: string, bytes: Uint8Array): string => {
  if (ONIONS.has(name)) return `${bytes.length} bytes`;
  if (SECRETS.has(name)) return firstOf(bytes, SECRET_BYTES);
  if (TEXTS.has(name)) return printableText(bytes).replace(/(?:\\u\{0\})+$/, '');
  if (TXIDS.has(name) && bytes.length === 32) return hex(reversed(bytes));
  return bytes.length <= WHOLE_BYTES ? hex(bytes) : firstOf(bytes, FIRST_BYTES);
};

const shown = (name: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return shownBytes(name, value);
  if (typeof value === 'bigint') return SCIDS.has(name) ? scidText(shortChannelId(value)) : value;
  if (Array.isArray(value)) {
    const first = value.slice(0, FIRST_ITEMS).map((item) => shown(name, item));
    const left = value.length - first.length;
    return left > 0 ? [...first, `… (${left} more)`] : first;
  }
  return typeof value === 'object' && value !== null ? shownFields(value) : value;
};

const shownFields = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shown(name, field)]));

/** Logs a received or sent message at level trace. Check `isTracing` first. */
export const traceMessage = (log: Log, direction: 'in' | 'out', message: Message | UnknownMessage): void => {
  const { name, ...fields } = message;
  const what = message.name === 'unknown' ? `message of unknown type ${message.type}` : name;
  log.trace(
    { direction, fields: new Public(shownFields(fields)) },
    `${direction === 'in' ? 'received' : 'sent'} ${what}`,
  );
};

/** The same for one that leaves as the bytes it came in. */
export const traceRaw = (log: Log, raw: Uint8Array): void => {
  try {
    traceMessage(log, 'out', decodeMessage(raw));
  } catch {
    // It is sent all the same: tracing must not change behaviour.
    log.trace({ direction: 'out', fields: new Public({ bytes: raw.length }) }, 'sent a message that cannot be read');
  }
};
