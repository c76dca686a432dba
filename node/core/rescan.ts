/** Rescans the whole chain for the wallet's coins, at addresses beyond those it looked for when it read the blocks. */
import { ChainError } from '../chain/errors.ts';
import type { Follower } from '../chain/follower.ts';
import type { Chain } from '../ports/ports.ts';
import type { Wallet } from '../wallet/wallet.ts';

export interface RescanParts {
  readonly wallet: Wallet;
  readonly follower: Follower;
  readonly chain: Chain;
}

/** Reads all blocks of the branch that is followed. Throws ChainError `unknown_block` when the chain has left that branch. */
const readBlocks = async ({ wallet, follower, chain }: RescanParts): Promise<void> => {
  const { top } = follower;
  const branchLeft = (): ChainError => new ChainError({ code: 'unknown_block', hash: top.hash });
  const replay = wallet.beginReplay();
  let previous: string | undefined;
  for (let height = 1; height <= top.height; height++) {
    const hash = await follower.retryUntilAnswered(() => chain.hashAt(height));
    if (hash === undefined) throw branchLeft();
    const block = await follower.retryUntilAnswered(() => chain.block(hash));
    if (previous !== undefined && block.previous !== previous) throw branchLeft();
    replay.block(block);
    previous = hash;
  }
  if (previous !== top.hash) throw branchLeft();
  await replay.end();
};

/** Rescans every block. Throws ChainError, StoreError. */
export const rescanWallet = async (parts: RescanParts): Promise<void> => {
  const { follower } = parts;
  // The follower applies no block while this reads; between two attempts it catches up after a reorg.
  await follower.retryOnBranch(() => follower.exclusive(() => readBlocks(parts)));
};
