/**
 * A chain to run nodes on: bitcoind where one can be had, else the chain this program brings along. Which one it is stands
 * in `version`, and is said.
 */

import { version } from '../../base/version.ts';
import { loadScripts, NoInterpreter } from '../chain/script.ts';
import { type FindOptions, type FoundBitcoind, findBitcoind, NoBitcoind } from './find.ts';
import { program } from './process.ts';

/** What BITCOIND is set to by those who want the embedded chain even where there is a bitcoind. */
export const embeddedName = 'embedded';

const embedded: FoundBitcoind = {
  command: [process.execPath, program, 'chain'],
  source: 'embedded',
  version: `embedded chain of Ampere v${version}, no bitcoind`,
};

/**
 * As findBitcoind, with the embedded chain as the last resort, or at once where BITCOIND says "embedded". A BITCOIND that
 * does not run is still an error. Throws NoBitcoind with everything that was tried.
 */
export const findChain = async (options: FindOptions = {}): Promise<FoundBitcoind> => {
  const { env = process.env, progress } = options;
  const named = (env['BITCOIND'] ?? '').trim();
  let tried: readonly string[] = [];
  if (named !== embeddedName) {
    try {
      return await findBitcoind(options);
    } catch (error) {
      if (!(error instanceof NoBitcoind) || named !== '') throw error;
      tried = error.tried;
    }
  }
  try {
    await loadScripts();
  } catch (error) {
    if (!(error instanceof NoInterpreter)) throw error;
    throw new NoBitcoind([...tried, error.message]);
  }
  const why = tried.at(-1)?.replaceAll(/\s+/g, ' ');
  if (why !== undefined) progress?.(`no bitcoind can be had (${why}), so the embedded chain stands in`);
  return embedded;
};
