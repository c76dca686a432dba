/** Coins for the wallets of peers, from the wallet of the bitcoind that they are on. */
import type { RunningBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { until } from '../../node/regtest/demo/wait.ts';

/** Satoshi as bitcoind wants them. */
const btc = (sat: bigint): string => `${sat / 100_000_000n}.${String(sat % 100_000_000n).padStart(8, '0')}`;

/**
 * Sends a coin of this size, in satoshi, and resolves once it is in bitcoind's mempool: what its wallet has not brought in there yet misses
 * the next block, and whoever waits for the coin waits for a block that nobody mines. Throws TooLate.
 */
export const sendCoin = async (bitcoind: RunningBitcoind, address: string, sat: bigint): Promise<void> => {
  const txid = await bitcoind.call('sendtoaddress', address, btc(sat));
  await until('a coin to be in the mempool', () => bitcoind.call('getmempoolentry', txid));
};
