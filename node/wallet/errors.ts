/** Errors of the wallet: a code with its data, and a message for operators. */
import type { Sat } from '../../wire/units.ts';

/** Coins that cannot be spent now: too few confirmations, reserved, or block rewards that are not mature. */
export interface HeldBack {
  readonly shallow: Sat;
  readonly minDepth: number;
  readonly reserved: Sat;
  readonly immature: Sat;
}

export type WalletFault =
  /** `needed` includes the fee the transaction would pay; `available` is what could be spent now, before fees. */
  | { readonly code: 'insufficient_funds'; readonly needed: Sat; readonly available: Sat; readonly held?: HeldBack }
  /** Less than the reserve for claims on chain would be left. */
  | { readonly code: 'reserved_for_claims'; readonly left: Sat; readonly kept: Sat }
  | { readonly code: 'dust'; readonly amount: Sat; readonly minimum: Sat }
  | { readonly code: 'bad_address'; readonly address: string; readonly expected: string }
  | { readonly code: 'bad_feerate'; readonly feerate: number; readonly expected: string }
  | { readonly code: 'already_reserved'; readonly owner: string }
  | { readonly code: 'cannot_give_up'; readonly txid: string; readonly why: string }
  | { readonly code: 'bad_seed'; readonly path: string; readonly detail: string };

/** Addresses have at most 90 characters; an error shows no more than this many of a longer text. */
const shortened = (given: string): string => (given.length > 100 ? `${given.slice(0, 100)}…` : given);

/** Coins of the wallet that do not count, each kind with the reason. */
const heldBack = ({ shallow, minDepth, reserved, immature }: HeldBack): readonly string[] => [
  ...(shallow > 0n
    ? [`${shallow} sat wait for ${minDepth === 1 ? 'a block' : `${minDepth} confirmations`} (minconf)`]
    : []),
  ...(reserved > 0n ? [`${reserved} sat are reserved for transactions that are being made`] : []),
  ...(immature > 0n ? [`${immature} sat are rewards of blocks that are not 100 deep`] : []),
];

/** The same; for an empty wallet, when coins sent to it count. */
const notCounted = (available: Sat, held: HeldBack): readonly string[] => {
  const known = heldBack(held);
  return known.length > 0 || available > 0n ? known : ['coins that were sent to it count once a block has them'];
};

const describe = (fault: WalletFault): string => {
  switch (fault.code) {
    case 'insufficient_funds':
      return [
        `not enough money in the wallet: ${fault.needed} sat needed with fees, ${fault.available} sat can be spent`,
        ...(fault.held === undefined ? [] : notCounted(fault.available, fault.held)),
      ].join('; ');
    case 'reserved_for_claims':
      return (
        `${fault.left} sat would stay in the wallet, where ${fault.kept} sat are kept to pay for claims of channels with anchors: ` +
        'ask for less, send coins to it (newaddr), or say use_reserve=true'
      );
    case 'dust':
      return `${fault.amount} sat is too little for an output: the network relays none below ${fault.minimum} sat`;
    case 'bad_address':
      return `${JSON.stringify(shortened(fault.address))} is no address here: expected ${fault.expected}`;
    case 'bad_feerate':
      return `feerate ${fault.feerate} sat per 1000 weight: expected ${fault.expected}`;
    case 'already_reserved':
      return `coins are already reserved for ${fault.owner}`;
    case 'cannot_give_up':
      return `${fault.txid} cannot be given up: ${fault.why}`;
    case 'bad_seed':
      return `the seed in ${fault.path} cannot be used: ${fault.detail}`;
  }
};

/** A request that the wallet refuses or cannot fulfil. */
export class WalletError extends Error {
  override readonly name = 'WalletError';
  readonly fault: WalletFault;
  constructor(fault: WalletFault) {
    super(describe(fault));
    this.fault = fault;
  }
}
