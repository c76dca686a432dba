/**
 * What became of a channel's money: from its funding output along every spend to where it lies now, with what was added on
 * the way and what went to the miners.
 */
import { Block, type Transaction } from 'bitcoinjs-lib';
import { z } from 'zod';
import type { RunningBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { hex } from '../../wire/bytes.ts';
import type { Ldk } from './peer.ts';

export interface Outpoint {
  /** As it is shown. */
  readonly txid: string;
  readonly vout: number;
}

export interface Lying extends Outpoint {
  readonly sat: bigint;
  readonly script: string;
}

/** Whom an output script belongs to, in hex; undefined for scripts of the channel, whose spends are followed. */
export type OwnerOf = (script: string) => string | undefined;

export interface Trace {
  /** Transactions on the way, in the order they were come upon: the first is the one that spends the funding output. */
  readonly txs: readonly Transaction[];
  /** By owner: what reached scripts of theirs, less what inputs of theirs added. */
  readonly gained: ReadonlyMap<string, bigint>;
  /** What the transactions on the way paid in all, and each of them. */
  readonly fees: bigint;
  readonly feeOf: (tx: Transaction) => bigint;
  /** Outputs of the channel that nobody has spent. */
  readonly left: readonly Lying[];
}

const nameOf = ({ txid, vout }: Outpoint): string => `${txid}:${vout}`;

const idOf = (internal: Uint8Array): string => hex(Uint8Array.from(internal).reverse());

/** Blocks that bitcoind is asked for at once. */
const atOnce = 8;

/** Everything in the chain. Blocks are read once. */
export class Ledger {
  private readonly bitcoind: RunningBitcoind;
  /** By height from 1. */
  private readonly blocks: { readonly hash: string; readonly txs: readonly Transaction[] }[] = [];
  /** Transactions of these blocks by id, and by what they spend. */
  private readonly known = new Map<string, Transaction>();
  private readonly spenders = new Map<string, Transaction>();

  constructor(bitcoind: RunningBitcoind) {
    this.bitcoind = bitcoind;
  }

  private async read(): Promise<void> {
    const hashAt = async (height: number) => z.string().parse(await this.bitcoind.call('getblockhash', height));
    const tip = z.number().parse(await this.bitcoind.call('getblockcount'));
    const { blocks } = this;
    while (blocks.length > tip || (blocks.length > 0 && blocks.at(-1)?.hash !== (await hashAt(blocks.length))))
      for (const tx of blocks.pop()?.txs ?? []) this.forget(tx);
    const blockAt = async (height: number) => {
      const hash = await hashAt(height);
      const raw = z.string().parse(await this.bitcoind.call('getblock', hash, 0));
      return { hash, txs: Block.fromHex(raw).transactions ?? [] };
    };
    while (blocks.length < tip) {
      const next = Array.from({ length: Math.min(atOnce, tip - blocks.length) }, (_, i) => blocks.length + 1 + i);
      for (const block of await Promise.all(next.map(blockAt))) {
        blocks.push(block);
        for (const tx of block.txs) this.add(tx);
      }
    }
  }

  private add(tx: Transaction): void {
    this.known.set(tx.getId(), tx);
    for (const { hash, index } of tx.ins) this.spenders.set(nameOf({ txid: idOf(hash), vout: index }), tx);
  }

  private forget(tx: Transaction): void {
    this.known.delete(tx.getId());
    for (const { hash, index } of tx.ins) this.spenders.delete(nameOf({ txid: idOf(hash), vout: index }));
  }

  /** Follows one output through the chain as it is now. */
  async trace(funding: Outpoint, ownerOf: OwnerOf): Promise<Trace> {
    await this.read();
    const { known, spenders } = this;
    const txs = new Set<Transaction>();
    const within = new Set([nameOf(funding)]);
    const left: Lying[] = [];
    const gained = new Map<string, bigint>();
    const add = (owner: string, sat: bigint) => gained.set(owner, (gained.get(owner) ?? 0n) + sat);
    const queue: Outpoint[] = [funding];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const tx = spenders.get(nameOf(next));
      if (tx === undefined) {
        const output = known.get(next.txid)?.outs[next.vout];
        left.push({ ...next, sat: output?.value ?? 0n, script: output === undefined ? '' : hex(output.script) });
        continue;
      }
      if (txs.has(tx)) continue;
      txs.add(tx);
      for (const [vout, { script, value }] of tx.outs.entries()) {
        const owner = ownerOf(hex(script));
        if (owner !== undefined) add(owner, value);
        else {
          within.add(nameOf({ txid: tx.getId(), vout }));
          queue.push({ txid: tx.getId(), vout });
        }
      }
    }

    const paid = new Map<Transaction, bigint>();
    for (const tx of txs) {
      let fee = 0n;
      for (const { hash, index } of tx.ins) {
        const outpoint = { txid: idOf(hash), vout: index };
        const spent = known.get(outpoint.txid)?.outs[index];
        if (spent === undefined) throw new Error(`${nameOf(outpoint)} is spent and not in the chain`);
        fee += spent.value;
        if (within.has(nameOf(outpoint))) continue;
        const owner = ownerOf(hex(spent.script));
        if (owner === undefined) throw new Error(`${tx.getId()} spends ${nameOf(outpoint)}, which is nobody's`);
        add(owner, -spent.value);
      }
      for (const { value } of tx.outs) fee -= value;
      paid.set(tx, fee);
    }
    const fees = [...paid.values()].reduce((sum, fee) => sum + fee, 0n);
    return { txs: [...txs], gained, fees, feeOf: (tx) => paid.get(tx) ?? 0n, left };
  }
}

/** The owner of the purses of these LDK nodes: their names. */
export const purses = async (nodes: readonly Ldk[]): Promise<OwnerOf> => {
  const owners = new Map<string, string>();
  for (const node of nodes) owners.set(hex((await node.call('purse')).script), node.name);
  return (script) => owners.get(script);
};

/** Whether nobody is going to spend an output: an anchor (BOLT 3), which costs more than it holds, or OP_RETURN. */
export const isLitter = ({ sat, script }: Lying): boolean =>
  (sat === 330n && script.startsWith('0020')) || script.startsWith('6a');
