/**
 * The seed's file: twelve BIP 39 words on one line, readable by its owner alone. It is made once and never rewritten:
 * losing it loses the money, so it comes to the disk before anything is derived from it.
 */
import { link, lstat, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { entropyToMnemonic, mnemonicToSeed, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { syncFolder, writeNew } from '../base/files.ts';
import { FileError } from '../base/fileserror.ts';
import type { Entropy } from '../ports/ports.ts';
import { WalletError } from './errors.ts';

/** A new BIP 39 sentence of twelve words from 16 bytes of entropy. */
export const newMnemonic = (entropy: Entropy): string => entropyToMnemonic(entropy.bytes(16), wordlist);

/** The 64-byte seed of a BIP 39 sentence, without passphrase. Throws RangeError when word or checksum is wrong. */
export const seedOf = async (mnemonic: string): Promise<Uint8Array> => {
  const words = mnemonic.trim().toLowerCase().split(/\s+/).join(' ');
  if (!validateMnemonic(words, wordlist)) throw new RangeError('expected 12 to 24 BIP 39 words with a right checksum');
  return mnemonicToSeed(words);
};

/** Whether the file is there. Throws FileError where that cannot be told. */
export const isSeedThere = async (path: string): Promise<boolean> => {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new FileError('look for', path, error);
  }
};

/** Makes the file, unless there is one. It has its name once it is whole: a power cut or a full disk leaves no half of a seed. */
const create = async (path: string, mnemonic: string): Promise<boolean> => {
  const next = `${path}.new`;
  if (await isSeedThere(path)) return false;
  try {
    await writeNew(next, `${mnemonic}\n`, 'w');
    // Unlike a renaming, this never takes the place of a file.
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
  /** True when the file has just been made, so the chain holds nothing for this seed yet. */
  readonly fresh: boolean;
}

/**
 * The seed in that file, which is made when it is not there; its folder must be. Throws WalletError `bad_seed` when the
 * file holds no valid sentence, FileError. Where a lab forces a seed, that is taken and the file left alone.
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
    return { seed: await seedOf(words), fresh };
  } catch (error) {
    if (error instanceof RangeError) throw new WalletError({ code: 'bad_seed', path, detail: error.message });
    throw error;
  }
};
