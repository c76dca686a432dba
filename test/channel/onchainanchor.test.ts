/** Our anchor of a commitment that is in the chain: it goes with a claim that nobody hurries, and holds nothing up. */

import { Transaction } from 'bitcoinjs-lib';
import { expect, test } from 'vitest';
import { claimWitness } from '../../channel/claims/claimwitness.ts';
import type { Claim, SweepClaim } from '../../channel/model/claim.ts';
import type { Funded } from '../../channel/model/state.ts';
import { elsewhere, rawOf } from '../support/spend.ts';
import { onStage } from './onstage.ts';
import { coreOf, offerOf, settle } from './pair.ts';
import { goOnchain, isClosed, playOut } from './play.ts';
import { steal } from './thief.ts';
import { both, claimsOf, type FormatName, mine, tell, tip, type Who, type World } from './world.ts';

const world = onStage();

const ANCHORS: FormatName = 'anchors_zero_fee_htlc_tx';
const besideOf = (claim: Claim) => (claim.kind === 'sweep' ? claim.anchor : undefined);
const taking = (so: World, who: Who): readonly SweepClaim[] =>
  claimsOf(so, who).flatMap((claim) => (claim.kind === 'sweep' && claim.anchor !== undefined ? [claim] : []));

/** The transaction that takes a claim and what goes beside it. */
const together = (so: World, who: Who, claim: SweepClaim): Transaction => {
  const { anchor } = claim;
  if (anchor === undefined) throw new Error('nothing goes beside it');
  const tx = new Transaction();
  tx.version = 2;
  tx.addInput(claim.outpoint.txid, claim.outpoint.index, claim.sequence);
  tx.addInput(anchor.outpoint.txid, anchor.outpoint.index, anchor.sequence);
  tx.addOutput(elsewhere, claim.value + anchor.value - 300n);
  [claim, anchor].forEach((one, index) => {
    const digest = tx.hashForWitnessV0(index, one.scriptCode, one.value, Transaction.SIGHASH_ALL);
    const state = so.pair[who].state as Funded;
    tx.setWitness(index, [...claimWitness(state, one, new Uint8Array(digest))]);
  });
  return tx;
};

test('our anchor is swept with our balance on either commitment, once each', () => {
  const so = world(ANCHORS);
  goOnchain(so, 'a');
  for (const who of both) {
    const [claim] = taking(so, who);
    expect(taking(so, who)).toHaveLength(1);
    expect(claim?.why).toBe(who === 'a' ? 'to_local' : 'to_remote');
    expect(claim?.anchor?.value).toBe(330n);
  }
  const [first, second] = both.flatMap((who) => taking(so, who));
  expect(first?.anchor?.outpoint).not.toEqual(second?.anchor?.outpoint);
});

test('our anchor is spent with a signature of the funding key and is then claimed no more', () => {
  const so = world(ANCHORS);
  goOnchain(so, 'a');
  const [claim] = taking(so, 'b');
  if (claim === undefined) throw new Error('nothing is claimed');
  mine(so, [rawOf(together(so, 'b', claim))]);
  expect(claimsOf(so, 'b')).toEqual([]);
});

test('an anchor that somebody else takes leaves the claim as it was without it', () => {
  const so = world(ANCHORS);
  goOnchain(so, 'a');
  const [claim] = taking(so, 'a');
  const [theirs] = taking(so, 'b');
  const beside = claim?.anchor;
  if (beside === undefined || theirs === undefined) throw new Error('nothing is claimed');
  // After 16 blocks its script asks nobody for a signature.
  while (tip(so) < (claim?.from ?? 0) + 6) mine(so);
  const tx = new Transaction();
  tx.version = 2;
  tx.addInput(beside.outpoint.txid, beside.outpoint.index, 16);
  tx.addOutput(Uint8Array.of(0x6a), 0n);
  tx.setWitness(0, [new Uint8Array(), beside.scriptCode]);
  mine(so, [rawOf(tx)]);
  expect(claimsOf(so, 'a').map(({ why }) => why)).toEqual(['to_local']);
  expect(taking(so, 'a')).toEqual([]);
});

test('our anchor is never attached to a claim with a deadline', () => {
  const so = world(ANCHORS);
  tell(so, 'a', { ...offerOf(50_000_000n, 1), expiry: tip(so) + 30 });
  settle(so.pair);
  const old = so.pair.b.state;
  tell(so, 'a', { ...offerOf(10_000_000n, 2), expiry: tip(so) + 30 });
  settle(so.pair);
  steal(so, old);
  const claims = claimsOf(so, 'a');
  expect(claims.some(({ deadline }) => deadline !== undefined)).toBe(true);
  for (const claim of claims) if (claim.deadline !== undefined) expect(besideOf(claim)).toBeUndefined();
  expect(taking(so, 'a').map(({ why }) => why)).toEqual(['to_remote']);
});

test('an anchor left unswept does not keep the channel from closing', () => {
  const so = world(ANCHORS);
  goOnchain(so, 'a');
  playOut(so);
  for (const who of both) expect(isClosed(so, who)).toBe(true);
});

test('no anchor is tracked where the commitment format has none', () => {
  const so = world('static_remotekey');
  goOnchain(so, 'a');
  for (const who of both) expect(taking(so, who)).toEqual([]);
  expect(coreOf(so.pair.a).params.format).toBe('static_remotekey');
});
