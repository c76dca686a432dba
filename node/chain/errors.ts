/** Errors of a chain, as codes with their data; the sentences are for logs and operators. */

/** Why bitcoind rejected a transaction; `message` has bitcoind's own words. */
export type RejectReason =
  | 'missing_inputs'
  | 'conflict'
  | 'fee_too_low'
  | 'fee_too_high'
  | 'replacement_fee_too_low'
  | 'not_final'
  | 'dust'
  | 'too_many_unconfirmed'
  | 'invalid'
  | 'unknown';

export type ChainFault =
  | { readonly code: 'unreachable'; readonly where: string; readonly reason: string }
  | { readonly code: 'warming_up'; readonly where: string; readonly message: string }
  | { readonly code: 'unauthorized'; readonly where: string; readonly hint: string }
  | { readonly code: 'bad_answer'; readonly method: string; readonly detail: string }
  | { readonly code: 'refused'; readonly method: string; readonly rpcCode: number; readonly message: string }
  | { readonly code: 'rejected'; readonly refusal: RejectReason; readonly message: string }
  | { readonly code: 'wrong_network'; readonly expected: string; readonly found: string }
  | { readonly code: 'unknown_block'; readonly hash: string }
  | { readonly code: 'pruned'; readonly height: number }
  | { readonly code: 'reorg_too_deep'; readonly height: number }
  | { readonly code: 'other_chain'; readonly height: number }
  | { readonly code: 'closed' };

const describe = (fault: ChainFault): string => {
  switch (fault.code) {
    case 'unreachable':
      return `no answer from bitcoind at ${fault.where}: ${fault.reason}`;
    case 'warming_up':
      return `bitcoind at ${fault.where} is still starting: ${fault.message}`;
    case 'unauthorized':
      return `bitcoind at ${fault.where} does not accept our credentials: ${fault.hint}`;
    case 'bad_answer':
      return `bitcoind's answer to ${fault.method} is invalid: ${fault.detail}`;
    case 'refused':
      return `${fault.method} failed with code ${fault.rpcCode}: ${fault.message}`;
    case 'rejected':
      return `bitcoind rejected the transaction (${fault.refusal}): ${fault.message}`;
    case 'wrong_network':
      return `bitcoind runs on ${fault.found}, but this node is configured for ${fault.expected}`;
    case 'unknown_block':
      return `bitcoind does not know block ${fault.hash}`;
    case 'pruned':
      return `bitcoind has pruned block ${fault.height}, which this node has not read yet, and none of bitcoind's peers sent it. Let bitcoind connect to a node that has all blocks (bitcoin-cli addnode), or run it with -prune=0 and -reindex`;
    case 'reorg_too_deep':
      return `a reorganization removed block ${fault.height} and blocks below it, deeper than this node remembers, and bitcoind does not know that block any more. Point --bitcoind at the bitcoind that the node followed before; if there is none any more, start with a new --dir and the same seed, and restore the backup with \`ampere recover\``;
    case 'other_chain':
      return `bitcoind has another chain than this node has followed up to block ${fault.height}: they differ from block 1 on. Point --bitcoind at the bitcoind that it followed before; if this is a new regtest chain, start the node with a new --dir`;
    case 'closed':
      return 'the connection to the chain is closed';
  }
};

/** A call to the chain that failed. */
export class ChainError extends Error {
  override readonly name = 'ChainError';
  readonly fault: ChainFault;
  constructor(fault: ChainFault) {
    super(describe(fault));
    this.fault = fault;
  }
}

/** Whether the same call may succeed later: bitcoind is unreachable or starting, or has to fetch a block. */
export const isRetriable = (error: unknown): error is ChainError =>
  error instanceof ChainError && /^(?:unreachable|warming_up|pruned)$/.test(error.fault.code);

/** bitcoind's reject reasons, first match wins. */
export const refusals: readonly (readonly [RegExp, RejectReason])[] = [
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

/** The reason for a rejection, from bitcoind's words. */
export const rejectReasonOf = (message: string): RejectReason =>
  refusals.find(([pattern]) => pattern.test(message))?.[1] ?? 'unknown';

/** Whether a higher fee would be accepted: it is too low to be relayed, or to replace a conflicting transaction. */
export const isFeeTooLow = (error: unknown): error is ChainError =>
  error instanceof ChainError &&
  error.fault.code === 'rejected' &&
  (error.fault.refusal === 'fee_too_low' || error.fault.refusal === 'replacement_fee_too_low');

/** The error for a transaction that bitcoind rejected with this message. */
export const rejectedError = (message: string): ChainError =>
  new ChainError({ code: 'rejected', refusal: rejectReasonOf(message), message });
