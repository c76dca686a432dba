/** Words of bitcoind's JSON-RPC that several of its readers know: how hashes and bytes are written, and what its error codes mean. */
import { z } from 'zod';
import { reversed, unhex } from '../../wire/bytes.ts';
import { type Txid, txid } from '../../wire/units.ts';
import { ChainError } from './errors.ts';

export const hash = z.string().regex(/^[0-9a-f]{64}$/);
export const bytes = z.string().regex(/^(?:[0-9a-fA-F]{2})*$/);

export const rpcCode = { notFound: -5, badParameter: -8, misc: -1, noMethod: -32601, alreadyMined: -27 } as const;

/** Whether bitcoind refused a call with one of these codes. */
export const refusedWith = (error: unknown, ...codes: readonly number[]): error is ChainError =>
  error instanceof ChainError && error.fault.code === 'refused' && codes.includes(error.fault.rpcCode);

/** A txid as transactions hold it, from one as people write it. */
export const internal = (displayed: string): Txid => txid(reversed(unhex(displayed)));
