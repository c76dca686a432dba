/** Records of a caller's own that go with a payment, as Core Lightning takes them: an object of types and values in hex. */
import { unhex } from '../../../../wire/bytes.ts';
import type { RawRecord } from '../../../../wire/tlv.ts';
import { param } from '../../params.ts';

/** Records below are the specification's (BOLT 1, "Type-Length-Value Format"). */
const LEAST_TYPE = 65_536n;
const MOST_TYPE = 0xffff_ffff_ffff_ffffn;
/** The record with the preimage, which is sent anyway. */
const KEYSEND = 5_482_373_484n;
/** What an onion of 1300 bytes can hold beside the least that must be in it; a record counts its value and 12 bytes for type and length. */
const MOST_BYTES = 1_200;
const HEADER_BYTES = 12;
const MOST_RECORDS = MOST_BYTES / HEADER_BYTES;

const typeFrom = (key: string): bigint => {
  const type = /^\d{1,20}$/.test(key) ? BigInt(key) : -1n;
  if (type < LEAST_TYPE || type > MOST_TYPE || type === KEYSEND)
    throw new RangeError(`types of ${LEAST_TYPE} to ${MOST_TYPE}, and not ${KEYSEND}`);
  return type;
};

const valueFrom = (given: unknown): Uint8Array => {
  if (typeof given !== 'string' || !/^(?:[0-9a-fA-F]{2})*$/.test(given))
    throw new RangeError('values in hex, as in {"696969": "c0ffee"}');
  return unhex(given);
};

/** Records increasing by type; they come to 1,200 bytes at most. */
export const extraTlvsParam = param<Readonly<Record<string, string>>, readonly RawRecord[]>(
  '{type: hex, …}',
  (given): readonly RawRecord[] => {
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw new RangeError('an object of types and values in hex, as in {"696969": "c0ffee"}');
    const entries = Object.entries(given);
    if (entries.length > MOST_RECORDS) throw new RangeError(`at most ${MOST_RECORDS} records`);
    const records = entries.map(([key, value]) => ({ type: typeFrom(key), value: valueFrom(value) }));
    if (records.reduce((sum, { value }) => sum + HEADER_BYTES + value.length, 0) > MOST_BYTES)
      throw new RangeError(
        `records of at most ${MOST_BYTES} bytes together, ${HEADER_BYTES} of each for type and length: more does not fit an onion`,
      );
    const types = new Set(records.map(({ type }) => type));
    if (types.size < records.length) throw new RangeError('each type once');
    return records.sort((a, b) => (a.type < b.type ? -1 : 1));
  },
);
