/** Looking for the wallet's coins in the whole chain again, at addresses further on than it looked when it read the blocks. */
import type { Follower } from '../chain/follower.ts';
import type { Chain } from '../ports.ts';
import type { Wallet } from '../wallet/wallet.ts';

export interface ReplayParts {
  readonly wallet: Wallet;
  readonly follower: Follower;
  readonly chain: Chain;
}

/** Reads the branch that is followed from its beginning; false when the chain left that branch meanwhile. */
const readBlocks = async ({ wallet, follower, chain }: ReplayParts): Promise<boolean> => {
  const { top } = follower;
  const replay = wallet.beginReplay();
  let previous: string | undefined;
  for (let height = 1; height <= top.height; height++) {
    const hash = await follower.patiently(() => chain.hashAt(height));
    if (hash === undefined) return false;
    const block = await follower.patiently(() => chain.block(hash));
    if (previous !== undefined && block.previous !== previous) return false;
    replay.block(block);
    previous = hash;
  }
  if (previous !== top.hash) return false;
  await replay.end();
  return true;
};

/** Has the wallet look at every block again. Throws ChainError, StoreError. */
export const replayWallet = async (parts: ReplayParts): Promise<void> => {
  // No block is added or taken away while it reads; between two attempts the follower catches up with a chain that moved.
  while (!(await parts.follower.exclusive(() => readBlocks(parts)))) await new Promise(setImmediate);
};
