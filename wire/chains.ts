/** BOLT 0, "Glossary": a chain is named by its genesis block hash, in the byte order in which it is hashed. */
import { hex, unhex } from './bytes.ts';
import { type ChainHash, chainHash } from './units.ts';

export type ChainName = 'bitcoin' | 'testnet' | 'signet' | 'regtest';

export const chainHashOf: Readonly<Record<ChainName, ChainHash>> = {
  bitcoin: chainHash(unhex('6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000')),
  testnet: chainHash(unhex('43497fd7f826957108f4a30fd9cec3aeba79972084e90ead01ea330900000000')),
  signet: chainHash(unhex('f61eee3b63a380a477a063af32b2bbc97c9ff9f01f2c4225e973988108000000')),
  regtest: chainHash(unhex('06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f')),
};

const names = new Map(Object.entries(chainHashOf).map(([name, hash]) => [hex(hash), name as ChainName]));

/** The chain a hash names, undefined for one this node does not know. */
export const chainNameOf = (hash: ChainHash): ChainName | undefined => names.get(hex(hash));
