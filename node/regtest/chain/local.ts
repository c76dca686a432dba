/** A regtest chain in the process of a program, served to nodes as bitcoind serves one: all that a node needs to be tried. */
import { hex } from '../../../wire/bytes.ts';
import type { Sat, Txid } from '../../../wire/units.ts';
import { systemClock, systemEntropy } from '../../base/entropy.ts';
import { networkOf } from '../../ports/network.ts';
import { scriptOfAddress } from '../../wallet/address.ts';
import { faucetOf } from './faucet.ts';
import { openRegtest } from './regtest.ts';
import { serveChain } from './serve.ts';

/** Blocks until the faucet has some rewards to give, which ripen in 100. */
const firstBlocks = 110;

export interface LocalChain {
  /** For a node's option `bitcoind`; only with the name and password in it the chain can be called. */
  readonly url: string;
  /** Mines blocks, 1 unless told, and gives the chain's height. */
  mine(blocks?: number): number;
  /** Sends so many satoshi from block rewards to an address; a block has to be mined for it. Throws WalletError, ChainError. */
  pay(address: string, amount: Sat): Txid;
  /** Ends it; a node that runs on it waits for it to come back. */
  stop(): Promise<void>;
}

/** Starts a chain of 110 blocks, in memory. Throws NoInterpreter where bitcore-lib is not installed, ServeError. */
export const startChain = async (): Promise<LocalChain> => {
  const regtest = await openRegtest(systemClock);
  const faucet = faucetOf(regtest);
  const scriptOf = (address: string) => scriptOfAddress(address, networkOf('regtest'));
  const mine = (blocks = 1): number => {
    regtest.mine(blocks, scriptOf(faucet.address));
    return regtest.ledger.tip.height;
  };
  mine(firstBlocks);
  const login = `ampere:${hex(systemEntropy.bytes(16))}`;
  const where = { host: '127.0.0.1', port: 0 };
  const served = await serveChain({ regtest, clock: systemClock, ...where, logins: [login], stop: () => undefined });
  return {
    url: `http://${login}@${served.host}:${served.port}`,
    mine,
    pay: (address, amount) => faucet.give([{ script: scriptOf(address), amount }]),
    stop: () => served.close(),
  };
};
