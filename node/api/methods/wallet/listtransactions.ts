/** `listtransactions`: the wallet's transactions, mined and waiting. */

import type { Transaction } from 'bitcoinjs-lib';
import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { sat, toMsat, txid } from '../../../../wire/units.ts';
import { displayedTxid } from '../../../base/txids.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as field from '../../results.ts';

const params = z.strictObject({});

const transaction = z.object({
  hash: field.txid,
  rawtx: field.hexText,
  /** Of its block, and its place there; 0 and 0 for one that no block has yet. */
  blockheight: field.u32,
  txindex: field.u32,
  locktime: field.u32,
  version: field.u32,
  inputs: z.array(z.object({ txid: field.txid, index: field.u32, sequence: field.u32 })),
  outputs: z.array(z.object({ index: field.u32, amount_msat: field.amountMsat, scriptPubKey: field.hexText })),
});
const result = z.object({ transactions: z.array(transaction) });

type Row = z.output<typeof transaction>;

const rowOf = (tx: Transaction, blockheight: number, txindex: number): Row => ({
  hash: displayedTxid(txid(tx.getHash())),
  rawtx: tx.toHex(),
  ...{ blockheight, txindex },
  locktime: tx.locktime,
  version: tx.version >>> 0,
  inputs: tx.ins.map(({ hash, index, sequence }) => ({ txid: displayedTxid(txid(hash)), index, sequence })),
  outputs: tx.outs.map(({ value, script }, index) => ({
    index,
    amount_msat: toMsat(sat(BigInt(value))),
    scriptPubKey: hex(script),
  })),
});

/** What it needs of a node. */
export interface Parts {
  readonly wallet: Pick<Node['wallet'], 'transactions' | 'pending'>;
}

async function* rowsOf({ wallet }: Parts): AsyncGenerator<Row> {
  for await (const { tx, height, position } of wallet.transactions()) yield rowOf(tx, height, position);
  for (const { tx } of wallet.pending()) yield rowOf(tx, 0, 0);
}

export const listtransactions = method({
  doc: 'Transactions that paid the wallet or spent its coins, in the order of the chain; last those that wait for a block.',
  example: [],
  params,
  result,
  handler: async (node: Parts) => ({ transactions: rowsOf(node) }),
});
