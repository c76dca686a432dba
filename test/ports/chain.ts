/** What every Chain must do, whatever it is made of. It needs a regtest chain of its own that mines on demand. */

import { Transaction } from 'bitcoinjs-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkNetwork } from '../../node/chain/bitcoind.ts';
import { fundingOutput } from '../../node/graph/fundinglookups.ts';
import { networkOf } from '../../node/ports/network.ts';
import type { Block, Chain, ChainTx } from '../../node/ports/ports.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import { buildSigned } from '../../node/wallet/build.ts';
import { keysOf } from '../../node/wallet/keys.ts';
import type { Fund } from '../../node/wallet/view.ts';
import { Wallet } from '../../node/wallet/wallet.ts';
import { hex, reversed, utf8 } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { sha256 } from '../../wire/crypto.ts';
import { type Sat, sat, scidOf, type Txid, txid } from '../../wire/units.ts';

export interface ChainUnderTest {
  readonly chain: Chain;
  /** Mines to an address and gives the hashes of the new blocks. */
  mine(blocks: number, address: string): Promise<readonly string[]>;
  /** Makes the chain as if this block and all above it were invalid. */
  invalidate(hash: string): Promise<void>;
}

const network = networkOf('regtest');
const foreign = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));
const rawOf = ({ tx }: ChainTx): Uint8Array => new Uint8Array(tx.toBuffer());

