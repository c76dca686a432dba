/** What can go wrong with a chain, as codes with their data; the sentences are for logs and operators. */

/** Why the network will not take a transaction. `unknown` keeps the chain's own words in `message`. */
export type Refusal =
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
  | { readonly code: 'rejected'; readonly refusal: Refusal; readonly message: string }
  | { readonly code: 'wrong_network'; readonly expected: string; readonly found: string }
  | { readonly code: 'unknown_block'; readonly hash: string }
  | { readonly code: 'reorg_too_deep'; readonly height: number }
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
    case 'reorg_too_deep':
      return `the chain changed below height ${fault.height}, deeper than this node remembers`;
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

/** True when asking again later may help: nobody there, or not ready yet. */
export const isTransient = (error: unknown): error is ChainError =>
  error instanceof ChainError && (error.fault.code === 'unreachable' || error.fault.code === 'warming_up');
