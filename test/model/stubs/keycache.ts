/** Stands in for deriving keys: what a node derives at each start takes longer than a run, so it is done once for a seed. */
import type { NodeKeys } from '../../../node/wallet/keys.ts';
import { hex } from '../../../wire/bytes.ts';

type KeysOf = (seed: Uint8Array, coin: 0 | 1) => NodeKeys;

/** The module of the keys with `keysOf` remembering. */
export const remembering = <M extends { readonly keysOf: KeysOf }>(real: M): M => {
  const known = new Map<string, NodeKeys>();
  const keysOf: KeysOf = (seed, coin) => {
    const keys = known.get(hex(seed)) ?? real.keysOf(seed, coin);
    known.set(hex(seed), keys);
    return keys;
  };
  return { ...real, keysOf };
};
