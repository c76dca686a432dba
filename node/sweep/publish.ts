/** Processes one claim at one height: plans, signs, saves and publishes its transaction, with a higher fee where it is rejected. */

import { Transaction } from 'bitcoinjs-lib';
import type { Claim, UnsignedClaim } from '../../channel/model/claim.ts';
import { type Sat, sat, txid } from '../../wire/units.ts';
import { ChainError, isFeeTooLow } from '../chain/errors.ts';
import { outpointKey } from '../chain/watchrules.ts';
import type { Chain } from '../ports/ports.ts';
import type { Fund } from '../wallet/view.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { spendsAnchor } from './anchorinput.ts';
import { assemble, coinKeysOf, type Signers, stillFits } from './assemble.ts';
import { coinOwnerOf } from './claimcoins.ts';
import type { ClaimStatus } from './claimstatus.ts';
import { isChildPublished, type LastPublished, type PlanAction, type PlanContext, planClaim } from './plan.ts';
import type { PublishedClaim } from './publishedclaim.ts';
import { confirmationTarget } from './rate.ts';

/** How often in a row a rejected fee is raised by 50 %: up to about 650 times the first. */
const ATTEMPTS = 16;

export interface PublishContext {
  readonly chain: Chain;
  readonly wallet: Wallet;
  readonly signers: Signers;
  /** Height of the best block. */
  readonly tip: number;
  /** The estimate for so many blocks, sat per 1,000 weight. */
  readonly feerate: (blocks: number) => Promise<number>;
  /** The script of the wallet that the claim pays to. */
  readonly script: Uint8Array;
  /** The amount in the channel's commitment that is ours or may become ours. */
  readonly stake: Sat;
  /** How many other claims will need a coin of the wallet and have none yet. */
  readonly needy: number;
  /** The last transaction published for the claim. */
  readonly known: PublishedClaim | undefined;
  /** Saves the transaction that is about to be published; undefined restores the one before. */
  readonly keep: (published: PublishedClaim | undefined) => Promise<void>;
}

const refusalOf = (error: unknown): string | undefined =>
  error instanceof ChainError && error.fault.code === 'rejected' ? error.fault.message : undefined;

/** Broadcasts a claim's transaction; that of a `bump` together with its parent, where the mempool does not have the parent. */
const publish = async (chain: Chain, claim: Claim, tx: Uint8Array): Promise<void> => {
  try {
    await chain.broadcast(tx);
  } catch (error) {
    const orphan =
      error instanceof ChainError && error.fault.code === 'rejected' && error.fault.refusal === 'missing_inputs';
    if (claim.kind !== 'bump' || !orphan) throw error;
    await chain.broadcastPackage(claim.parent, tx);
  }
};

const publishedAs = ({ tx, fee }: PublishedClaim, missing?: Sat): ClaimStatus => ({
  state: 'published',
  txid: tx.getId(),
  fee,
  missing,
});

/** Publishes a claim whose transaction is complete already. */
const publishReady = async (
  claim: Extract<Claim, { kind: 'ready' }>,
  { chain, tip }: PublishContext,
): Promise<ClaimStatus> => {
  if (tip + 1 < claim.from) return { state: 'locked' };
  try {
    await publish(chain, claim, claim.tx);
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === undefined) throw error;
    return { state: 'refused', reason };
  }
  const tx = Transaction.fromBuffer(claim.tx);
  const paid = tx.outs.reduce((left, { value }) => left - value, claim.value as bigint);
  return publishedAs({ tx, fee: sat(paid > 0n ? paid : 0n), since: tip });
};

/** Publishes or replaces a claim's transaction where that is due. Throws ChainError when the chain does not answer, StoreError. */
export const publishClaim = async (claim: Claim, context: PublishContext): Promise<ClaimStatus> =>
  claim.kind === 'ready' ? publishReady(claim, context) : publishOpen(claim, context);

