/** Reads a message of a trace: its name and fields, or why it cannot be read. */
import { hex } from '../../wire/bytes.ts';
import { decodeMessage, messages } from '../../wire/message.ts';
import type { TracedMessage } from '../base/tracelines.ts';
import { wholeFields } from './trace.ts';

const nameOf: ReadonlyMap<number, string> = new Map(Object.entries(messages).map(([name, { type }]) => [type, name]));

/** What of a message can be said from its bytes alone. `type` and `name` are there for one whose fields are malformed, too. */
export const readMessage = (raw: Uint8Array): Pick<TracedMessage, 'name' | 'type' | 'bytes' | 'fields' | 'error'> => {
  const [high, low] = raw;
  const type = high === undefined || low === undefined ? undefined : high * 256 + low;
  const name = (type === undefined ? undefined : nameOf.get(type)) ?? 'unknown';
  const about = { name, ...(type !== undefined && { type }), bytes: raw.length };
  try {
    const message = decodeMessage(raw);
    if (message.name === 'unknown') return { ...about, fields: { payload: hex(message.payload) } };
    return { ...about, fields: wholeFields(message) };
  } catch (error) {
    return { ...about, error: error instanceof Error ? error.message : String(error) };
  }
};

/** A message of a trace; `time` in milliseconds since 1970. */
export const tracedMessage = (time: number, direction: 'in' | 'out', peer: string, raw: Uint8Array): TracedMessage => ({
  time: new Date(time).toISOString(),
  direction,
  peer,
  ...readMessage(raw),
  raw: hex(raw),
});
