/** From the words in which bitcoind refuses a transaction to a code; the embedded chain speaks the same words. */
import { ChainError, type Refusal } from './errors.ts';

/** bitcoind's reject reasons, first match wins. */
const refusals: readonly (readonly [RegExp, Refusal])[] = [
  [/exceeds maximum configured|max feerate exceeded/i, 'fee_too_high'],
  [/missing[- ]?inputs|missingorspent/i, 'missing_inputs'],
  [/insufficient fee|too many potential replacements/i, 'replacement_fee_too_low'],
  [/mempool-conflict|txn-same-nonwitness|conflict|adds-unconfirmed/i, 'conflict'],
  [/fee not met|min relay fee|mempool full|fee rate/i, 'fee_too_low'],
  [/non-final|non-bip68-final|premature/i, 'not_final'],
  [/dust/i, 'dust'],
  [/too-long-mempool-chain|too many (?:unconfirmed|descendants|ancestors)|cluster/i, 'too_many_unconfirmed'],
  [/script-verify|bad-txns|bad-witness|scriptpubkey|decode failed|version|tx-size/i, 'invalid'],
];

/** What kind of refusal bitcoind's words are. */
export const refusalOf = (message: string): Refusal =>
  refusals.find(([pattern]) => pattern.test(message))?.[1] ?? 'unknown';

/** True where another fee would have been taken: too little to be relayed, or to replace what waits already. */
export const isFeeRefusal = (error: unknown): error is ChainError =>
  error instanceof ChainError &&
  error.fault.code === 'rejected' &&
  (error.fault.refusal === 'fee_too_low' || error.fault.refusal === 'replacement_fee_too_low');

/** The error for a transaction that was refused with these words. */
export const rejected = (message: string): ChainError =>
  new ChainError({ code: 'rejected', refusal: refusalOf(message), message });
