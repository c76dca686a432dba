/** A wallet that follows a fake chain, for tests of what it knows. */
import type { Transaction } from 'bitcoinjs-lib';
import { networkOf } from '../../node/ports/network.ts';
import type { Block, ChainEvent } from '../../node/ports/ports.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { keysOf } from '../../node/wallet/keys.ts';
import { Wallet } from '../../node/wallet/wallet.ts';
import { type FakeChain, fakeChain, payment, stranger } from './chain.ts';

export const walletKeys = keysOf(new Uint8Array(32).fill(7), 1);
const network = networkOf('regtest');

/** An empty wallet over a chain of nothing but blocks, or the one that these records are of. */
export const walletOver = async (records = new Map<string, Uint8Array>(), chain: FakeChain = fakeChain()) => {
  const store = memoryStore(records);
  const wallet = await Wallet.open({ store, keys: walletKeys, network });
  const apply = async (event: ChainEvent): Promise<void> => {
    await store.commit(wallet.apply(event));
    await wallet.applied(event);
  };
  const add = (block: Block): Promise<void> => apply({ event: 'connected', block });
  const mine = (...transactions: readonly Transaction[]) => add(chain.mine(...transactions));
  const drop = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const last = chain.blocks.at(-1);
      if (last === undefined) return;
      chain.drop(1);
      await apply({ event: 'disconnected', height: last.height, hash: last.hash });
    }
  };
  const standing = () => wallet.funds().map(({ amount, status }) => `${amount} ${status}`);
  const salt = { next: 0 };
  const deposit = async (...amounts: readonly bigint[]): Promise<void> => {
    const { script } = await wallet.newAddress();
    await mine(
      payment(
        [stranger(++salt.next)],
        amounts.map((amount) => ({ script, amount })),
      ),
    );
  };
  return { wallet, chain, records, store, mine, drop, standing, deposit };
};
