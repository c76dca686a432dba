/** Looking for the wallet's coins in the whole chain again, at addresses further on than it looked when it read the blocks. */
import { ChainError } from '../chain/errors.ts';
import type { Follower } from '../chain/follower.ts';
import type { Chain } from '../ports/ports.ts';
import type { Wallet } from '../wallet/wallet.ts';

export interface RescanParts {
  readonly wallet: Wallet;
  readonly follower: Follower;
  readonly chain: Chain;
}

/** Reads the branch that is followed from its beginning. Throws ChainError `unknown_block` when the chain left it, or lacks its end. */
const readBlocks = async ({ wallet, follower, chain }: RescanParts): Promise<void> => {
  const { top } = follower;
  const left = (): ChainError => new ChainError({ code: 'unknown_block', hash: top.hash });
  const replay = wallet.beginReplay();
  let previous: string | undefined;
  for (let height = 1; height <= top.height; height++) {
    const hash = await follower.retryUntilAnswered(() => chain.hashAt(height));
    if (hash === undefined) throw left();
    const block = await follower.retryUntilAnswered(() => chain.block(hash));
    if (previous !== undefined && block.previous !== previous) throw left();
    replay.block(block);
    previous = hash;
  }
  if (previous !== top.hash) throw left();
  await replay.end();
};

/** Has the wallet look at every block again. Throws ChainError, StoreError. */
export const rescanWallet = async (parts: RescanParts): Promise<void> => {
  const { follower } = parts;
  // No block is added or taken away while it reads; between two attempts the follower catches up with a chain that moved.
  await follower.retryOnBranch(() => follower.exclusive(() => readBlocks(parts)));
};
