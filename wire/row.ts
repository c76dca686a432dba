/**
 * BOLT 1, "Lightning Message Format": a message is a type, fields and an extension of TLV records. One row of a table says
 * all three; the codec and the value's type follow from it.
 */
import { type Codec, type Fields, type Flat, type Shape, struct } from './codec.ts';
import { type Records, type TlvShape, tlvs } from './tlv.ts';

export interface Row<F extends Fields = Fields, R extends Records = Records> {
  readonly type: number;
  readonly fields: F;
  readonly records: R;
  readonly body: Codec<BodyOf<F, R>>;
}
/** Fields and records stand side by side; a record that was not sent is an absent key. */
export type BodyOf<F extends Fields, R extends Records> = Flat<Shape<F> & TlvShape<R>>;
type NoRecords = Record<never, never>;

const body = <F extends Fields, R extends Records>(fields: F, records: R): Codec<BodyOf<F, R>> => {
  const head = struct(fields);
  const extension = tlvs(records);
  return {
    write: (w, value) => {
      head.write(w, value);
      extension.write(w, value as TlvShape<R>);
    },
    read: (r) => ({ ...head.read(r), ...extension.read(r) }) as BodyOf<F, R>,
  };
};

/** A message of `type`: its fields in wire order, then the records its extension may carry. */
export function message<F extends Fields>(type: number, fields: F): Row<F, NoRecords>;
export function message<F extends Fields, R extends Records>(type: number, fields: F, records: R): Row<F, R>;
export function message(type: number, fields: Fields, records: Records = {}): Row {
  return { type, fields, records, body: body(fields, records) };
}
