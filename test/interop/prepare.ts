/** Before the tests with other implementations: what takes long to get is got once, by one process. */
import { setup as fetchChain } from '../support/fetchchain.ts';
import { buildLnd } from './peers/lndbuild.ts';

/** Set where peers may be built; elsewhere a file of tests begins at once, with what is there. */
export const buildVariable = 'AMPERE_INTEROP_BUILD';

export const setup = async (): Promise<void> => {
  await fetchChain();
  const wanted = process.env[buildVariable] ?? '';
  if (!wanted.split(',').includes('lnd')) return;
  try {
    await buildLnd((line) => console.log(line));
  } catch (error) {
    // Its tests are skipped and say why.
    console.warn(error instanceof Error ? error.message : String(error));
  }
};
