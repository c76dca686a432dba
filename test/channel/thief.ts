/** A side that goes back to an old state of its own, and what it can do with that. */

import { Transaction } from 'bitcoinjs-lib';
import { claimWitness, keyScriptCode } from '../../channel/claims/claimwitness.ts';
import type { HtlcClaim } from '../../channel/model/claim.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { derSignature } from '../../channel/tx/signing.ts';
import { sign } from '../../wire/crypto.ts';
import { rawOf } from '../support/spend.ts';
import { goOnchain } from './play.ts';
import { claimsOf, FEE, tip, type World } from './world.ts';

/** `b` forgets all that came after `old` and publishes its commitment of that time. */
export const steal = (world: World, old: ChannelState): void => {
  world.pair.b.state = old;
  goOnchain(world, 'b');
};

const isHtlc = (claim: { readonly kind: string }): claim is HtlcClaim => claim.kind === 'htlc';

/**
 * The thief's HTLC transactions with anchors that may be in the next block, those with one locktime in one transaction each: our
 * signatures say nothing about other inputs. A coin of its wallet pays the fee.
 */
export const aggregated = (world: World): readonly Uint8Array[] => {
  const due = claimsOf(world, 'b')
    .filter(isHtlc)
    .filter(({ from }) => from <= tip(world) + 1);
  const locktimes = [...new Set(due.map(({ locktime }) => locktime))];
  return locktimes.map((locktime, n) =>
    together(
      world,
      due.filter((claim) => claim.locktime === locktime),
      n,
    ),
  );
};

const together = (world: World, claims: readonly HtlcClaim[], n: number): Uint8Array => {
  const { state } = world.pair.b;
  const { wallet, coins } = world.keepers.b;
  const coin = coins.filter((one) => world.chain.coin(one) !== undefined)[n];
  if (!('core' in state) || coin === undefined) throw new Error('nothing to steal with');
  const tx = new Transaction();
  tx.version = 2;
  tx.locktime = claims[0]?.locktime ?? 0;
  for (const { outpoint, sequence, pays } of claims) {
    tx.addInput(outpoint.txid, outpoint.index, sequence);
    tx.addOutput(pays.script, pays.value);
  }
  tx.addInput(coin.txid, coin.vout, 0xfffffffd);
  tx.addOutput(wallet.script, coin.amount - FEE);
  claims.forEach((claim, i) => {
    const digest = tx.hashForWitnessV0(i, claim.scriptCode, claim.value, Transaction.SIGHASH_ALL);
    tx.setWitness(i, [...claimWitness(state, claim, digest)]);
  });
  const digest = tx.hashForWitnessV0(claims.length, keyScriptCode(wallet.key), coin.amount, Transaction.SIGHASH_ALL);
  tx.setWitness(claims.length, [derSignature(sign(digest, wallet.secret), Transaction.SIGHASH_ALL), wallet.key]);
  return rawOf(tx);
};
