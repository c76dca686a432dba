/** Before files run side by side that need a chain: one of them would fetch bitcoind while another one does. */
import { findChain } from '../../node/regtest/demo/chain.ts';
import { NoBitcoind } from '../../node/regtest/demo/find.ts';

export const setup = async (): Promise<void> => {
  try {
    await findChain({ progress: (line) => console.log(line) });
  } catch (error) {
    // Each file says so where it needs one.
    if (!(error instanceof NoBitcoind)) throw error;
  }
};