const publishOpen = async (claim: UnsignedClaim, pursuit: PublishContext): Promise<ClaimStatus> => {
  const { wallet, chain, signers, tip, script, stake, needy, known, keep } = pursuit;
  if (tip + 1 < claim.from && !isChildPublished(claim, known)) return { state: 'locked' };
  const owner = coinOwnerOf(claim);
  const estimatedFeerate = await pursuit.feerate(confirmationTarget({ tip, deadline: claim.deadline }));
  const parentWeight = claim.kind === 'bump' ? Transaction.fromBuffer(claim.parent).weight() : 0;
  const otherCommitmentFeerate = claim.kind === 'bump' ? await feerateOfOtherCommitment(claim, chain, known) : 0;
  await reserveFreedCoins(wallet, owner, known);

  let refused = 0n;
  let withoutAnchor = false;
  let reason = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { kept, free, waiting } = wallet.feeCoins(owner);
    const fits =
      known !== undefined && stillFits(claim, known.tx, kept) && !(withoutAnchor && spendsAnchor(claim, known.tx));
    const before: LastPublished | undefined = known && {
      fee: known.fee,
      weight: known.tx.weight(),
      since: known.since,
      fits,
    };
    const claimsNeedingCoins = Math.max(0, needy - Math.max(0, free.length - 1));
    const world = {
      tip,
      estimatedFeerate,
      kept,
      free,
      script,
      refused,
      parentWeight,
      stake,
      otherCommitmentFeerate,
      claimsNeedingCoins,
      withoutAnchor,
    };
    const move = planWithUnconfirmed(claim, before, world, waiting);
    switch (move.do) {
      case 'wait':
        return { state: 'locked' };
      case 'parent_suffices':
        return { state: 'parent_suffices' };
      case 'uneconomical':
        return attempt === 0 ? { state: 'uneconomical' } : { state: 'refused', reason };
      case 'short_of_coins':
        return { state: 'short_of_coins', missing: move.missing };
      case 'republish':
      case 'build':
        break;
    }
    if (move.do === 'republish' && attempt > 0) return { state: 'refused', reason };
    const missing = move.do === 'republish' ? move.missing : move.draft.missing;
    let next: PublishedClaim;
    if (move.do === 'build') {
      const { coins, fee } = move.draft;
      // There is no await between choosing the coins and reserving them, so nobody else can have reserved them.
      const own = claim.unlock.by === 'wallet' ? [outpointKey(claim.outpoint.txid, claim.outpoint.index)] : [];
      // The claimed output itself, where it is the wallet's, may be reserved for something else: before a reorg, or just now.
      if (!wallet.isOpenTo(owner, own))
        return { state: 'refused', reason: 'the wallet has reserved the output for another transaction' };
      await wallet.promise(owner, [...own, ...coins.map(({ key }) => key)]);
      next = { tx: assemble(claim, move.draft, signers), fee, since: known?.since ?? tip };
      await keep(next);
    } else if (known !== undefined) next = known;
    else return { state: 'refused', reason };
    try {
      await publish(chain, claim, new Uint8Array(next.tx.toBuffer()));
      return publishedAs(next, missing);
    } catch (error) {
      const words = refusalOf(error);
      if (words === undefined) throw error;
      reason = words;
      if (next !== known) await keep(known);
      // Somebody may have spent the anchor before us: try again without it.
      if (!withoutAnchor && spendsAnchor(claim, next.tx)) {
        withoutAnchor = true;
        continue;
      }
      if (!isFeeTooLow(error) || isPreimageClaim(claim, error)) return { state: 'refused', reason };
      refused = next.fee;
    }
  }
  return { state: 'refused', reason };
};

/** The plan with confirmed coins only; with unconfirmed ones too where the confirmed do not suffice. */
const planWithUnconfirmed = (
  claim: UnsignedClaim,
  before: LastPublished | undefined,
  world: PlanContext<Fund>,
  waiting: readonly Fund[],
): PlanAction<Fund> => {
  const move = planClaim(claim, before, world);
  const missing = move.do === 'build' ? move.draft.missing : 'missing' in move ? move.missing : undefined;
  if (missing === undefined || waiting.length === 0) return move;
  const other = planClaim(claim, before, { ...world, free: [...world.free, ...waiting] });
  return other.do === 'build' ? other : move;
};

/** Reserves again the coins of a published claim that a reorg removed from the chain. */
const reserveFreedCoins = async (wallet: Wallet, owner: string, known: PublishedClaim | undefined): Promise<void> => {
  if (known === undefined) return;
  const spent = new Set(coinKeysOf(known.tx));
  const { free } = wallet.feeCoins(owner);
  await wallet.promise(
    owner,
    free.filter(({ key }) => spent.has(key)).map(({ key }) => key),
  );
};

/**
 * Feerate, with descendants, of another commitment of the same channel in the mempool; 0 without one. Either side may add a child to
 * a closing transaction: until there is one of ours, what the peer's child pays counts too.
 */
const feerateOfOtherCommitment = async (
  claim: Extract<Claim, { kind: 'bump' }>,
  chain: Chain,
  known: PublishedClaim | undefined,
): Promise<number> => {
  const parent = Transaction.fromBuffer(claim.parent);
  const [input] = parent.ins;
  const spender = input && (await chain.mempoolSpender({ txid: txid(input.hash), vout: input.index }));
  if (spender === undefined) return 0;
  const isParent = spender.tx.getId() === parent.getId();
  if (isParent && (claim.unlock.by !== 'wallet' || known !== undefined)) return 0;
  return (await chain.mempoolFeerate(spender.txid)) ?? 0;
};

/**
 * Whether the peer is claiming an HTLC that we offered with its preimage. That is its right, and the preimage lets us claim the
 * incoming HTLC, so our timeout does not outbid it. Any other conflicting transaction is outbid.
 */
const isPreimageClaim = (claim: Claim, { fault }: ChainError): boolean =>
  claim.why === 'htlc_timeout' && fault.code === 'rejected' && fault.refusal === 'replacement_fee_too_low';
