/** Which coins count as kept for claims on chain, and that no payment takes them unasked. */
import { expect, test } from 'vitest';
import { claimOwner } from '../../../node/wallet/view.ts';
import { sat } from '../../../wire/units.ts';
import { chainTx, payment } from '../../support/chain.ts';
import { walletKeys as keys, walletOver } from '../../support/walletover.ts';

const want = (amount: bigint, leave?: bigint) => ({
  amount: sat(amount),
  scriptLength: 22,
  feerate: 1_000,
  ...(leave !== undefined && { leave: sat(leave) }),
});

test('those promised to nobody or to claims, not those of an opening, nor what a claim could not use', async () => {
  const { wallet, deposit } = await walletOver();
  await deposit(50_000n, 1_360n, 1_361n);
  expect(wallet.forClaims()).toBe(51_361n);
  const [coin] = wallet.funds();
  await wallet.promise(`${claimOwner}an output`, [coin?.key ?? '']);
  expect(wallet.forClaims()).toBe(51_361n);
  await wallet.release(`${claimOwner}an output`);
  await wallet.promise('funding/a channel', [coin?.key ?? '']);
  expect(wallet.forClaims()).toBe(1_361n);
  // A reward that is too young.
  const reward = chainTx(payment([], [{ script: keys.script({ branch: 0, index: 9 }), amount: 90_000n }]));
  const block = { height: 2, hash: 'aa', previous: 'bb', time: 0, transactions: [reward] };
  wallet.apply({ event: 'connected', block });
  expect(wallet.forClaims()).toBe(1_361n);
});

test('change counts as soon as it is sent', async () => {
  const { wallet, deposit } = await walletOver();
  await deposit(50_000n);
  const plan = await wallet.reserve('send/1', want(20_000n));
  expect(wallet.forClaims()).toBe(0n);
  await wallet.sending(wallet.sign(plan, keys.script({ branch: 0, index: 99 })));
  expect(wallet.forClaims()).toBe(plan.change?.amount);
});

test('an amount that leaves less than is kept is refused, to the satoshi, and promises nothing', async () => {
  const { wallet, deposit } = await walletOver();
  await deposit(50_000n);
  const { change } = await wallet.reserve('send/1', want(20_000n));
  await wallet.release('send/1');
  const left = change?.amount ?? 0n;
  await expect(wallet.reserve('send/1', want(20_000n, left + 1n))).rejects.toMatchObject({
    fault: { code: 'reserved_for_claims', left, kept: left + 1n },
  });
  expect(wallet.owners()).toEqual([]);
  await wallet.reserve('send/1', want(20_000n, left));
});
