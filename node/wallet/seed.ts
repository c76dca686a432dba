/**
 * The seed file: twelve BIP 39 words on one line, readable by its owner only. It is written once and never again: without it the money
 * is lost, so it is on disk before any key is derived from it.
 */
import { link, lstat, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { entropyToMnemonic, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { utf8 } from '../../wire/bytes.ts';
import { pbkdf2 } from '../../wire/crypto.ts';
import { syncFolder, writeNew } from '../base/files.ts';
import { FileError } from '../base/fileserror.ts';
import type { Entropy } from '../ports/ports.ts';
import { WalletError } from './errors.ts';

/** A new BIP 39 mnemonic of twelve words from 16 bytes of entropy. */
export const newMnemonic = (entropy: Entropy): string => entropyToMnemonic(entropy.bytes(16), wordlist);

/** BIP 39, "From mnemonic to seed": the rounds, and the salt where there is no passphrase. */
const ROUNDS = 2048;
const SALT = utf8('mnemonic');

/** The 64-byte seed of a BIP 39 mnemonic, without passphrase. Throws RangeError where a word or the checksum is wrong. */
export const seedOf = (mnemonic: string): Uint8Array => {
  // BIP 39 makes the seed of the words in NFKD: pasted ones may hold ligatures or wide letters, which the check of the words takes.
  const words = mnemonic.normalize('NFKD').trim().toLowerCase().split(/\s+/).join(' ');
  if (!validateMnemonic(words, wordlist)) throw new RangeError('expected 12 to 24 BIP 39 words with a valid checksum');
  return pbkdf2(utf8(words), SALT, ROUNDS);
};

/** Whether the file exists. Throws FileError where that cannot be determined. */
export const isSeedThere = async (path: string): Promise<boolean> => {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new FileError('look for', path, error);
  }
};

/** Creates the file, unless it exists. It gets its name once it is complete: a power cut or a full disk leaves no partial seed. */
const create = async (path: string, mnemonic: string): Promise<boolean> => {
  const next = `${path}.new`;
  if (await isSeedThere(path)) return false;
  try {
    await writeNew(next, `${mnemonic}\n`, 'w');
    // Unlike rename, link never replaces an existing file.
    await link(next, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    throw new FileError('write a seed to', path, error);
  } finally {
    await rm(next, { force: true });
  }
};

export interface OpenedSeed {
  readonly seed: Uint8Array;
  /** True when the file has just been created, so no block can hold coins of this seed. */
  readonly fresh: boolean;
}

/**
 * The seed in that file, which is created where there is none; its folder must exist. Throws WalletError `bad_seed` where the file has
 * no valid mnemonic, and FileError. A seed that an experiment on regtest forces is used instead, and the file is left alone.
 */
export const openSeed = async (
  path: string,
  entropy: Entropy,
  forced: Uint8Array | undefined = undefined,
): Promise<OpenedSeed> => {
  if (forced !== undefined) return { seed: forced, fresh: false };
  const fresh = await create(path, newMnemonic(entropy));
  const words = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new FileError('read the seed in', path, error);
  });
  try {
    return { seed: seedOf(words), fresh };
  } catch (error) {
    if (error instanceof RangeError) throw new WalletError({ code: 'bad_seed', path, detail: error.message });
    throw error;
  }
};
