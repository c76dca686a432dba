/** Nodes and policies for tests of the graph: every name has its key. */
import { pointOf, sha256 } from '../../wire/crypto.ts';
import { type Point, type SecretKey, secretKey } from '../../wire/units.ts';

export const keyOf = (name: string): SecretKey => secretKey(sha256(new TextEncoder().encode(name)));
export const idOf = (name: string): Point => pointOf(keyOf(name));
export const NOW = 1_700_000_000;

export const policy = { feeBase: 1000n, feeProportional: 10, cltvExpiryDelta: 34, htlcMaximum: 1_000_000_000n };
export type Terms = Partial<typeof policy>;
