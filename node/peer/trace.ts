/**
 * What is shown of wire messages: fields by their names in the BOLTs. The log level `trace` has long ones shortened. The peer knows the
 * contents, so they may be logged, but for two kinds that are cut to a few bytes: per-commitment secrets, since with an old commitment
 * transaction they let anybody take its outputs, and onions, which are encrypted. A trace that was asked for (wiretaps.ts) has all of it,
 * but for requests with runes.
 */
import { hex, reversed } from '../../wire/bytes.ts';
import { namesOfFeatures } from '../../wire/featurenames.ts';
import { decodeMessage, type Message, type UnknownMessage } from '../../wire/message.ts';
import { printableText } from '../../wire/printable.ts';
import { scidText, shortChannelId } from '../../wire/units.ts';
import { Public } from '../base/log.ts';
import type { Log } from '../ports/ports.ts';
import type { WireTaps } from './wiretaps.ts';

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

const FEATURES: ReadonlySet<string> = new Set(['globalfeatures', 'features', 'channel_type']);
/** Features that are named in the log. */
const FIRST_FEATURES = 40;

/** `short` for the log, `whole` for whoever asked for everything. */
type Form = 'short' | 'whole';

const firstOf = (bytes: Uint8Array, count: number): string =>
  `${hex(bytes.subarray(0, count))}… (${bytes.length} bytes)`;

const shownBytes = (name: string, bytes: Uint8Array, form: Form): string => {
  if (TEXTS.has(name)) return printableText(bytes).replace(/(?:\\u\{0\})+$/, '');
  if (TXIDS.has(name) && bytes.length === 32) return hex(reversed(bytes));
  if (form === 'whole') return hex(bytes);
  if (ONIONS.has(name)) return `${bytes.length} bytes`;
  if (SECRETS.has(name)) return firstOf(bytes, SECRET_BYTES);
  const short = bytes.length <= WHOLE_BYTES ? hex(bytes) : firstOf(bytes, FIRST_BYTES);
  if (!FEATURES.has(name)) return short;
  const names = namesOfFeatures(bytes, FIRST_FEATURES);
  return names.length === 0 ? short : `${short}: ${names.join(', ')}`;
};

const shown = (name: string, value: unknown, form: Form): unknown => {
  if (value instanceof Uint8Array) return shownBytes(name, value, form);
  if (typeof value === 'bigint') return SCIDS.has(name) ? scidText(shortChannelId(value)) : value;
  if (Array.isArray(value)) {
    const first = (form === 'whole' ? value : value.slice(0, FIRST_ITEMS)).map((item) => shown(name, item, form));
    const left = value.length - first.length;
    return left > 0 ? [...first, `… (${left} more)`] : first;
  }
  return typeof value === 'object' && value !== null ? shownFields(value, form) : value;
};

const shownFields = (value: object, form: Form): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shown(name, field, form)]));

/** Every field of a message by its name in the BOLTs: bytes in hex, transaction ids and short_channel_ids as people write them. */
export const wholeFields = ({ name: _, ...fields }: Message | UnknownMessage): Record<string, unknown> =>
  shownFields(fields, 'whole');

/** Logs a received or sent message at level trace. Check `isTracing` first. */
export const traceMessage = (log: Log, direction: 'in' | 'out', message: Message | UnknownMessage): void => {
  const { name, ...fields } = message;
  const what = message.name === 'unknown' ? `message of unknown type ${message.type}` : name;
  log.trace(
    { direction, fields: new Public(shownFields(fields, 'short')) },
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

/** Parts and ends of commando's requests (Core Lightning), in which a rune opens the node to whoever reads it. */
const REQUESTS: ReadonlySet<number> = new Set([0x4c4d, 0x4c4f]);

/** What taps may see of a message: of a request with a rune its type and id. */
const forTaps = (raw: Uint8Array): Uint8Array =>
  REQUESTS.has((raw[0] ?? 0) * 256 + (raw[1] ?? 0)) ? raw.slice(0, 10) : raw;

/** Shows the messages of one connection to its log and to the taps. */
export class MessageTrace {
  private readonly log: Log;
  private readonly peer: string;
  private readonly taps: WireTaps | undefined;

  /** `peer`: the node id in hex. */
  constructor(log: Log, peer: string, taps: WireTaps | undefined) {
    this.log = log;
    this.peer = peer;
    this.taps = taps;
  }

  /** A message that is about to be queued. */
  sent(raw: Uint8Array, message?: Message | UnknownMessage): void {
    this.taps?.note('out', this.peer, forTaps(raw));
    if (!this.log.isTracing()) return;
    if (message === undefined) traceRaw(this.log, raw);
    else traceMessage(this.log, 'out', message);
  }

  /** Decodes a message that came; the taps see one that cannot be read, too. Throws WireError. */
  received(raw: Uint8Array): Message | UnknownMessage {
    this.taps?.note('in', this.peer, forTaps(raw));
    const message = decodeMessage(raw);
    if (this.log.isTracing()) traceMessage(this.log, 'in', message);
    return message;
  }
}
