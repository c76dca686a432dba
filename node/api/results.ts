/**
 * The kinds of fields results have. Texts and numbers go out as they are, checked; amounts are `Msat` (bigint) inside and
 * integers on the wire, exact at any size: see json.ts. Reading a result back (the client) gives the bigint again.
 */
import { z } from 'zod';
import { type Msat, msat } from '../../wire/units.ts';

/** An amount in millisatoshi. On the wire a JSON integer; digits in a text are read too. */
export const amountMsat = z
  .codec(
    z.custom<number | bigint | string>((wire) =>
      typeof wire === 'string'
        ? /^\d{1,20}$/.test(wire)
        : typeof wire === 'bigint' || (Number.isSafeInteger(wire) && Number(wire) >= 0),
    ),
    z.custom<Msat>((value) => typeof value === 'bigint' && value >= 0n),
    { decode: (wire) => msat(BigInt(wire)), encode: (amount): bigint => amount },
  )
  .meta({ kind: 'msat' });

/** The type of a TLV record: 64 bits, on the wire a JSON integer; digits in a text are read too. */
export const tlvType = z
  .codec(
    z.custom<number | bigint | string>((wire) =>
      typeof wire === 'string' ? /^\d{1,20}$/.test(wire) : typeof wire === 'bigint' || Number.isSafeInteger(wire),
    ),
    z.custom<bigint>((value) => typeof value === 'bigint' && value >= 0n),
    { decode: (wire) => BigInt(wire), encode: (type): bigint => type },
  )
  .meta({ kind: 'u64' });

const digits = (kind: string, pattern: RegExp) =>
  z
    .string()
    .regex(pattern, { error: `expected ${kind}` })
    .meta({ kind });

export const hexText = digits('hex', /^(?:[0-9a-f]{2})*$/);
export const nodeId = digits('node id', /^0[23][0-9a-f]{64}$/);
/** A hash, secret, preimage or channel_id: 32 bytes. */
export const hash = digits('hash', /^[0-9a-f]{64}$/);
/** As people write it, byte order reversed: `displayed` in params.ts makes it. */
export const txid = digits('txid', /^[0-9a-f]{64}$/);
export const scid = digits('short_channel_id', /^\d+x\d+x\d+$/);
export const text = z.string().meta({ kind: 'text' });
export const flag = z.boolean().meta({ kind: 'true|false' });
export const u32 = z.number().int().min(0).max(0xffff_ffff).meta({ kind: 'u32' });
export const u64 = z.number().int().min(0).meta({ kind: 'u64' });
/** Seconds since 1970. */
export const time = z.number().min(0).meta({ kind: 'time' });