/** Declares the suite; `get` is asked when it runs. `seed` keeps its coins apart from other tests' on the same chain. */
export const chainSuite = (name: string, seed: string, get: () => ChainUnderTest): void => {
  describe(name, () => {
    const keys = keysOf(sha256(utf8(seed)), 1);
    let wallet: Wallet;
    let address = '';
    const own = { branch: 0, index: 0 } as const;

    const apply = async (block: Block): Promise<void> => void wallet.apply({ event: 'connected', block });
    const mine = async (count = 1): Promise<readonly string[]> => {
      const { chain } = get();
      const hashes = await get().mine(count, address);
      for (const hash of hashes) await apply(await chain.block(hash));
      return hashes;
    };
    /** A mature coin nobody has used yet, and a transaction that gives it to somebody with this fee. */
    const used = new Set<string>();
    const coin = (): Fund => {
      const found = wallet.funds().find(({ status, key }) => status === 'confirmed' && !used.has(key));
      if (found === undefined) throw new Error('the test has no coin left');
      used.add(found.key);
      return found;
    };
    const spend = (input: Fund, fee: bigint, script = foreign): ChainTx =>
      buildSigned([input], [{ script, amount: sat(input.amount - fee) }], keys);

    beforeAll(async () => {
      wallet = await Wallet.open({ store: memoryStore(), keys, network });
      address = wallet.describe(own).address;
      await mine(115);
    });

    test('it is regtest, by its genesis block', async () => {
      expect(await get().chain.genesis()).toEqual(chainHashOf.regtest);
      await expect(checkNetwork(get().chain, chainHashOf.bitcoin)).rejects.toMatchObject({
        fault: { code: 'wrong_network' },
      });
    });

    test('blocks hang together from the tip down', async () => {
      const { chain } = get();
      const tip = await chain.tip();
      expect(await chain.hashAt(tip.height)).toBe(tip.hash);
      expect(await chain.hashAt(tip.height + 1)).toBeUndefined();
      const block = await chain.block(tip.hash);
      expect(block).toMatchObject(tip);
      expect(block.previous).toBe(await chain.hashAt(tip.height - 1));
      expect(hex(block.transactions[0]?.txid ?? new Uint8Array())).toBe(
        hex((await chain.txidAt(tip.height, 0)) ?? new Uint8Array()),
      );
      expect(await chain.txidAt(tip.height, block.transactions.length)).toBeUndefined();
      expect(await chain.txidAt(tip.height + 1, 0)).toBeUndefined();
    });

    test('look-ups that are asked for together find what each finds alone, also beside some that find nothing', async () => {
      const { chain } = get();
      const { height } = await chain.tip();
      const heights = Array.from({ length: 40 }, (_, below) => height + 2 - below);
      const together = await Promise.all(heights.map((at) => chain.txidAt(at, 0)));
      expect(together.slice(0, 3).map((id) => id !== undefined)).toEqual([false, false, true]);
      const outputs = together.map((id, vout) => ({ txid: id ?? txid(new Uint8Array(32)), vout: vout % 2 }));
      const found = await Promise.all(outputs.map((output) => chain.unspent(output, 'low')));
      for (const [at, output] of outputs.entries()) {
        expect(together[at]).toEqual(await chain.txidAt(heights[at] ?? 0, 0));
        expect(found[at]).toEqual(await chain.unspent(output));
      }
      expect(found.some((one) => one !== undefined)).toBe(true);
    });

    test('a hash nobody has is an unknown block', async () => {
      await expect(get().chain.block('ab'.repeat(32))).rejects.toMatchObject({ fault: { code: 'unknown_block' } });
    });

    test('the genesis block has no block below', async () => {
      const { chain } = get();
      const hash = (await chain.hashAt(0)) ?? '';
      expect(hash).toBe(hex(reversed(chainHashOf.regtest)));
      expect(await chain.block(hash)).toMatchObject({ height: 0, previous: '00'.repeat(32) });
    });

    test('a good transaction is taken, again and again, before and after it is mined; to ask changes nothing', async () => {
      const { chain } = get();
      const input = coin();
      const made = spend(input, 10_000n);
      await chain.testAccept(rawOf(made));
      expect(await chain.mempoolSpender(input)).toBeUndefined();
      await chain.broadcast(rawOf(made));
      await chain.testAccept(rawOf(made));
      await chain.broadcast(rawOf(made));
      const [hash = ''] = await mine();
      const { transactions } = await chain.block(hash);
      expect(transactions.map(({ txid }) => hex(txid))).toContain(hex(made.txid));
      await expect(chain.broadcast(rawOf(made))).resolves.toBeUndefined();
      await expect(chain.testAccept(rawOf(made))).resolves.toBeUndefined();
    });

    test('an output stays unspent until a block spends it; its spender is seen before', async () => {
      const { chain } = get();
      const input = coin();
      const made = spend(input, 10_000n);
      expect(await chain.unspent(input)).toMatchObject({ amount: input.amount, coinbase: true });
      expect(await chain.mempoolSpender(input)).toBeUndefined();
      await chain.broadcast(rawOf(made));
      expect(await chain.unspent(input)).toMatchObject({ amount: input.amount });
      expect(hex((await chain.mempoolSpender(input))?.txid ?? new Uint8Array())).toBe(hex(made.txid));
      expect(await chain.mempoolSpenders([{ ...input, vout: 7 }, input, input])).toEqual([
        undefined,
        made.txid,
        made.txid,
      ]);
      expect(await chain.mempoolSpenders([])).toEqual([]);
      const output = { txid: made.txid, vout: 0 };
      const paid = { script: foreign, amount: input.amount - 10_000n, coinbase: false };
      expect(await chain.unspent(output)).toBeUndefined();
      expect(await chain.unspent(input, 'low', 'mempool')).toBeUndefined();
      expect(await chain.unspent(output, 'low', 'mempool')).toEqual({ ...paid, confirmations: 0 });
      await mine();
      expect(await chain.unspent(input)).toBeUndefined();
      expect(await chain.mempoolSpender(input)).toBeUndefined();
      expect(await chain.unspent(output)).toEqual({ ...paid, confirmations: 1 });
      expect(await chain.unspent(output, 'low', 'mempool')).toEqual({ ...paid, confirmations: 1 });
      expect(await chain.unspent({ txid: made.txid, vout: 1 })).toBeUndefined();
    });

    test('an announced funding output is found by its short_channel_id', async () => {
      const { chain } = get();
      const made = spend(coin(), 10_000n);
      await chain.broadcast(rawOf(made));
      await mine();
      const { height, transactions } = { ...(await chain.tip()), ...(await chain.block((await chain.tip()).hash)) };
      const index = transactions.findIndex(({ txid }) => hex(txid) === hex(made.txid));
      expect(await fundingOutput(chain, scidOf(height, index, 0))).toMatchObject({ script: foreign, confirmations: 1 });
      expect(await fundingOutput(chain, scidOf(height, index, 1))).toBeUndefined();
      expect(await fundingOutput(chain, scidOf(height, index + 1, 0))).toBeUndefined();
    });

    test('a signature for other outputs is refused as invalid', async () => {
      const { tx } = spend(coin(), 10_000n);
      const forged = Transaction.fromBuffer(tx.toBuffer());
      const [output] = forged.outs;
      if (output !== undefined) output.value -= 1n;
      await expect(get().chain.broadcast(new Uint8Array(forged.toBuffer()))).rejects.toMatchObject({
        fault: { code: 'rejected', refusal: 'invalid' },
      });
    });

    test('bytes that are no transaction are refused as invalid', async () => {
      const { chain } = get();
      const refused = { fault: { code: 'rejected', refusal: 'invalid' } };
      await expect(chain.broadcast(Uint8Array.of(1, 2, 3))).rejects.toMatchObject(refused);
      await expect(chain.testAccept(Uint8Array.of(1, 2, 3))).rejects.toMatchObject(refused);
    });

    const made = (
      inputs: readonly { txid: Txid; vout: number; amount: Sat }[],
      fee: bigint,
      locktime = 0,
    ): Transaction => {
      const { tx } = buildSigned(
        inputs.map((input) => ({ ...input, path: own })),
        [{ script: foreign, amount: sat(inputs.reduce((sum, { amount }) => sum + amount, 0n) - fee) }],
        keys,
      );
      tx.locktime = locktime;
      return tx;
    };
    const refusalOf = (tx: Transaction) =>
      get()
        .chain.broadcast(new Uint8Array(tx.toBuffer()))
        .then(
          () => 'taken',
          (error: { fault?: { refusal?: string } }) => error.fault?.refusal,
        );

    test('too low a fee, a missing input, and a lock in the future each have their own refusal', async () => {
      const [a, b] = [coin(), coin()];
      expect(await refusalOf(made([a], 1n))).toBe('fee_too_low');
      expect(await refusalOf(made([{ ...a, txid: b.txid, vout: 7 }], 10_000n))).toBe('missing_inputs');
      expect(await refusalOf(made([b], 10_000n, 1_000_000))).toBe('not_final');
    });

    test('a coinbase that is too young is not final', async () => {
      const young = wallet.funds().find(({ status }) => status === 'immature');
      expect(young && (await refusalOf(made([young], 10_000n)))).toBe('not_final');
    });

    test('a second spend replaces the first only for a higher fee, and loses to a mined one', async () => {
      const input = coin();
      const { chain } = get();
      await chain.broadcast(rawOf(spend(input, 10_000n)));
      expect(await refusalOf(made([input], 9_000n))).toBe('replacement_fee_too_low');
      const better = spend(input, 50_000n);
      await chain.broadcast(rawOf(better));
      expect(hex((await chain.mempoolSpender(input))?.txid ?? new Uint8Array())).toBe(hex(better.txid));
      await mine();
      expect(await refusalOf(made([input], 60_000n))).toBe('missing_inputs');
    });

    test('a feerate is never below what is relayed', async () => {
      expect(await get().chain.feerate(6)).toBeGreaterThanOrEqual(253);
      expect(await get().chain.relayFeerate()).toBe(253);
    });

    test('a new block ends the wait for it, and an old tip is not waited for', async () => {
      const { chain } = get();
      const { signal } = new AbortController();
      const { hash } = await chain.tip();
      const waiting = chain.waitForChange(hash, signal);
      await mine();
      await waiting;
      await chain.waitForChange(hash, signal);
      expect((await chain.tip()).hash).not.toBe(hash);
    });

    test('an abort ends the wait at once', async () => {
      const { chain } = get();
      const abort = new AbortController();
      const waiting = chain.waitForChange((await chain.tip()).hash, abort.signal);
      setTimeout(() => abort.abort(), 20);
      await expect(waiting).resolves.toBeUndefined();
    });

    test('a block that a reorg left behind is no longer at its height, and its transactions wait again', async () => {
      const { chain, invalidate } = get();
      const input = coin();
      const sent = spend(input, 10_000n);
      await chain.broadcast(rawOf(sent));
      const before = await chain.tip();
      const [hash = ''] = await get().mine(1, address);
      expect(await chain.unspent(input)).toBeUndefined();
      expect(await chain.isInvalidated(hash)).toBe(false);
      await invalidate(hash);
      expect(await chain.isInvalidated(hash)).toBe(true);
      expect([await chain.isInvalidated(before.hash), await chain.isInvalidated('ab'.repeat(32))]).toEqual([
        false,
        false,
      ]);
      expect(await chain.tip()).toEqual(before);
      expect(await chain.hashAt(before.height + 1)).toBeUndefined();
      expect((await chain.block(hash)).previous).toBe(before.hash);
      expect(await chain.unspent(input)).toMatchObject({ amount: input.amount });
      expect(hex((await chain.mempoolSpender(input))?.txid ?? new Uint8Array())).toBe(hex(sent.txid));
      // To another address: the very same block would still count as invalid.
      await get().mine(2, addressOfScript(foreign, network) ?? '');
      expect(await chain.unspent(input)).toBeUndefined();
    });
  });
};
