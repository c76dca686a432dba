/**
 * The Chain port over bitcoind's JSON-RPC. Nothing is cached but the transaction ids of a few blocks, since bitcoind may
 * stop and start again at any time.
 */

import { Transaction } from 'bitcoinjs-lib';
import { z } from 'zod';
import { equal, hex, reversed, unhex } from '../../wire/bytes.ts';
import { type ChainHash, chainHash, FEERATE_FLOOR, sat, type Txid } from '../../wire/units.ts';
import { chainName } from '../ports/network.ts';
import type { Chain, Clock, Log, Outpoint, Tip } from '../ports/ports.ts';
import { bitcoindBlocks } from './blocks.ts';
import { ChainError, isFeeTooLow, rejectedError } from './errors.ts';
import { scaled } from './json.ts';
import { subscribeRawTx } from './rawtx.ts';
import type { Rpc, RpcOptions } from './rpc.ts';
import { bytes, failedWith, hash, rpcCode, txidOf } from './rpc.ts';
import { openPrioritizedRpc } from './rpcpriority.ts';

/** The feerate, sat per 1,000 weight, while bitcoind has no estimate: always on regtest, and just after it started. */
export const fallbackFeerate = 2500;
/** An estimate that is never equal to `fallbackFeerate`, so that the fallback value alone says that there is no estimate. */
export const distinctEstimate = (feerate: number): number => {
  const relayed = Math.max(FEERATE_FLOOR, feerate);
  return relayed === fallbackFeerate ? relayed + 1 : relayed;
};

/**
 * The maxfeerate for sendrawtransaction, in BTC per 1,000 vbytes: none. bitcoind's default of 0.1 BTC is a guard against mistakes, but
 * an urgent child of a large commitment may pay far more. Whoever builds a transaction limits its fee: claims by the amount at
 * stake, the wallet by its highest feerate.
 */
const ANY_FEERATE = 0;

/** Highest feerate that an answer may have, sat per 1,000 vbytes: thousands of times what was ever paid. */
const MOST_PER_KVB = 100_000_000n;

/** How long a call may wait in bitcoind for the next block, and how often to poll an older bitcoind; milliseconds. */
const longPoll = 10_000;
const shortPoll = 1_000;
/** Blocks whose transaction ids are cached, so that checking several channels of one block asks for it once. */
const rememberedBlocks = 16;

