/**
 * Bumping an agreed closing with a child of our output (CPFP; BOLT 2, "Legacy Closing Negotiation" counts on it). The node decides which
 * outputs belong to the wallet: a caller may have closed to another script.
 */

import { Transaction } from 'bitcoinjs-lib';
import { sat } from '../../wire/units.ts';
import { witnessWeight } from '../claims/claimwitness.ts';
import { REPLACEABLE } from '../claims/sweepclaim.ts';
import type { BumpClaim } from '../model/claim.ts';
import type { Failed, Negotiating } from '../model/state.ts';
import { transactionId } from '../tx/transaction.ts';
import { agreedSince } from './exits.ts';

/** Blocks before an accepted closing is bumped: an hour of waiting is cheaper than a second fee. */
const LEFT_ALONE = 6;

/** The 20 bytes of a P2WPKH script; undefined for any other. Only such outputs can be a wallet's. */
const keyHashOf = (script: Uint8Array): Uint8Array | undefined =>
  script.length === 22 && script[0] === 0 && script[1] === 20 ? script.subarray(2) : undefined;

/** BIP 143's scriptCode of a P2WPKH output. */
const scriptCodeOf = (keyHash: Uint8Array): Uint8Array => Uint8Array.of(0x76, 0xa9, 20, ...keyHash, 0x88, 0xac);

/** One for each output of the agreed closing that a wallet may own. */
export const closingClaims = (state: Negotiating | Failed): readonly BumpClaim[] => {
  const { core, agreed } = state;
  // The caller's limit on the fee of the close also holds for its child.
  const maxFeerate = state.phase === 'negotiating' ? state.feerates?.max : undefined;
  const since = agreed && agreedSince(core);
  if (agreed === undefined || since === undefined) return [];
  const tx = Transaction.fromBuffer(agreed);
  const parentFee = sat(tx.outs.reduce((left, { value }) => left - value, core.params.capacity as bigint));
  const from = core.closings.refusedSince === undefined ? since + LEFT_ALONE : 0;
  return tx.outs.flatMap((output, index): readonly BumpClaim[] => {
    const script = new Uint8Array(output.script);
    const keyHash = keyHashOf(script);
    if (keyHash === undefined) return [];
    const scriptCode = scriptCodeOf(keyHash);
    const unlock = { by: 'wallet', script } as const;
    return [
      {
        kind: 'bump',
        outpoint: { txid: transactionId(tx), index },
        value: sat(output.value),
        from,
        deadline: undefined,
        why: 'closing',
        maxFeerate,
        parent: agreed,
        parentFee,
        sequence: REPLACEABLE,
        scriptCode,
        witnessWeight: witnessWeight(unlock, scriptCode, false),
        unlock,
      },
    ];
  });
};
