/** The seeds of model nodes: they follow from where a node's files would be. */

import { join } from 'node:path';
import type * as real from '../../../node/wallet/seed.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { configOf } from '../names.ts';

/** Stands in for reading the seed's file. */
export const openSeed = (async (path: string) => ({
  seed: sha256(utf8(path)),
  fresh: false,
})) satisfies typeof real.openSeed;

export const isSeedThere: typeof real.isSeedThere = async () => true;

/** The seed of the node at a place in the line. */
export const seedAt = async (place: number): Promise<Uint8Array> =>
  (await openSeed(join(configOf(place).networkDir, 'seed'))).seed;
