/** Builds and signs the transaction of a plan: the claim's input at index 0, then our anchor if it is added, then the coins. */

import { Transaction } from 'bitcoinjs-lib';
import type { UnsignedClaim } from '../../channel/model/claim.ts';
import { equal } from '../../wire/bytes.ts';
import { outpointKey } from '../chain/watchrules.ts';
import { replaceable } from '../wallet/build.ts';
import type { Fund } from '../wallet/view.ts';
import { anchorKeyOf } from './anchorinput.ts';
import type { TxDraft } from './plan.ts';

/** What signs: the channel for its input (`digest` is BIP 143's with SIGHASH_ALL, 32 bytes), the wallet for its coins. */
export interface Signers {
  witness(input: Pick<UnsignedClaim, 'unlock' | 'scriptCode'>, digest: Uint8Array): readonly Uint8Array[];
  coins(tx: Transaction, inputs: readonly { readonly index: number; readonly coin: Fund }[]): void;
}

/** The transaction of a draft, signed. */
export const assemble = (claim: UnsignedClaim, draft: TxDraft<Fund>, signers: Signers): Transaction => {
  const { coins, outputs, locktime } = draft;
  const anchor = draft.withAnchor && claim.kind === 'sweep' ? claim.anchor : undefined;
  const tx = new Transaction();
  tx.version = 2;
  tx.locktime = locktime;
  tx.addInput(claim.outpoint.txid, claim.outpoint.index, claim.sequence);
  if (anchor !== undefined) tx.addInput(anchor.outpoint.txid, anchor.outpoint.index, anchor.sequence);
  for (const { txid, vout } of coins) tx.addInput(txid, vout, replaceable);
  for (const { script, value } of outputs) tx.addOutput(script, value);
  const own = anchor === undefined ? [claim] : [claim, anchor];
  own.forEach((input, index) => {
    const digest = tx.hashForWitnessV0(index, input.scriptCode, input.value, Transaction.SIGHASH_ALL);
    tx.setWitness(index, [...signers.witness(input, new Uint8Array(digest))]);
  });
  signers.coins(
    tx,
    coins.map((coin, i) => ({ index: i + own.length, coin })),
  );
  return tx;
};

/** Keys of the outpoints that a claim's transaction spends besides the claim's own: coins, and our anchor. */
export const coinKeysOf = (tx: Transaction): readonly string[] =>
  tx.ins.slice(1).map(({ hash, index }) => outpointKey(hash, index));

/**
 * Whether a transaction that was built for a claim is still right for it: whether the HTLC is claimed by preimage or timeout may have
 * changed since, and a reorg may have removed its coins.
 */
export const stillFits = (claim: UnsignedClaim, tx: Transaction, coins: readonly Pick<Fund, 'key'>[]): boolean => {
  const [input] = tx.ins;
  const [output] = tx.outs;
  if (input?.sequence !== claim.sequence || tx.locktime !== (claim.kind === 'bump' ? 0 : claim.locktime)) return false;
  const pays = claim.kind === 'htlc' ? claim.pays : undefined;
  if (pays !== undefined && !(output?.value === pays.value && equal(output.script, pays.script))) return false;
  const there = new Set(coins.map(({ key }) => key));
  const anchor = anchorKeyOf(claim);
  return coinKeysOf(tx).every((key) => there.has(key) || key === anchor);
};
