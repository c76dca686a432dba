/** Blocks and transactions as bitcoind's JSON-RPC shows them. */
import type { Transaction } from 'bitcoinjs-lib';
import { hex, reversed } from '../../../wire/bytes.ts';
import { outpointKey } from '../../chain/watchrules.ts';
import { networkOf } from '../../ports/network.ts';
import { addressOfScript } from '../../wallet/address.ts';
import { isCoinbase } from './coins.ts';
import type { Ledger, Placed } from './ledger.ts';
import type { Entry } from './pool.ts';
import type { Regtest } from './regtest.ts';

const network = networkOf('regtest');

/** An id for display: 32 bytes in reverse order. */
export const displayed = (id: Uint8Array): string => hex(reversed(id));

/** Satoshi as BTC. A double holds every amount there is to its last digit. */
export const btc = (satoshi: bigint): number => Number(satoshi) / 1e8;

/** An output script with its address, if it has one. */
export const shownScript = (script: Uint8Array) => {
  const address = addressOfScript(script, network);
  return { hex: hex(script), ...(address !== undefined && { address }) };
};

/** A transaction in full; `fee` where it is known. */
export const shownTransaction = (tx: Transaction, fee?: bigint) => ({
  txid: tx.getId(),
  hash: displayed(tx.getHash(true)),
  version: tx.version,
  size: tx.byteLength(),
  vsize: tx.virtualSize(),
  weight: tx.weight(),
  locktime: tx.locktime,
  vin: tx.ins.map(({ hash, index, script, sequence, witness }) => ({
    ...(isCoinbase(tx)
      ? { coinbase: hex(script) }
      : { txid: displayed(hash), vout: index, scriptSig: { hex: hex(script) } }),
    ...(witness.length > 0 && { txinwitness: witness.map(hex) }),
    sequence,
  })),
  vout: tx.outs.map(({ value, script }, n) => ({ value: btc(value), n, scriptPubKey: shownScript(script) })),
  hex: tx.toHex(),
  ...(fee !== undefined && { fee: btc(fee) }),
});

/** A block's header, with where it stands. */
export const shownHeader = (placed: Placed, { ledger }: Regtest) => {
  const { hash, height, previous, time, medianTime, raw, transactions } = placed;
  const counts = ledger.counts(placed);
  const above = counts ? ledger.at(height + 1)?.hash : undefined;
  return {
    hash,
    confirmations: counts ? ledger.tip.height - height + 1 : -1,
    height,
    version: raw.version,
    merkleroot: displayed(raw.merkleRoot ?? new Uint8Array(32)),
    time,
    mediantime: medianTime,
    nonce: raw.nonce,
    bits: raw.bits.toString(16),
    nTx: transactions.length,
    ...(height > 0 && { previousblockhash: previous }),
    ...(above !== undefined && { nextblockhash: above }),
  };
};

/** What a mined transaction paid; known for blocks of the branch, since what it spent is still on it. */
const feeIn = (tx: Transaction, values: ReadonlyMap<string, bigint>): bigint | undefined => {
  if (isCoinbase(tx)) return undefined;
  const taken = tx.ins.map(({ hash, index }) => values.get(outpointKey(hash, index)));
  if (taken.some((value) => value === undefined)) return undefined;
  const sum = taken.reduce<bigint>((total, value) => total + (value ?? 0n), 0n);
  return sum - tx.outs.reduce((total, { value }) => total + value, 0n);
};

/** The amounts of all outputs that a block spends. */
const spentValues = ({ transactions }: Placed, { ledger }: Regtest): ReadonlyMap<string, bigint> => {
  const wanted = new Set(transactions.flatMap(({ tx }) => tx.ins.map(({ hash }) => hex(hash))));
  const values = new Map<string, bigint>();
  for (let height = ledger.tip.height; height >= 0 && wanted.size > 0; height--)
    for (const { txid, tx } of ledger.at(height)?.transactions ?? []) {
      if (!wanted.delete(hex(txid))) continue;
      tx.outs.forEach(({ value }, vout) => {
        values.set(outpointKey(txid, vout), value);
      });
    }
  return values;
};

/** A block at getblock's verbosity 1, its transactions by id, or 2, in full with their fees. */
export const shownBlock = (placed: Placed, regtest: Regtest, verbosity: 1 | 2) => {
  const values = verbosity === 2 ? spentValues(placed, regtest) : new Map<string, bigint>();
  const tx = placed.transactions.map((one) =>
    verbosity === 1 ? displayed(one.txid) : shownTransaction(one.tx, feeIn(one.tx, values)),
  );
  const { raw } = placed;
  return { ...shownHeader(placed, regtest), size: raw.byteLength(false), weight: raw.weight(), tx };
};

/** The tip of a branch, as in getchaintips. */
export const shownEnd = (end: Placed, ledger: Ledger) => {
  let fork = end;
  while (!ledger.counts(fork)) fork = ledger.get(fork.previous);
  const status = ledger.counts(end) ? 'active' : ledger.isRuledOut(end.hash) ? 'invalid' : 'valid-fork';
  return { height: end.height, hash: end.hash, branchlen: end.height - fork.height, status };
};

/** A mempool transaction. */
export const shownEntry = ({ id, tx, fee, vsize }: Entry, { pool }: Regtest) => {
  const below = [...pool.descendants([id])].flatMap((one) => pool.get(one) ?? []);
  return {
    vsize,
    weight: tx.weight(),
    fees: { base: btc(fee), descendant: btc(below.reduce((sum, one) => sum + one.fee, 0n)) },
    depends: pool.parentsOf(tx).map((parent) => pool.get(parent)?.tx.getId() ?? ''),
    ancestorcount: pool.ancestors([id]).size,
    descendantcount: below.length,
    descendantsize: below.reduce((sum, one) => sum + one.vsize, 0),
  };
};
