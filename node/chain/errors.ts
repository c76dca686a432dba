/** What can go wrong with a chain, as codes with their data; the sentences are for logs and operators. */

/** Why the network will not take a transaction. `unknown` keeps the chain's own words in `message`. */
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
      return `the chain's answer to ${fault.method} makes no sense: ${fault.detail}`;
    case 'refused':
      return `${fault.method} failed with code ${fault.rpcCode}: ${fault.message}`;
    case 'rejected':
      return `the network does not take the transaction (${fault.refusal}): ${fault.message}`;
    case 'wrong_network':
      return `the chain is ${fault.found}, but this node is configured for ${fault.expected}`;
    case 'unknown_block':
      return `the chain has no block ${fault.hash}`;
    case 'pruned':
      return `bitcoind has pruned block ${fault.height}, which this node has still to read, and none of its peers gave it. Let it connect to a node that has all blocks (bitcoin-cli addnode), or run it with -prune=0 and -reindex`;
    case 'reorg_too_deep':
      return `the chain lost block ${fault.height} and what is below it, deeper than this node remembers, and bitcoind does not know that block any more. Point --bitcoind at the bitcoind that the node followed; where that is gone, begin with a new --dir, the same seed and \`ampere recover\` of the backup`;
    case 'other_chain':
      return `bitcoind has another chain than this node has followed up to block ${fault.height}: they differ from block 1 on. Point --bitcoind at the one it had; where a regtest was begun anew, begin anew with another --dir, too`;
    case 'closed':
      return 'the connection to the chain is closed';
  }
};

/** A question to the chain that got no good answer. */
export class ChainError extends Error {
  override readonly name = 'ChainError';
  readonly fault: ChainFault;
  constructor(fault: ChainFault) {
    super(describe(fault));
    this.fault = fault;
  }
}

/** True when asking again later may help: nobody there, not ready yet, or a block that has to come from elsewhere. */
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

/** What kind of refusal bitcoind's words are. */
export const rejectReasonOf = (message: string): RejectReason =>
  refusals.find(([pattern]) => pattern.test(message))?.[1] ?? 'unknown';

/** True where another fee would have been taken: too little to be relayed, or to replace what waits already. */
export const isFeeTooLow = (error: unknown): error is ChainError =>
  error instanceof ChainError &&
  error.fault.code === 'rejected' &&
  (error.fault.refusal === 'fee_too_low' || error.fault.refusal === 'replacement_fee_too_low');

/** The error for a transaction that was refused with these words. */
export const rejectedError = (message: string): ChainError =>
  new ChainError({ code: 'rejected', refusal: rejectReasonOf(message), message });
