/** Mining, reorgs, and the faucet in the place of bitcoind's wallet, as bitcoind's JSON-RPC has them. */
import { hex } from '../../../wire/bytes.ts';
import { ChainError } from '../../chain/errors.ts';
import { WalletError } from '../../wallet/errors.ts';
import type { Faucet } from './faucet.ts';
import {
  bad,
  bytes,
  code,
  hash,
  hashForm,
  internal,
  type Method,
  placed,
  RpcFault,
  satoshi,
  scriptOf,
  whole,
  withRpcFaults,
} from './rpcparams.ts';
import { btc, displayed } from './shown.ts';

const give = (faucet: Faucet, amounts: readonly (readonly [address: string, amount: unknown])[]): string => {
  const outputs = amounts.map(([address, amount]) => ({ script: scriptOf(address), amount: satoshi(amount) }));
  try {
    return displayed(withRpcFaults(() => faucet.give(outputs)));
  } catch (error) {
    if (error instanceof WalletError) throw new RpcFault(code.noFunds, error.message);
    throw error;
  }
};

export const labMethods = {
  generatetoaddress: (params, { regtest }) => regtest.mine(whole(params, 0), scriptOf(params[1])),
  generateblock: ([address, transactions], { regtest }) => {
    if (!Array.isArray(transactions)) throw bad(1, 'a list of transactions');
    const only = transactions.map((one: unknown) => {
      const waiting = typeof one === 'string' && hashForm.test(one) ? regtest.pool.get(hex(internal(one))) : undefined;
      return waiting === undefined ? bytes([one], 0) : new Uint8Array(waiting.tx.toBuffer());
    });
    const [made] = withRpcFaults(() => regtest.mine(1, scriptOf(address), { only }));
    return { hash: made };
  },
  submitblock: (params, { regtest }) => {
    const raw = bytes(params, 0);
    try {
      regtest.submit(raw);
      return null;
    } catch (error) {
      // A bad block is no error of the call: its reason is the result.
      if (error instanceof ChainError && error.fault.code === 'rejected') return error.fault.message;
      throw error;
    }
  },
  invalidateblock: (params, context) => {
    context.regtest.invalidate(placed(context, hash(params, 0)).hash);
    return null;
  },
  reconsiderblock: (params, context) => {
    context.regtest.reconsider(placed(context, hash(params, 0)).hash);
    return null;
  },
  createwallet: ([name]) => ({ name: String(name), warning: '' }),
  getnewaddress: (_, { faucet }) => faucet.address,
  getbalance: (_, { faucet }) => btc(faucet.balance()),
  sendtoaddress: ([address, amount], { faucet }) => give(faucet, [[String(address), amount]]),
  sendmany: ([, amounts], { faucet }) => {
    if (typeof amounts !== 'object' || amounts === null) throw bad(1, 'amounts by address');
    return give(faucet, Object.entries(amounts));
  },
  stop: (_, { stop }) => {
    stop();
    return 'the embedded chain is stopping';
  },
} satisfies Readonly<Record<string, Method>>;
