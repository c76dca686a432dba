/**
 * The part of bitcoind's JSON-RPC that nodes and tests use, over a chain in this process. Names, parameters, results and error codes are
 * bitcoind's; any other method is answered with -32601, as bitcoind answers unknown methods.
 */
import { hex, reversed, unhex } from '../../../wire/bytes.ts';
import { sat } from '../../../wire/units.ts';
import { ChainError } from '../../chain/errors.ts';
import { scaled } from '../../chain/json.ts';
import { outpointKey } from '../../chain/watchrules.ts';
import { networkOf } from '../../ports/network.ts';
import type { Clock } from '../../ports/ports.ts';
import { scriptOfAddress } from '../../wallet/address.ts';
import { WalletError } from '../../wallet/errors.ts';
import { readTransaction } from './block.ts';
import type { Faucet } from './faucet.ts';
import type { Placed } from './ledger.ts';
import { defaultMaxFee } from './policy.ts';
import type { Regtest } from './regtest.ts';
import {
  btc,
  displayed,
  shownBlock,
  shownEnd,
  shownEntry,
  shownHeader,
  shownScript,
  shownTransaction,
} from './shown.ts';

/** An error as bitcoind answers it. */
export class RpcFault extends Error {
  override readonly name = 'RpcFault';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** bitcoind's error codes. */
const code = {
  misc: -1,
  wallet: -4,
  notFound: -5,
  noFunds: -6,
  badParameter: -8,
  undecodable: -22,
  verify: -25,
  refused: -26,
  mined: -27,
  noMethod: -32601,
} as const;

export interface RpcContext {
  readonly regtest: Regtest;
  readonly faucet: Faucet;
  readonly clock: Pick<Clock, 'after'>;
  /** Stops the server after the answer. */
  readonly stop: () => void;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

type Params = readonly unknown[];
type Method = (params: Params, context: RpcContext) => unknown;

const network = networkOf('regtest');
const hashForm = /^[0-9a-f]{64}$/;
const bytesForm = /^(?:[0-9a-fA-F]{2})*$/;

const bad = (at: number, expected: string): RpcFault =>
  new RpcFault(code.badParameter, `parameter ${at + 1}: expected ${expected}`);

const text = (params: Params, at: number, form: RegExp, expected: string): string => {
  const value = params[at];
  if (typeof value !== 'string' || !form.test(value)) throw bad(at, expected);
  return value;
};
const hash = (params: Params, at: number): string => text(params, at, hashForm, '64 lower-case hex digits');
const bytes = (params: Params, at: number): Uint8Array => unhex(text(params, at, bytesForm, 'hex digits'));
const whole = (params: Params, at: number, fallback?: number): number => {
  const value = params[at] ?? fallback;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw bad(at, 'an integer');
  return value;
};
const scriptOf = (address: unknown): Uint8Array => {
  try {
    return scriptOfAddress(String(address), network);
  } catch {
    throw new RpcFault(code.notFound, 'Invalid address');
  }
};
const satoshi = (amount: unknown): ReturnType<typeof sat> => {
  if (typeof amount !== 'string' && typeof amount !== 'number') throw new RpcFault(-3, 'Invalid amount');
  try {
    return sat(scaled(amount, 8));
  } catch {
    throw new RpcFault(-3, 'Invalid amount');
  }
};
/** A maxfeerate, BTC per 1,000 vbytes, in satoshi; bitcoind's default where none is given. */
const maxFeeOf = (given: unknown): bigint => {
  if (given === undefined || given === null) return defaultMaxFee;
  const most = satoshi(given);
  if (most >= 100_000_000n)
    throw new RpcFault(code.badParameter, 'Fee rates larger than or equal to 1BTC/kvB are not accepted');
  return most;
};
const internal = (id: string): Uint8Array => reversed(unhex(id));

const placed = ({ regtest }: RpcContext, at: string): Placed => {
  try {
    return regtest.ledger.get(at);
  } catch {
    throw new RpcFault(code.notFound, 'Block not found');
  }
};

/** A rejected transaction or block with bitcoind's error code. */
const judged = <T>(act: () => T): T => {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof ChainError) || error.fault.code !== 'rejected') throw error;
    const { message } = error.fault;
    if (message.startsWith('TX decode')) throw new RpcFault(code.undecodable, message);
    // What a package says in its result is an error of its own when one transaction is sent.
    if (message === 'max feerate exceeded')
      throw new RpcFault(code.verify, 'Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)');
    throw new RpcFault(/missingorspent/.test(message) ? code.verify : code.refused, message);
  }
};

