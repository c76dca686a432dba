/**
 * Coins reserved for claims that are no longer wanted. They stay reserved until the claim's transaction can no longer confirm: while the
 * output that it spends is unspent in the chain, a block may still include it.
 */
import type { Claim } from '../../channel/model/claim.ts';
import { outpointKey } from '../chain/watchrules.ts';
import type { Chain, Outpoint } from '../ports/ports.ts';
import { claimOwner } from '../wallet/view.ts';
import type { Wallet } from '../wallet/wallet.ts';

/** Whom coins that pay for a claim are promised to. */
const ownerOfKey = (key: string): string => `${claimOwner}${key}`;
/** The outpoint, as a key, of whose claim such an owner is; undefined for other owners. */
export const outpointKeyOfOwner = (owner: string): string | undefined =>
  owner.startsWith(claimOwner) ? owner.slice(claimOwner.length) : undefined;
export const coinOwnerOf = ({ outpoint }: Pick<Claim, 'outpoint'>): string =>
  ownerOfKey(outpointKey(outpoint.txid, outpoint.index));

export interface ClaimCoinsParts {
  readonly chain: Chain;
  readonly wallet: Wallet;
  readonly fatal: (error: unknown) => void;
}

export class ClaimCoins {
  private readonly parts: ClaimCoinsParts;
  /** By owner: the outpoint its transaction spends, and whether that is an output of the wallet. */
  private readonly held = new Map<string, { readonly outpoint: Outpoint; readonly own: boolean }>();

  constructor(parts: ClaimCoinsParts) {
    this.parts = parts;
  }

  /**
   * The claim is dropped: its coins stay reserved until its transaction can no longer confirm. If it spends an output of the
   * wallet (`own`), they are released as soon as the transaction is in no mempool: another spend then harms nobody.
   */
  holdUntilImpossible(claimed: Pick<Claim, 'outpoint'>, own = false): void {
    const { txid, index } = claimed.outpoint;
    this.held.set(coinOwnerOf(claimed), { outpoint: { txid, vout: index }, own });
  }

  /** The claim is wanted again: its coins stay reserved for it. */
  claimAgain(claim: Pick<Claim, 'outpoint'>): void {
    this.held.delete(coinOwnerOf(claim));
  }

  /** Releases a claim's coins at once: it never had a transaction, or its channel was closed long ago. */
  release(claimed: Pick<Claim, 'outpoint'>): void {
    const { wallet, fatal } = this.parts;
    const owner = coinOwnerOf(claimed);
    this.held.delete(owner);
    if (wallet.owners().includes(owner)) wallet.release(owner).catch(fatal);
  }

  /** Releases the coins whose transactions can no longer confirm. Throws ChainError, StoreError. */
  async releaseImpossible(): Promise<void> {
    const { wallet } = this.parts;
    for (const [owner, { outpoint, own }] of [...this.held]) {
      if (!wallet.owners().includes(owner)) this.held.delete(owner);
      else if ((await this.isFree(outpoint, own)) && this.held.delete(owner)) await wallet.release(owner);
    }
  }

  private async isFree(outpoint: Outpoint, own: boolean): Promise<boolean> {
    const { chain } = this.parts;
    if ((await chain.unspent(outpoint)) === undefined) return true;
    return own && (await chain.mempoolSpender(outpoint)) === undefined;
  }
}