/** A decimal number of bitcoins. Anything else makes the answer invalid. */
const bitcoins = z.union([z.string(), z.number()]).transform((value, ctx): bigint => {
  try {
    return scaled(value, 8);
  } catch (error) {
    ctx.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});
const amount = bitcoins.refine((value) => value >= 0n, 'expected no less than nothing').transform(sat);
/** BTC per 1,000 vbytes as sat per 1,000 weight, rounded up. */
const rate = bitcoins
  .refine((value) => value <= MOST_PER_KVB, 'expected at most 1 BTC per 1,000 vbytes')
  .transform((value) => Number((value + 3n) / 4n));
const output = z.object({
  confirmations: z.number().int(),
  value: amount,
  scriptPubKey: z.object({ hex: bytes }),
  coinbase: z.boolean(),
});

const chainInfo = z.object({
  chain: z.string(),
  blocks: z.number().int().nonnegative(),
  headers: z.number().int().nonnegative(),
  bestblockhash: hash,
  initialblockdownload: z.boolean(),
});
/** Headers that bitcoind may have ahead of its blocks without being behind. */
const HEADERS_FIRST = 2;

/** What submitpackage says of each transaction, by witness id. */
const packageResult = z.object({
  package_msg: z.string().default('success'),
  'tx-results': z.record(z.string(), z.object({ txid: hash, error: z.string().optional() })),
});

/** What testmempoolaccept says of each transaction. */
const verdict = z.array(z.object({ allowed: z.boolean(), 'reject-reason': z.string().default('refused') }));

/** Whether a transaction is rejected because bitcoind has it already. */
const isKnownAlready = (message: string): boolean => /already[- ](?:in|known)/i.test(message);

/** Parses a transaction from bitcoind. Throws ChainError. */
const parseTransaction = (raw: string): Transaction => {
  try {
    return Transaction.fromHex(raw);
  } catch (error) {
    throw new ChainError({ code: 'bad_answer', method: 'getrawtransaction', detail: `no transaction: ${error}` });
  }
};

export interface BitcoindOptions extends RpcOptions {
  readonly log: Log;
  readonly clock: Clock;
}

/** A Chain that asks the bitcoind at this address. Connects when first asked. */
export const bitcoindChain = (options: BitcoindOptions): Chain => {
  const { high: rpc, low } = openPrioritizedRpc(options);
  const { clock, log } = options;
  const idsOf = new Map<string, Promise<readonly string[]>>();
  let waits: 'past_tip' | 'any_block' | 'never' = 'past_tip';
  let saidFallback = false;

  const hashAt = async (height: number, by: Pick<Rpc, 'call'> = rpc): Promise<string | undefined> => {
    try {
      return await by.call('getblockhash', [height], hash);
    } catch (error) {
      if (failedWith(error, rpcCode.badParameter)) return undefined;
      throw error;
    }
  };

  const pause = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(shortPoll, () => end());
      const end = () => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      signal.addEventListener('abort', end);
    });

  const waitForChange = async (seen: string, signal: AbortSignal): Promise<void> => {
    if (signal.aborted || (await rpc.call('getbestblockhash', [], hash)) !== seen) return;
    if (waits === 'never') return pause(signal);
    // Only bitcoind 29 and later takes the tip we know; with an older one, a block between two calls is noticed one wait later.
    const params = waits === 'past_tip' ? [longPoll, seen] : [longPoll];
    try {
      await rpc.call('waitfornewblock', params, z.unknown(), { timeout: longPoll + 20_000, signal, idle: true });
    } catch (error) {
      if (signal.aborted) return;
      if (failedWith(error, rpcCode.noMethod)) waits = 'never';
      else if (waits === 'past_tip' && failedWith(error, rpcCode.misc, rpcCode.badParameter)) waits = 'any_block';
      else throw error;
    }
  };

  const broadcast = async (tx: Uint8Array): Promise<void> => {
    try {
      await rpc.call('sendrawtransaction', [hex(tx), ANY_FEERATE], hash);
    } catch (error) {
      if (!(error instanceof ChainError) || error.fault.code !== 'refused') throw error;
      const { message } = error.fault;
      if (error.fault.rpcCode === rpcCode.alreadyMined || isKnownAlready(message)) return;
      throw rejectedError(message);
    }
  };

  const testAccept = async (tx: Uint8Array): Promise<void> => {
    const verdicts = await rpc
      .call('testmempoolaccept', [[hex(tx)], ANY_FEERATE], verdict)
      .catch((error: unknown): never => {
        if (!(error instanceof ChainError) || error.fault.code !== 'refused') throw error;
        throw rejectedError(error.fault.message);
      });
    for (const { allowed, 'reject-reason': reason } of verdicts)
      if (!allowed && !isKnownAlready(reason)) throw rejectedError(reason);
  };

  const submitPackage = async (parent: Uint8Array, child: Uint8Array): Promise<void> => {
    const transactions = [hex(parent), hex(child)];
    const ask = (...more: readonly number[]) => rpc.call('submitpackage', [transactions, ...more], packageResult);
    const answer = await ask(ANY_FEERATE)
      // Before version 27 bitcoind has no such parameter, and no limit.
      .catch((error: unknown) => (failedWith(error, rpcCode.misc) ? ask() : Promise.reject(error)))
      .catch((error: unknown): never => {
        if (!(error instanceof ChainError) || error.fault.code !== 'refused') throw error;
        throw error.fault.rpcCode === rpcCode.noMethod ? error : rejectedError(error.fault.message);
      });
    const results = Object.values(answer['tx-results']);
    const idOf = (raw: Uint8Array): string => Transaction.fromBuffer(raw).getId();
    for (const id of [idOf(parent), idOf(child)]) {
      const refusal = results.find((one) => one.txid === id)?.error;
      if (refusal !== undefined) throw rejectedError(refusal);
    }
    if (answer.package_msg !== 'success') throw rejectedError(answer.package_msg);
  };

  const broadcastPackage = async (parent: Uint8Array, child: Uint8Array): Promise<void> => {
    try {
      await broadcast(parent);
    } catch (error) {
      if (!isFeeTooLow(error)) throw error;
      try {
        return await submitPackage(parent, child);
      } catch (again) {
        // A bitcoind before 26 has no packages: the parent's rejection stands.
        throw failedWith(again, rpcCode.noMethod) ? error : again;
      }
    }
    await broadcast(child);
  };

  const feerate = async (blocks: number): Promise<number> => {
    const answer = z.object({ feerate: rate.optional() });
    const { feerate: perWeight } = await rpc.call('estimatesmartfee', [blocks], answer);
    if (perWeight !== undefined) return distinctEstimate(perWeight);
    if (!saidFallback) log.info({ feerate: fallbackFeerate }, 'bitcoind has no fee estimate yet, using a fixed one');
    saidFallback = true;
    return fallbackFeerate;
  };

  const relayFeerate = async (): Promise<number> => {
    const answer = z.object({ mempoolminfee: rate, minrelaytxfee: rate.optional() });
    const { mempoolminfee, minrelaytxfee = 0 } = await rpc.call('getmempoolinfo', [], answer);
    return Math.max(FEERATE_FLOOR, mempoolminfee, minrelaytxfee);
  };

  const txidAt = async (height: number, txIndex: number): Promise<Txid | undefined> => {
    const at = await hashAt(height, low);
    if (at === undefined) return undefined;
    const known = idsOf.get(at);
    const asked = known ?? low.call('getblock', [at, 1], z.object({ tx: z.array(hash) })).then(({ tx }) => tx);
    if (known === undefined) {
      const oldest = idsOf.size >= rememberedBlocks ? idsOf.keys().next().value : undefined;
      if (oldest !== undefined) idsOf.delete(oldest);
      idsOf.set(at, asked);
      // What failed is asked for again by the next one.
      asked.catch(() => idsOf.get(at) === asked && idsOf.delete(at));
    }
    const id = (await asked)[txIndex];
    return id === undefined ? undefined : txidOf(id);
  };

  const displayed = (outpoint: Outpoint): string => hex(reversed(outpoint.txid));

  return {
    kind: 'bitcoind',
    genesis: async (): Promise<ChainHash> => chainHash(reversed(unhex(await rpc.call('getblockhash', [0], hash)))),
    tip: async (priority = 'high'): Promise<Tip> => {
      const by = priority === 'high' ? rpc : low;
      const info = await by.call('getblockchaininfo', [], chainInfo);
      const { bestblockhash, blocks, headers, initialblockdownload, chain } = info;
      // Not on regtest: time stands still between blocks, and invalidated blocks leave their headers behind.
      const isBehind = chain !== 'regtest' && (initialblockdownload || headers > blocks + HEADERS_FIRST);
      return { hash: bestblockhash, height: blocks, ...(isBehind && { isBehind }) };
    },
    hashAt: (height) => hashAt(height),
    ...bitcoindBlocks({ rpc, clock, log }),
    txidAt,
    waitForChange,
    testAccept,
    broadcast,
    broadcastPackage,
    feerate,
    relayFeerate,
    unspent: async (outpoint, priority = 'high', where = 'chain') => {
      const by = priority === 'high' ? rpc : low;
      const found = await by.call(
        'gettxout',
        [displayed(outpoint), outpoint.vout, where === 'mempool'],
        output.nullable(),
      );
      if (found === null) return undefined;
      const { confirmations, value, scriptPubKey, coinbase } = found;
      return { confirmations, amount: value, script: unhex(scriptPubKey.hex), coinbase };
    },
    mempoolSpender: async (outpoint) => {
      const question = [[{ txid: displayed(outpoint), vout: outpoint.vout }]];
      const answer = z.array(z.object({ spendingtxid: hash.optional() }));
      try {
        const spending = (await rpc.call('gettxspendingprevout', question, answer))[0]?.spendingtxid;
        if (spending === undefined) return undefined;
        return { txid: txidOf(spending), tx: parseTransaction(await rpc.call('getrawtransaction', [spending], bytes)) };
      } catch (error) {
        // An older bitcoind has no such method, or the transaction was mined or replaced between the two calls.
        if (failedWith(error, rpcCode.noMethod, rpcCode.notFound)) return undefined;
        throw error;
      }
    },
    mempoolSpenders: async (outpoints) => {
      if (outpoints.length === 0) return [];
      const question = [outpoints.map((outpoint) => ({ txid: displayed(outpoint), vout: outpoint.vout }))];
      const answer = z.array(z.object({ spendingtxid: hash.optional() }));
      try {
        const found = await rpc.call('gettxspendingprevout', question, answer);
        return outpoints.map((_, i) => {
          const id = found[i]?.spendingtxid;
          return id === undefined ? undefined : txidOf(id);
        });
      } catch (error) {
        if (failedWith(error, rpcCode.noMethod)) return outpoints.map(() => undefined);
        throw error;
      }
    },
    subscribeRawTx: (hear) => subscribeRawTx({ rpc, host: options.host, clock, log }, hear),
    mempoolFeerate: async (waiting) => {
      const answer = z.object({
        descendantsize: z.number().int().positive(),
        fees: z.object({ descendant: amount }),
      });
      try {
        const entry = await rpc.call('getmempoolentry', [hex(reversed(waiting))], answer);
        // Virtual bytes are a quarter of the weight.
        return Number((entry.fees.descendant * 1000n) / (4n * BigInt(entry.descendantsize)));
      } catch (error) {
        if (failedWith(error, rpcCode.notFound)) return undefined;
        throw error;
      }
    },
    close: async () => rpc.close(),
  };
};

/** Checks that bitcoind runs on the network that this node is configured for. Throws ChainError `wrong_network`. */
export const checkNetwork = async (chain: Chain, expected: ChainHash): Promise<void> => {
  const found = await chain.genesis();
  if (!equal(found, expected))
    throw new ChainError({ code: 'wrong_network', expected: chainName(expected), found: chainName(found) });
};
