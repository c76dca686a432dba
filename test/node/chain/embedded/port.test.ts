/** The embedded chain under the suite that every Chain must pass. */
import { beforeAll } from 'vitest';
import { embeddedChain } from '../../../../node/chain/embedded/chain.ts';
import { openRegtest } from '../../../../node/chain/embedded/regtest.ts';
import { systemClock } from '../../../../node/entropy.ts';
import { networkOf } from '../../../../node/network.ts';
import { scriptOfAddress } from '../../../../node/wallet/address.ts';
import { type ChainUnderTest, chainSuite } from '../../../ports/chain.ts';

let under: ChainUnderTest;
beforeAll(async () => {
  const regtest = await openRegtest(systemClock);
  under = {
    chain: embeddedChain(regtest, systemClock),
    mine: async (blocks, address) => regtest.mine(blocks, scriptOfAddress(address, networkOf('regtest'))),
    invalidate: async (hash) => regtest.invalidate(hash),
  };
});

chainSuite('embedded chain', 'chain suite', () => under);
