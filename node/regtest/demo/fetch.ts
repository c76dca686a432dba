/** Prints the command line that runs bitcoind on this machine, fetching it first where need be. */
import { findBitcoind, NoBitcoind } from './find.ts';

try {
  const found = await findBitcoind({ progress: (line) => console.error(line) });
  console.error(`${found.version} (${found.source})`);
  console.log(found.command.join(' '));
} catch (error) {
  if (!(error instanceof NoBitcoind)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
