/** The embedded chain under the suites that every Chain must pass. */
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../node/base/entropy.ts';
import { networkOf } from '../../../../node/ports/network.ts';
import { embeddedChain } from '../../../../node/regtest/chain/chain.ts';
import { openRegtest, type Regtest } from '../../../../node/regtest/chain/regtest.ts';
import { scriptOfAddress } from '../../../../node/wallet/address.ts';
import { arrivalsSuite } from '../../../ports/arrivals.ts';
import { chainSuite } from '../../../ports/chain.ts';
import { locksSuite } from '../../../ports/locks.ts';
import { packageSuite } from '../../../ports/package.ts';
import { idOf, openPurse, type RulesUnderTest } from '../../../ports/purse.ts';
import { relaySuite } from '../../../ports/relay.ts';

let under: RulesUnderTest;
let regtest: Regtest;
beforeAll(async () => {
  regtest = await openRegtest(systemClock);
  const scriptOf = (address: string) => scriptOfAddress(address, networkOf('regtest'));
  under = {
    chain: embeddedChain(regtest, systemClock),
    mine: async (blocks, address) => regtest.mine(blocks, scriptOf(address)),
    mineOnly: async (only, address) => regtest.mine(1, scriptOf(address), { only })[0] ?? '',
    invalidate: async (hash) => regtest.invalidate(hash),
  };
});

chainSuite('embedded chain', 'chain suite', () => under);
arrivalsSuite('embedded chain', 'arrivals suite', () => under);
locksSuite('embedded chain', 'locks suite', () => under);
relaySuite('embedded chain', 'relay suite', () => under);
packageSuite('embedded chain', 'package suite', () => under);

describe('a pool that is full', () => {
  test('takes what pays too little only with a child that pays for both', async () => {
    const purse = await openPurse(under, 'a full pool');
    const coin = await purse.coin();
    const parent = purse.keys.give([coin], 300n, purse.keys.script);
    const child = (fee: bigint) => purse.keys.give([purse.keys.coinOf(parent, 0)], fee);
    regtest.minimum = 5_000;
    try {
      expect(await purse.answer(parent)).toBe('fee_too_low');
      expect(await purse.answerPackage(parent, child(3_000n))).toBe('fee_too_low');
      expect(await purse.spenderOf(coin)).toBeUndefined();
      expect(await purse.answerPackage(parent, child(6_000n))).toBe('taken');
      expect(await purse.spenderOf(coin)).toBe(idOf(parent));
      await purse.mine();
      expect(await purse.chain.unspent(coin)).toBeUndefined();
    } finally {
      regtest.minimum = 0;
    }
  });
});
