/**
 * What of a spent channel concerns us (BOLT 5): every output that is ours, that becomes ours, or that decides about an HTLC,
 * with the claim that takes it. Follows from the channel and the confirmed spends alone, so a restart and a reorg change
 * nothing.
 */
import { Transaction } from 'bitcoinjs-lib';
import { equal, hex } from '../wire/bytes.ts';
import { sat } from '../wire/units.ts';
import type { Claim, HtlcClaim, SweepClaim } from './claim.ts';
import { claimDelayed, claimOf, finished, type Ground, isWorthwhile, type Place } from './claiming.ts';
import type { Outpoint } from './funding.ts';
import { type ChainHtlc, delayedOf, htlcsOf, type KnownOutput, knownOutputs, type Standing } from './outputs.ts';
import { p2wsh } from './script.ts';
import { commitmentOfSpend, idOf } from './spender.ts';
import type { Onchain, OutputSpend } from './state.ts';

/** How an outpoint is written as a key. */
export const outpointKey = ({ txid, index }: Outpoint): string => `${hex(txid)}:${index}`;

/** An output of the commitment, or of a transaction that ended an HTLC of it. */
export interface Concern extends Place {
  /** The HTLC that its spend decides about. */
  readonly htlc: ChainHtlc | undefined;
  /** An output of a commitment we cannot read. */
  readonly unreadable: boolean;
  /** What takes it, if we may; perhaps `small`, and then left alone. */
  readonly claim: SweepClaim | HtlcClaim | undefined;
  readonly small: boolean;
  /** Who took it, in the chain. */
  readonly spend: OutputSpend | undefined;
}

/** The commitment that spent the funding output, as the ground of all claims; undefined after a mutual close. */
const groundOf = ({ core, by }: Onchain, whose: Standing): Ground => ({
  core,
  whose,
  revoked: by === 'revoked',
  delayed: delayedOf(core, whose),
  delay: (whose.holder === 'local' ? core.params.remote : core.params.local).toSelfDelay,
});

const isOurs = (output: KnownOutput, { whose, revoked }: Ground): boolean => {
  if (output.kind === 'to_local') return whose.holder === 'local' || revoked;
  return output.kind !== 'unknown' || whose.keys === undefined;
};

/** What the spend of an HTLC's output paid into the same wait: ours, or a thief's. It may have ended many HTLCs at once. */
const secondStage = (state: Onchain, ground: Ground, { tx, height }: OutputSpend): readonly Concern[] => {
  const { delayed } = ground;
  if (delayed === undefined) return [];
  const script = p2wsh(delayed);
  const transaction = Transaction.fromBuffer(tx);
  const id = idOf(transaction);
  return transaction.outs.flatMap((output, index) => {
    if (!equal(new Uint8Array(output.script), script)) return [];
    const place: Place = { outpoint: { txid: id, index }, value: sat(output.value), height };
    const claim = claimDelayed(ground, place, false);
    return claim === undefined ? [] : [concern(state, place, claim, undefined)];
  });
};

const concern = (
  { core, seen }: Onchain,
  place: Place,
  claim: Concern['claim'],
  htlc: ChainHtlc | undefined,
  unreadable = false,
): Concern => ({
  ...place,
  htlc,
  unreadable,
  claim,
  small: claim !== undefined && !isWorthwhile(core, claim),
  spend: seen.spends.get(outpointKey(place.outpoint)),
});

/** Every concern of a channel on chain, in the order of the outputs, what came out of them last; each output once. */
export const concernsOf = (state: Onchain): readonly Concern[] => {
  const { core, by, seen, height } = state;
  const tx = Transaction.fromBuffer(state.tx);
  const whose = commitmentOfSpend(core, by, tx);
  if (whose === undefined) return [];
  const ground = groundOf(state, whose);
  const txid = idOf(tx);
  const first = knownOutputs(core, whose, htlcsOf(core, whose, seen.past ?? []), tx)
    .filter((output) => isOurs(output, ground))
    .map((output) => {
      const place: Place = { outpoint: { txid, index: output.index }, value: output.value, height };
      const htlc = output.kind === 'htlc' ? output.htlc : undefined;
      return concern(state, place, claimOf(ground, output, place), htlc, output.kind === 'unknown');
    });
  const second = new Map<string, Concern>();
  for (const { htlc, spend } of first)
    if (htlc !== undefined && spend !== undefined)
      for (const found of secondStage(state, ground, spend)) second.set(outpointKey(found.outpoint), found);
  return [...first, ...second.values()];
};

/** What is claimed of these now: what nobody has taken in the chain and is worth its fee. */
export const claimsOf = ({ core }: Onchain, concerns: readonly Concern[]): readonly Claim[] =>
  concerns.flatMap(({ claim, small, spend }) =>
    claim === undefined || small || spend !== undefined ? [] : [finished(core, claim)],
  );
