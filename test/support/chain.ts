/** A chain made of nothing but blocks in memory: no proof of work, no scripts, no fees. For what follows a chain. */
import { Transaction } from 'bitcoinjs-lib';
import { ChainError, type ChainFault } from '../../node/chain/errors.ts';
import type { Block, Chain, ChainTx, Outpoint } from '../../node/ports/ports.ts';
import { hex, u32be } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { sha256 } from '../../wire/crypto.ts';
import { sat, type Txid, txid } from '../../wire/units.ts';

export interface FakeChain extends Chain {
  /** The best chain, genesis first. */
  readonly blocks: readonly Block[];
  /** Adds a block with these transactions after a coinbase. */
  mine(...transactions: readonly Transaction[]): Block;
  /** Takes the last blocks off; asked by hash they are still there. */
  drop(count: number): void;
  /** Takes the last blocks off and forgets them, as one does that is restored from a copy; they can be given back. */
  forget(count: number): readonly Block[];
  /** Has these blocks behind those there are. */
  take(missed: readonly Block[]): void;
  /** From now on every question fails like this; undefined lets it answer again. */
  fail(fault: ChainFault | undefined): void;
  /** Transactions handed to `broadcast`. */
  readonly broadcasts: readonly string[];
}

export const chainTx = (tx: Transaction): ChainTx => ({ txid: txid(tx.getHash()), tx });

/** A transaction from outpoints to outputs, unsigned: nobody checks. `salt` tells otherwise equal ones apart. */
export const payment = (
  inputs: readonly Outpoint[],
  outputs: readonly { readonly script: Uint8Array; readonly amount: bigint }[],
  salt = 0,
): Transaction => {
  const tx = new Transaction();
  tx.version = 2;
  tx.locktime = salt;
  for (const input of inputs) tx.addInput(input.txid, input.vout);
  for (const output of outputs) tx.addOutput(output.script, output.amount);
  return tx;
};

/** An outpoint that names nothing anybody knows. */
export const stranger = (salt: number): Outpoint => ({ txid: txid(sha256(u32be(salt))), vout: 0 });

const coinbase = (height: number, fork: number): Transaction => {
  const tx = new Transaction();
  tx.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, Uint8Array.of(...u32be(height), ...u32be(fork)));
  tx.addOutput(Uint8Array.of(0x51), 5_000_000_000n);
  return tx;
};

export const fakeChain = (): FakeChain => {
  const known = new Map<string, Block>();
  const blocks: Block[] = [];
  const broadcasts: string[] = [];
  let made = 0;
  let fault: ChainFault | undefined;
  const wake: (() => void)[] = [];

  const mine = (...transactions: readonly Transaction[]): Block => {
    const height = blocks.length;
    const hash = hex(sha256(u32be(++made), u32be(height)));
    const all = [coinbase(height, made), ...transactions].map(chainTx);
    const previous = blocks.at(-1)?.hash ?? '00'.repeat(32);
    const block = { height, hash, previous, time: made, transactions: all };
    blocks.push(block);
    known.set(hash, block);
    for (const resolve of wake.splice(0)) resolve();
    return block;
  };
  mine();

  const top = (): Block => {
    const block = blocks.at(-1);
    if (block === undefined) throw new RangeError('a chain has at least its genesis block');
    return block;
  };
  const asked = async <T>(answer: () => T): Promise<T> => {
    await Promise.resolve();
    if (fault !== undefined) throw new ChainError(fault);
    return answer();
  };
  const spentBy = ({ txid: id, vout }: Outpoint): ChainTx | undefined =>
    blocks
      .flatMap((block) => block.transactions)
      .find(({ tx }) => tx.ins.some((input) => hex(input.hash) === hex(id) && input.index === vout));

  return {
    kind: 'embedded',
    blocks,
    broadcasts,
    mine,
    drop: (count) => {
      blocks.splice(Math.max(1, blocks.length - count));
      for (const resolve of wake.splice(0)) resolve();
    },
    forget: (count) => {
      const missed = blocks.splice(Math.max(1, blocks.length - count));
      for (const { hash } of missed) known.delete(hash);
      for (const resolve of wake.splice(0)) resolve();
      return missed;
    },
    take: (missed) => {
      blocks.push(...missed);
      for (const block of missed) known.set(block.hash, block);
      for (const resolve of wake.splice(0)) resolve();
    },
    fail: (next) => {
      fault = next;
      for (const resolve of wake.splice(0)) resolve();
    },
    genesis: () => asked(() => chainHashOf.regtest),
    tip: () => asked(top),
    hashAt: (height) => asked(() => blocks[height]?.hash),
    isInvalidated: (hash) => asked(() => known.has(hash) && !blocks.some((block) => block.hash === hash)),
    block: (hash) =>
      asked(() => {
        const block = known.get(hash);
        if (block === undefined) throw new ChainError({ code: 'unknown_block', hash });
        return block;
      }),
    txidAt: (height, index): Promise<Txid | undefined> => asked(() => blocks[height]?.transactions[index]?.txid),
    waitForChange: async (seen, signal) => {
      await asked(top);
      if (signal.aborted || top().hash !== seen) return;
      await new Promise<void>((resolve) => {
        wake.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      if (fault !== undefined) throw new ChainError(fault);
    },
    testAccept: () => asked(() => undefined),
    broadcast: (tx) => asked(() => void broadcasts.push(hex(tx))),
    broadcastPackage: (parent, child) => asked(() => void broadcasts.push(hex(parent), hex(child))),
    feerate: () => asked(() => 2500),
    relayFeerate: () => asked(() => 253),
    unspent: (outpoint) =>
      asked(() => {
        if (spentBy(outpoint) !== undefined) return undefined;
        for (const block of blocks)
          for (const [index, { txid: id, tx }] of block.transactions.entries()) {
            const output = hex(id) === hex(outpoint.txid) ? tx.outs[outpoint.vout] : undefined;
            const confirmations = blocks.length - block.height;
            if (output !== undefined)
              return { script: output.script, amount: sat(output.value), confirmations, coinbase: index === 0 };
          }
        return undefined;
      }),
    mempoolSpender: () => asked(() => undefined),
    mempoolSpenders: (outpoints) => asked(() => outpoints.map(() => undefined)),
    subscribeRawTx: () => () => undefined,
    mempoolFeerate: () => asked(() => undefined),
    close: async () => undefined,
  };
};
