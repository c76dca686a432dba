/**
 * Blocks and coins on regtest, from a wallet of the chain's own. Nothing here touches another network: what is asked for is refused
 * unless the chain says that it is regtest.
 */
import { z } from 'zod';
import { ChainError } from '../../chain/errors.ts';
import { scaled } from '../../chain/json.ts';
import { openRpc, type RpcOptions } from '../../chain/rpc.ts';
import { LabError } from './laberror.ts';

/** The wallet, of bitcoind's own kind. */
export const faucetWallet = 'faucet';
/** The most blocks of one request, and of one call. */
export const mostBlocks = 10_000;
const blocksAtOnce = 50;
/** Blocks until a reward can be spent. */
const maturity = 100;
/** sat/vB of what it sends. */
const feerate = 5;
/** bitcoind's errors: no such method, the wallet exists or is loaded already, no such wallet. */
const [noMethod, walletThere, walletLoaded] = [-32601, -4, -35];

export interface Faucet {
  height(): Promise<number>;
  /** Mines blocks, and gives the height then. */
  mine(blocks: number): Promise<number>;
  /** Sends satoshi to addresses in one transaction, unconfirmed; mines what the faucet needs first. Gives the txid. */
  give(outputs: ReadonlyMap<string, bigint>): Promise<string>;
  close(): void;
}

const btc = (sat: bigint): string => `${sat / 100_000_000n}.${String(sat % 100_000_000n).padStart(8, '0')}`;

const isError = (error: unknown, ...codes: readonly number[]): boolean =>
  error instanceof ChainError && error.fault.code === 'refused' && codes.includes(error.fault.rpcCode);

/** The faucet of a chain. Throws LabError `not_regtest`, and ChainError where it does not answer. */
export const openFaucet = async (options: RpcOptions): Promise<Faucet> => {
  const node = openRpc(options);
  try {
    const { chain } = await node.call('getblockchaininfo', [], z.object({ chain: z.string() }));
    if (chain !== 'regtest')
      throw new LabError(
        { code: 'not_regtest', network: chain },
        `bitcoind at ${node.where} is on ${chain}: blocks are mined and coins given on regtest alone`,
      );
    try {
      // Loaded again whenever bitcoind starts.
      await node.call('createwallet', [faucetWallet, false, false, '', false, true, true], z.unknown());
    } catch (error) {
      if (!isError(error, walletThere)) throw error;
      await node.call('loadwallet', [faucetWallet], z.unknown()).catch((reason: unknown) => {
        if (!isError(reason, walletLoaded, walletThere, noMethod)) throw reason;
      });
    }
  } finally {
    node.close();
  }
  const rpc = openRpc({ ...options, wallet: faucetWallet, timeout: 60_000 });
  const height = () => rpc.call('getblockcount', [], z.number());
  const mine = async (blocks: number): Promise<number> => {
    const address = await rpc.call('getnewaddress', [], z.string());
    for (let left = blocks; left > 0; left -= blocksAtOnce)
      await rpc.call('generatetoaddress', [Math.min(left, blocksAtOnce), address], z.unknown());
    // bitcoind keeps new blocks in memory for a long time, and nodes that know them would outlive them. This writes them to disk.
    await rpc.call('gettxoutsetinfo', ['none'], z.unknown()).catch((error: unknown) => {
      if (!isError(error, noMethod)) throw error;
    });
    return height();
  };
  /** Satoshi it can send now. */
  const balance = async (): Promise<bigint> =>
    scaled(await rpc.call('getbalance', [], z.union([z.string(), z.number()])), 8);
  const give = async (outputs: ReadonlyMap<string, bigint>): Promise<string> => {
    const wanted = [...outputs.values()].reduce((sum, one) => sum + one, 0n) + 1_000_000n;
    if ((await balance()) < wanted) await mine(maturity + 1);
    // Rewards get less, so that one more may not be enough.
    if ((await balance()) < wanted) await mine(maturity);
    const have = await balance();
    if (have < wanted)
      throw new LabError(
        { code: 'refused', by: 'the faucet' },
        `the faucet has ${have} sat, and ${wanted} sat are needed with fees; ask for less, or mine more blocks`,
      );
    const amounts = Object.fromEntries([...outputs].map(([address, sat]) => [address, btc(sat)]));
    const rest = [1, '', [], false, null, null, feerate];
    return rpc.call('sendmany', ['', amounts, ...rest], z.string());
  };
  return { height, mine, give, close: () => rpc.close() };
};
