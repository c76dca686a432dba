/** Transactions, outputs and the mempool, as bitcoind's JSON-RPC has them. */
import { hex } from '../../../wire/bytes.ts';
import { ChainError } from '../../chain/errors.ts';
import { outpointKey } from '../../chain/watchrules.ts';
import { readTransaction } from './block.ts';
import {
  bad,
  bytes,
  code,
  hash,
  internal,
  type Method,
  maxFeeOf,
  placed,
  RpcFault,
  whole,
  withRpcFaults,
} from './rpcparams.ts';
import { btc, displayed, shownEntry, shownScript, shownTransaction } from './shown.ts';

export const transactionMethods = {
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
    const { ledger, pool } = context.regtest;
    const id = hash(params, 0);
    const waiting = params[2] === undefined || params[2] === null ? pool.get(hex(internal(id)))?.tx : undefined;
    const block = typeof params[2] === 'string' ? placed(context, params[2]) : ledger.blockWith(hex(internal(id)));
    const tx = waiting ?? block?.transactions.find((one) => displayed(one.txid) === id)?.tx;
    if (tx === undefined)
      throw new RpcFault(
        code.notFound,
        'No such mempool or blockchain transaction. Use gettransaction for wallet transactions.',
      );
    if (params[1] === undefined || params[1] === 0 || params[1] === false) return tx.toHex();
    if (waiting !== undefined || block === undefined) return shownTransaction(tx);
    const confirmations = ledger.counts(block) ? ledger.tip.height - block.height + 1 : 0;
    return { ...shownTransaction(tx), blockhash: block.hash, confirmations, time: block.time, blocktime: block.time };
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
    const { tx, became } = withRpcFaults(() => regtest.send(raw, most));
    if (became === 'mined') throw new RpcFault(code.mined, 'Transaction outputs already in utxo set');
    return tx.getId();
  },
  testmempoolaccept: ([transactions, maxFeerate], { regtest }) => {
    const most = maxFeeOf(maxFeerate);
    if (!Array.isArray(transactions) || transactions.length !== 1) throw bad(0, 'one transaction');
    const raw = bytes(transactions, 0);
    const tx = withRpcFaults(() => readTransaction(raw));
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
    const ids = [parent, child].map((raw) => withRpcFaults(() => readTransaction(raw)));
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
} satisfies Readonly<Record<string, Method>>;
