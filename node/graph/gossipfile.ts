/** Opening the file of gossip: whatever is wrong with it, the node starts. */
import type { ChainHash } from '../../wire/units.ts';
import { reasonOf } from '../base/fileserror.ts';
import type { Entropy, GossipFiles, GrowingFile, Log } from '../ports/ports.ts';
import { checkTornHeader, GossipFileError, HEADER, headerWith, newSalt, readHeader } from './gossiprecords.ts';

export interface GossipFileParts {
  readonly files: GossipFiles;
  readonly chain: ChainHash;
  readonly entropy: Entropy;
  readonly log: Log;
}

/** An open file, the number that its checksums begin with, and its end. */
interface Opened {
  readonly file: GrowingFile;
  readonly salt: number;
  readonly end: number;
}

const opened = async ({ files, chain, entropy }: GossipFileParts): Promise<Opened> => {
  const file = await files.open();
  try {
    const header = new Uint8Array(HEADER);
    const read = file.read(0, header);
    if (file.size >= HEADER) return { file, salt: readHeader(header, chain, files.path), end: file.size };
    // New, or a crash came before the header was written whole.
    checkTornHeader(header.subarray(0, read), chain, files.path);
    const salt = newSalt(entropy);
    await file.truncate(0);
    await file.write(0, headerWith(chain, salt));
    return { file, salt, end: HEADER };
  } catch (error) {
    await file.close();
    throw error;
  }
};

/**
 * Opens the file, and begins it where it is new. One that this node cannot have written is set aside. Where the disk refuses, there is
 * none; never rejects.
 */
export const openGossipFile = async (parts: GossipFileParts): Promise<Opened | undefined> => {
  const { files, log } = parts;
  try {
    return await opened(parts).catch(async (error: unknown) => {
      if (!(error instanceof GossipFileError)) throw error;
      const aside = await files.setAside();
      log.warn(
        { reason: error.message, file: aside },
        'a file of gossip was set aside, and a new one is begun: the network is asked for again',
      );
      return opened(parts);
    });
  } catch (error) {
    log.warn(
      { file: files.path, reason: reasonOf(error) },
      'gossip is not stored, since its file cannot be used: the network is asked for again at each start',
    );
    return undefined;
  }
};