/** Resolves with the tip once it is another than `seen`, or after so many milliseconds (0: never). */
const newBlock = ({ regtest, clock, signal }: RpcContext, timeout: number, seen: string): Promise<unknown> =>
  new Promise((resolve) => {
    const done = (): void => {
      cancel();
      deaf();
      signal.removeEventListener('abort', done);
      const { height, hash: tip } = regtest.ledger.tip;
      resolve({ hash: tip, height });
    };
    const cancel = timeout > 0 ? clock.after(timeout, done) : () => undefined;
    const deaf = regtest.onTip(done);
    signal.addEventListener('abort', done);
    if (signal.aborted || regtest.ledger.tip.hash !== seen) done();
  });

const give = (faucet: Faucet, amounts: readonly (readonly [address: string, amount: unknown])[]): string => {
  const outputs = amounts.map(([address, amount]) => ({ script: scriptOf(address), amount: satoshi(amount) }));
  try {
    return displayed(judged(() => faucet.give(outputs)));
  } catch (error) {
    if (error instanceof WalletError) throw new RpcFault(code.noFunds, error.message);
    throw error;
  }
};

export const methods: Readonly<Record<string, Method>> = {
  getblockchaininfo: (_, { regtest: { ledger } }) => ({
    chain: 'regtest',
    blocks: ledger.tip.height,
    headers: ledger.tip.height,
    bestblockhash: ledger.tip.hash,
    time: ledger.tip.time,
    mediantime: ledger.tip.medianTime,
    initialblockdownload: false,
    verificationprogress: 1,
    pruned: false,
    warnings: [],
  }),
  getnetworkinfo: () => ({ subversion: '/ampere-embedded/', relayfee: btc(1_000n), incrementalfee: btc(1_000n) }),
  getblockcount: (_, { regtest }) => regtest.ledger.tip.height,
  getbestblockhash: (_, { regtest }) => regtest.ledger.tip.hash,
  getchaintips: (_, { regtest: { ledger } }) => ledger.ends().map((end) => shownEnd(end, ledger)),
  getblockhash: (params, { regtest }) => {
    const found = regtest.ledger.at(whole(params, 0));
    if (found === undefined) throw new RpcFault(code.badParameter, 'Block height out of range');
    return found.hash;
  },
  getblockheader: (params, context) => {
    const found = placed(context, hash(params, 0));
    return params[1] === false ? found.raw.toHex(true) : shownHeader(found, context.regtest);
  },
  getblock: (params, context) => {
    const found = placed(context, hash(params, 0));
    const verbosity = params[1] === false ? 0 : whole([params[1] === true ? 1 : params[1]], 0, 1);
    return verbosity === 0 ? found.raw.toHex() : shownBlock(found, context.regtest, verbosity === 1 ? 1 : 2);
  },
  waitfornewblock: (params, context) => {
    const seen = params[1] === undefined ? context.regtest.ledger.tip.hash : hash(params, 1);
    return newBlock(context, whole(params, 0, 0), seen);
  },

  gettxout: (params, { regtest: { ledger, pool } }) => {
    const id = internal(hash(params, 0));
    const key = outpointKey(id, whole(params, 1));
    const withPool = params[2] !== false;
    if (withPool && pool.spender(key) !== undefined) return null;
    const coin = ledger.coins.get(key) ?? (withPool ? pool.coin(key, ledger.next.height) : undefined);
    if (coin === undefined) return null;
    const { script, value, height, coinbase } = coin;
    const confirmations = ledger.tip.height - height + 1;
    const bestblock = ledger.tip.hash;
    return { bestblock, confirmations, value: btc(value), scriptPubKey: shownScript(script), coinbase };
  },
  gettxspendingprevout: ([outputs], { regtest }) => {
    if (!Array.isArray(outputs)) throw bad(0, 'a list of outputs');
    return outputs.map((output: { readonly txid?: unknown; readonly vout?: unknown } | null) => {
      const id = hash([output?.txid], 0);
      const vout = whole([output?.vout], 0);
      const spender = regtest.pool.spender(outpointKey(internal(id), vout));
      return { txid: id, vout, ...(spender && { spendingtxid: spender.tx.getId() }) };
    });
  },
  getrawtransaction: (params, context) => {
    const id = hash(params, 0);
    const waiting = context.regtest.pool.get(hex(internal(id)))?.tx;
    const inBlock = typeof params[2] === 'string' ? placed(context, params[2]).transactions : [];
    const tx = waiting ?? inBlock.find((one) => displayed(one.txid) === id)?.tx;
    if (tx === undefined) throw new RpcFault(code.notFound, 'No such mempool transaction. Give the hash of its block.');
    return params[1] === undefined || params[1] === 0 || params[1] === false ? tx.toHex() : shownTransaction(tx);
  },
  getrawmempool: ([verbose], { regtest }) => {
    const entries = regtest.pool.entries();
    if (verbose !== true) return entries.map(({ tx }) => tx.getId());
    return Object.fromEntries(entries.map((entry) => [entry.tx.getId(), shownEntry(entry, regtest)]));
  },
  getmempoolentry: (params, { regtest }) => {
    const entry = regtest.pool.get(hex(internal(hash(params, 0))));
    if (entry === undefined) throw new RpcFault(code.notFound, 'Transaction not in mempool');
    return shownEntry(entry, regtest);
  },
  getmempoolinfo: (_, { regtest }) => {
    const entries = regtest.pool.entries();
    const total = entries.reduce((sum, { vsize }) => sum + vsize, 0);
    return { loaded: true, size: entries.length, bytes: total, mempoolminfee: btc(1_000n), minrelaytxfee: btc(1_000n) };
  },
  estimatesmartfee: (params, { regtest: { demand } }) => {
    const blocks = whole(params, 0);
    return demand > 0
      ? { feerate: btc(BigInt(demand) * 4n), blocks }
      : { errors: ['Insufficient data or no feerate found'], blocks };
  },
  sendrawtransaction: (params, { regtest }) => {
    const raw = bytes(params, 0);
    const most = maxFeeOf(params[1]);
    const { tx, became } = judged(() => regtest.send(raw, most));
    if (became === 'mined') throw new RpcFault(code.mined, 'Transaction outputs already in utxo set');
    return tx.getId();
  },
  testmempoolaccept: ([transactions, maxFeerate], { regtest }) => {
    const most = maxFeeOf(maxFeerate);
    if (!Array.isArray(transactions) || transactions.length !== 1) throw bad(0, 'one transaction');
    const raw = bytes(transactions, 0);
    const tx = judged(() => readTransaction(raw));
    const ids = { txid: tx.getId(), wtxid: displayed(tx.getHash(true)) };
    const waits = regtest.pool.get(hex(tx.getHash())) !== undefined;
    if (waits) return [{ ...ids, allowed: false, 'reject-reason': 'txn-already-in-mempool' }];
    try {
      regtest.check(raw, most);
      return [{ ...ids, allowed: true }];
    } catch (error) {
      if (!(error instanceof ChainError) || error.fault.code !== 'rejected') throw error;
      return [{ ...ids, allowed: false, 'reject-reason': error.fault.message }];
    }
  },
  submitpackage: ([transactions, maxFeerate], { regtest }) => {
    const most = maxFeeOf(maxFeerate);
    if (!Array.isArray(transactions) || transactions.length !== 2) throw bad(0, 'a transaction and its child');
    const [parent, child] = [bytes(transactions, 0), bytes(transactions, 1)];
    const ids = [parent, child].map((raw) => judged(() => readTransaction(raw)));
    const answer = (message: string, errors: readonly (string | undefined)[]) => ({
      package_msg: message,
      'tx-results': Object.fromEntries(
        ids.map((tx, i) => [
          displayed(tx.getHash(true)),
          { txid: tx.getId(), ...(errors[i] !== undefined && { error: errors[i] }) },
        ]),
      ),
      'replaced-transactions': [],
    });
    try {
      regtest.sendPair(parent, child, most);
      return answer('success', []);
    } catch (error) {
      if (!(error instanceof ChainError) || error.fault.code !== 'rejected') throw error;
      const { message } = error.fault;
      // The parent may have been accepted although the child was not.
      const taken = regtest.pool.get(hex(ids[0]?.getHash() ?? new Uint8Array())) !== undefined;
      return answer('transaction failed', taken ? [undefined, message] : [message, 'bad-txns-inputs-missingorspent']);
    }
  },

  generatetoaddress: (params, { regtest }) => regtest.mine(whole(params, 0), scriptOf(params[1])),
  generateblock: ([address, transactions], { regtest }) => {
    if (!Array.isArray(transactions)) throw bad(1, 'a list of transactions');
    const only = transactions.map((one: unknown) => {
      const waiting = typeof one === 'string' && hashForm.test(one) ? regtest.pool.get(hex(internal(one))) : undefined;
      return waiting === undefined ? bytes([one], 0) : new Uint8Array(waiting.tx.toBuffer());
    });
    const [made] = judged(() => regtest.mine(1, scriptOf(address), { only }));
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
};

/** Calls a method. Throws RpcFault. */
export const callMethod = async (name: string, params: Params, context: RpcContext): Promise<unknown> => {
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method === undefined) throw new RpcFault(code.noMethod, 'Method not found');
  return method(params, context);
};

/** An error of any kind as bitcoind would answer it. */
export const faultOf = (error: unknown): RpcFault =>
  error instanceof RpcFault ? error : new RpcFault(code.misc, error instanceof Error ? error.message : String(error));
