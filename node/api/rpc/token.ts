/** The secret that opens the HTTP and WebSocket API: 32 random bytes as hex in a file only its owner can read. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { equalConstantTime, hex, utf8 } from '../../../wire/bytes.ts';
import { makeFolder } from '../../base/files.ts';
import { FileError } from '../../base/fileserror.ts';
import { ListenError } from '../../base/listenerror.ts';
import type { Entropy } from '../../ports/ports.ts';

const code = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The token in the file, which is made (mode 0600) if there is none. Throws ListenError `bad_token_file`, FileError. */
export const tokenIn = async (path: string, entropy: Entropy): Promise<string> => {
  const unreadable = (error: unknown): never => {
    throw new FileError('read the token file', path, error);
  };
  await makeFolder(dirname(path));
  try {
    await writeFile(path, `${hex(entropy.bytes(32))}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (code(error) !== 'EEXIST') throw new FileError('make the token file', path, error);
  }
  const { mode } = await stat(path).catch(unreadable);
  if ((mode & 0o077) !== 0)
    throw new ListenError('bad_token_file', `${path} can be read by others: chmod 600 it, or delete it for a new one`);
  const token = (await readFile(path, 'utf8').catch(unreadable)).trim();
  if (!/^[0-9a-f]{64}$/.test(token))
    throw new ListenError('bad_token_file', `${path}: expected 64 hex digits; delete it for a new one`);
  return token;
};

/** Whether a caller's token is ours, in a time that tells nothing about it. */
export const isToken = (given: string, token: string): boolean => equalConstantTime(utf8(given), utf8(token));
