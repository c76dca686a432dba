/**
 * The format of a backup file and its encryption:
 *
 *     magic 8 | version 1 | chain_hash 32 | seed_id 8 | nonce 12 | ChaCha20-Poly1305 of the contents, tag included
 *
 * The key is derived from the node's seed, the nonce is random for each file, and everything before the contents is authenticated with
 * them. The seed_id, a hash of the seed that reveals nothing of it, tells a backup of another seed from a damaged file.
 */

import { forcedRecord, staticRecord } from '../../channel/model/records.ts';
import type { StaticChannel } from '../../channel/model/state.ts';
import { concat, equal, text, utf8 } from '../../wire/bytes.ts';
import {
  bytes16,
  type Codec,
  decode,
  encode,
  list,
  map,
  optional,
  Reader,
  struct,
  u8,
  u16,
  u32,
  u64,
  WireError,
} from '../../wire/codec.ts';
import { open, seal } from '../../wire/crypto.ts';
import { type ChainHash, chainHash } from '../../wire/units.ts';
import { chainName, type Network } from '../ports/network.ts';
import type { Address, Entropy } from '../ports/ports.ts';
import type { NodeKeys } from '../wallet/keys.ts';
import { BackupError } from './errors.ts';

/** Addresses of a peer in a backup, at most, the best first: a node may announce thousands. */
export const MOST_ADDRESSES = 16;

/** A channel, and addresses of its peer. */
export interface BackedUp extends StaticChannel {
  readonly addresses: readonly Address[];
}

export interface Contents {
  /** Seconds since 1970. */
  readonly time: number;
  /** Receiving and change addresses of the wallet in use: after a recovery it looks for coins at all of them. */
  readonly addresses: readonly [given: number, change: number];
  readonly channels: readonly BackedUp[];
}

/** The key and id for the backups of a node. */
export interface BackupKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 8 bytes. */
  readonly seedId: Uint8Array;
  readonly network: Network;
}

export const backupKey = (keys: NodeKeys, network: Network): BackupKey => ({
  key: keys.labelled('backup'),
  seedId: keys.labelled('backup seed id').subarray(0, 8),
  network,
});

const MAGIC = utf8('ampereCB');
const VERSION = 1;
const lengths = { magic: 8, version: 1, chainHash: 32, seedId: 8, nonce: 12, tag: 16 } as const;
const HEADER = lengths.magic + lengths.version + lengths.chainHash + lengths.seedId + lengths.nonce;

const address: Codec<Address> = struct({ host: map(bytes16, text, utf8), port: u16 });
const channel: Codec<BackedUp> = map(
  struct({ static: staticRecord, forced: optional(forcedRecord), addresses: list(u8, address) }),
  ({ static: { params, funding }, forced, addresses }) => ({
    params: forced === undefined ? params : { ...params, forced },
    funding,
    addresses,
  }),
  ({ params, funding, addresses }) => ({ static: { params, funding }, forced: params.forced, addresses }),
);
const contentsCodec: Codec<Contents> = map(
  struct({ time: u64, given: u32, change: u32, channels: list(u32, channel) }),
  ({ time, given, change, channels }) => ({ time: Number(time), addresses: [given, change] as const, channels }),
  ({ time, addresses: [given, change], channels }) => ({ time: BigInt(time), given, change, channels }),
);

/** The contents as they are encrypted, to tell whether anything changed. */
export const encodeContents = (contents: Contents): Uint8Array => encode(contentsCodec, contents);

/** A backup file with these contents. */
export const sealBackup = (contents: Contents, { key, seedId, network }: BackupKey, entropy: Entropy): Uint8Array => {
  const nonce = entropy.bytes(lengths.nonce);
  const header = concat(MAGIC, Uint8Array.of(VERSION), network.chain, seedId, nonce);
  return concat(header, seal(key, nonce, header, encodeContents(contents)));
};

/** Whether a file begins as a backup does, of whatever node. */
export const isBackup = (file: Uint8Array): boolean => equal(file.subarray(0, lengths.magic), MAGIC);

/** What a backup says without being opened. Throws BackupError. */
export const backupHeader = (
  file: Uint8Array,
): { readonly version: number; readonly chain: ChainHash; readonly seedId: Uint8Array; readonly nonce: Uint8Array } => {
  if (!isBackup(file)) throw new BackupError({ code: 'no_backup' });
  if (file.length < HEADER + lengths.tag)
    throw new BackupError({ code: 'damaged', detail: `the file ends after ${file.length} bytes` });
  const reader = new Reader(file.subarray(lengths.magic));
  const version = reader.uint(lengths.version);
  if (version > VERSION) throw new BackupError({ code: 'newer_version', found: version, supported: VERSION });
  if (version !== VERSION)
    throw new BackupError({ code: 'damaged', detail: `version: there never was a version ${version}` });
  const chain = chainHash(reader.bytes(lengths.chainHash));
  const seedId = reader.bytes(lengths.seedId);
  return { version, chain, seedId, nonce: reader.bytes(lengths.nonce) };
};

/** The contents of a backup file. Throws BackupError. */
export const openBackup = (file: Uint8Array, { key, seedId, network }: BackupKey): Contents => {
  const { chain, seedId: madeWith, nonce } = backupHeader(file);
  if (!equal(chain, network.chain))
    throw new BackupError({ code: 'other_network', found: chainName(chain), expected: network.name });
  if (!equal(madeWith, seedId)) throw new BackupError({ code: 'other_seed' });
  const plain = open(key, nonce, file.subarray(0, HEADER), file.subarray(HEADER));
  if (plain === undefined)
    throw new BackupError({ code: 'damaged', detail: 'its contents were changed after it was written' });
  try {
    return decode(contentsCodec, plain);
  } catch (error) {
    if (error instanceof WireError) throw new BackupError({ code: 'damaged', detail: error.message });
    throw error;
  }
};
