/**
 * The networks a node can live on, one row each, under the names Core Lightning uses. The genesis hash is what tells them
 * apart for certain; everything else is convention.
 */
import type { Network as Encoding } from 'bitcoinjs-lib';
// Of the library only this: a command that calls a node loads the networks and no more.
import * as encodings from 'bitcoinjs-lib/src/networks';
import { hex } from '../../wire/bytes.ts';
import { type ChainName, chainHashOf, chainNameOf } from '../../wire/chains.ts';
import type { ChainHash } from '../../wire/units.ts';

export interface Network {
  readonly name: ChainName;
  /** BOLT 0's chain_hash. */
  readonly chain: ChainHash;
  /** SLIP 44 coin type for BIP 32 paths: 0 for real money, 1 for every test network. */
  readonly coin: 0 | 1;
  /** Address and key prefixes. */
  readonly encoding: Encoding;
  /** Where bitcoind answers unless told otherwise. */
  readonly rpcPort: number;
  /** Where Lightning peers expect a node unless told otherwise. */
  readonly peerPort: number;
  /** Milliseconds between two rounds of passing gossip on: a minute (BOLT 7), or next to nothing where everybody waits for it. */
  readonly gossipInterval: number;
}

type Row = Omit<Network, 'name' | 'chain'>;
const rows: Readonly<Record<ChainName, Row>> = {
  bitcoin: { coin: 0, encoding: encodings.bitcoin, rpcPort: 8332, peerPort: 9735, gossipInterval: 60_000 },
  testnet: { coin: 1, encoding: encodings.testnet, rpcPort: 18332, peerPort: 19735, gossipInterval: 60_000 },
  signet: { coin: 1, encoding: encodings.testnet, rpcPort: 38332, peerPort: 39735, gossipInterval: 60_000 },
  regtest: { coin: 1, encoding: encodings.regtest, rpcPort: 18443, peerPort: 19846, gossipInterval: 200 },
};

/** Everything about a network that is known by its name. */
export const networkOf = (name: ChainName): Network => ({ name, chain: chainHashOf[name], ...rows[name] });

/** What a chain is called: a network's name, or the hash's hex where it is none of ours. */
export const chainName = (chain: ChainHash): string => chainNameOf(chain) ?? hex(chain);
