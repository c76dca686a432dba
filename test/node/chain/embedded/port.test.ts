/** The embedded chain under the suites that every Chain must pass. */
import { beforeAll } from 'vitest';
import { embeddedChain } from '../../../../node/chain/embedded/chain.ts';
import { openRegtest } from '../../../../node/chain/embedded/regtest.ts';
import { systemClock } from '../../../../node/entropy.ts';
import { networkOf } from '../../../../node/network.ts';
import { scriptOfAddress } from '../../../../node/wallet/address.ts';
import { chainSuite } from '../../../ports/chain.ts';
import { locksSuite } from '../../../ports/locks.ts';
import type { RulesUnderTest } from '../../../ports/purse.ts';
import { relaySuite } from '../../../ports/relay.ts';

let under: RulesUnderTest;
beforeAll(async () => {
  const regtest = await openRegtest(systemClock);
  const scriptOf = (address: string) => scriptOfAddress(address, networkOf('regtest'));
  under = {
    chain: embeddedChain(regtest, systemClock),
    mine: async (blocks, address) => regtest.mine(blocks, scriptOf(address)),
    mineOnly: async (only, address) => regtest.mine(1, scriptOf(address), { only })[0] ?? '',
    invalidate: async (hash) => regtest.invalidate(hash),
  };
});

chainSuite('embedded chain', 'chain suite', () => under);
locksSuite('embedded chain', 'locks suite', () => under);
relaySuite('embedded chain', 'relay suite', () => under);
