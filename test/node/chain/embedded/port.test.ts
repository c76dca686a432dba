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
import { heldClock } from '../../../support/quiet.ts';
import { keyring } from '../../../support/spend.ts';

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

describe('the wait for a block', () => {
  test.each([0, 1, 2, 3, 4, 5])('ends with one that is mined %i turns after it was asked for', async (turns) => {
    // Of its timers none runs out: only the block ends the wait.
    const chain = embeddedChain(regtest, heldClock());
    const { hash } = await chain.tip();
    const waiting = chain.waitForChange(hash, new AbortController().signal);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    const { script } = keyring('wait');
    regtest.mine(1, script);
    await waiting;
    expect((await chain.tip()).hash).not.toBe(hash);
  });

  test('ends where the chain is closed as it begins', async () => {
    const chain = embeddedChain(regtest, heldClock());
    const { hash } = await chain.tip();
    const waiting = chain.waitForChange(hash, new AbortController().signal);
    await Promise.resolve();
    await Promise.resolve();
    await chain.close();
    await waiting;
  });
});
