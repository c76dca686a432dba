/**
 * What of a spent channel concerns us (BOLT 5): every output that is ours, that becomes ours, or that decides about an HTLC,
 * with the claim that takes it. Follows from the channel and the confirmed spends alone, so a restart and a reorg change
 * nothing.
 */
import type { Transaction } from 'bitcoinjs-lib';
import { equal, hex } from '../wire/bytes.ts';
import { sat } from '../wire/units.ts';
import type { Claim, HtlcClaim, SweepClaim } from './claim.ts';
import { claimDelayed, claimOf, finished, isWorthwhile, type Place } from './claiming.ts';
import type { Outpoint } from './funding.ts';
import type { ChainHtlc } from './outputs.ts';
import { p2wsh } from './script.ts';
import type { OutputSpend } from './seen.ts';
import { idOf } from './spender.ts';
import type { Onchain } from './state.ts';

/** How an outpoint is written as a key. */
export const outpointKey = ({ txid, index }: Outpoint): string => `${hex(txid)}:${index}`;

/** An output of the commitment, or of a transaction that ended an HTLC of it. */
export interface Concern extends Place {
  readonly key: string;
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

type Kind = Pick<Concern, 'htlc' | 'unreadable'>;

const concern = ({ core, seen }: Onchain, place: Place, claim: Concern['claim'], kind: Kind): Concern => {
  const key = outpointKey(place.outpoint);
  const small = claim !== undefined && !isWorthwhile(core, claim);
  return { ...place, ...kind, key, claim, small, spend: seen.spends.get(key) };
};

/** Every concern of a channel on chain, in the order of the outputs, what came out of them last; each output once. */
export const concernsOf = (state: Onchain): readonly Concern[] => {
  const { core, height, seen } = state;
  if (seen.commitment === undefined) return [];
  const ground = { core, ...seen.commitment };
  const first = seen.commitment.outputs.map((output) => {
    const place: Place = { outpoint: output.outpoint, value: output.value, height };
    const htlc = output.kind === 'htlc' ? output.htlc : undefined;
    return concern(state, place, claimOf(ground, output, place), { htlc, unreadable: output.kind === 'unknown' });
  });
  // A thief may end many HTLCs in one transaction; what that paid is still one output each.
  const second = new Map<string, Concern>();
  for (const { htlc, spend } of first) {
    if (htlc === undefined || spend === undefined) continue;
    for (const { outpoint, value } of spend.waiting) {
      const place: Place = { outpoint, value, height: spend.height };
      const claim = claimDelayed(ground, place, false);
      if (claim === undefined) continue;
      const found = concern(state, place, claim, { htlc: undefined, unreadable: false });
      second.set(found.key, found);
    }
  }
  return [...first, ...second.values()];
};

/** What of a transaction that spends an output goes on waiting as to_local does: of our HTLC transactions, or of a thief's. */
export const spendOf = ({ seen }: Onchain, tx: Transaction, height: number): OutputSpend => {
  const txid = idOf(tx);
  const script = seen.commitment?.delayed && p2wsh(seen.commitment.delayed);
  const waiting = tx.outs.flatMap((output, index) =>
    script !== undefined && equal(new Uint8Array(output.script), script)
      ? [{ outpoint: { txid, index }, value: sat(output.value) }]
      : [],
  );
  return { txid, height, waiting };
};

/** Those that nobody has taken in the chain and that are worth their fee. */
export const pending = (concerns: readonly Concern[]): readonly (SweepClaim | HtlcClaim)[] =>
  concerns.flatMap(({ claim, small, spend }) => (claim === undefined || small || spend !== undefined ? [] : [claim]));

/** What is claimed of these now. */
export const claimsOf = ({ core }: Onchain, concerns: readonly Concern[]): readonly Claim[] =>
  pending(concerns).map((claim) => finished(core, claim));
