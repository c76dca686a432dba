/**
 * The outputs of a closed channel that we track (BOLT 5): those that are ours, become ours, or resolve an HTLC, each with its claim.
 * This includes HTLC-timeout and HTLC-success transactions of a revoked commitment ("Revoked Transaction Close Handling"). Derived from
 * the channel and the confirmed spends alone.
 */

import type { Transaction } from 'bitcoinjs-lib';
import { equal, hex } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import type { ChainHtlc, OutputSpend } from '../model/chainview.ts';
import type { Claim, HtlcClaim, SweepClaim } from '../model/claim.ts';
import type { Core, Htlc, Onchain } from '../model/state.ts';
import type { Outpoint } from '../tx/funding.ts';
import { p2wsh } from '../tx/script.ts';
import { idOf } from '../tx/transaction.ts';
import { claimDelayed, claimOf, finalizeClaim, isWorthwhile, liveHtlc, type OutputLocation } from './claimbuilder.ts';

/** How an outpoint is written as a key. */
export const outpointKey = ({ txid, index }: Outpoint): string => `${hex(txid)}:${index}`;

/** An output of the commitment, or of a transaction that ended an HTLC of it. */
export interface TrackedOutput extends OutputLocation {
  readonly key: string;
  /** The HTLC that its spend decides about. */
  readonly htlc: ChainHtlc | undefined;
  /** An output of a commitment we cannot read. */
  readonly unreadable: boolean;
  /** What takes it, if we may; perhaps `small`, and then left alone unless it decides about an HTLC. */
  readonly claim: SweepClaim | HtlcClaim | undefined;
  readonly small: boolean;
  /** Who took it, in the chain. */
  readonly spend: OutputSpend | undefined;
}

/** What made a concern what it is. While that stays, so does the concern: a commitment has many outputs, and each step asks. */
interface Made {
  readonly height: number;
  readonly live: Htlc | undefined;
  readonly spend: OutputSpend | undefined;
  readonly concern: TrackedOutput;
}
/** By what the output was read into when it was found. */
const made = new WeakMap<object, Made>();

/** The concern of an output that is known as `found`, as it was if nothing changed, else made anew. */
const trackOutput = (
  { core, seen }: Onchain,
  found: OutputSpend['delayedOutputs'][number],
  height: number,
  htlc: ChainHtlc | undefined,
  make: (place: OutputLocation) => Pick<TrackedOutput, 'claim' | 'unreadable'>,
): TrackedOutput => {
  const last = made.get(found);
  const key = last?.concern.key ?? outpointKey(found.outpoint);
  const spend = seen.spends.get(key);
  const live = htlc && liveHtlc(core, htlc);
  if (last !== undefined && last.height === height && last.live === live && last.spend === spend) return last.concern;
  const place: OutputLocation = { outpoint: found.outpoint, value: found.value, height };
  const { claim, unreadable } = make(place);
  const small = claim !== undefined && !isWorthwhile(core, claim);
  const now: TrackedOutput = { ...place, key, htlc, unreadable, claim, small, spend };
  made.set(found, { height, live, spend, concern: now });
  return now;
};

/** By state, for the step after it asks for the same. */
const known = new WeakMap<Onchain, readonly TrackedOutput[]>();

/** Every concern of a channel on chain, in the order of the outputs, what came out of them last; each output once. */
export const trackedOutputsOf = (state: Onchain): readonly TrackedOutput[] => {
  const before = known.get(state);
  if (before !== undefined) return before;
  const now = computeOutputs(state);
  known.set(state, now);
  return now;
};

const computeOutputs = (state: Onchain): readonly TrackedOutput[] => {
  const { core, height, seen } = state;
  if (seen.commitment === undefined) return [];
  const ground = { core, ...seen.commitment };
  const first = seen.commitment.outputs.map((output) =>
    trackOutput(state, output, height, output.kind === 'htlc' ? output.htlc : undefined, (place) => ({
      claim: claimOf(ground, output, place),
      unreadable: output.kind === 'unknown',
    })),
  );
  // A thief may end many HTLCs in one transaction; what that paid is still one output each.
  const second = new Map<string, readonly TrackedOutput[]>();
  for (const { htlc, spend } of first) {
    if (htlc === undefined || spend === undefined) continue;
    const name = hex(spend.txid);
    if (second.has(name)) continue;
    const delayedOutputs = spend.delayedOutputs.map((output) =>
      trackOutput(state, output, spend.height, undefined, (place) => ({
        claim: claimDelayed(ground, place, false),
        unreadable: false,
      })),
    );
    second.set(
      name,
      delayedOutputs.filter(({ claim }) => claim !== undefined),
    );
  }
  return [...first, ...[...second.values()].flat()];
};

/** What of a transaction that spends an output goes on waiting as to_local does: of our HTLC transactions, or of a thief's. */
export const spendOf = ({ seen }: Onchain, tx: Transaction, height: number): OutputSpend => {
  const txid = idOf(tx);
  const script = seen.commitment?.delayed && p2wsh(seen.commitment.delayed);
  const delayedOutputs = tx.outs.flatMap((output, index) =>
    script !== undefined && equal(new Uint8Array(output.script), script)
      ? [{ outpoint: { txid, index }, value: sat(output.value) }]
      : [],
  );
  return { txid, height, delayedOutputs };
};

/** Claims that take an anchor along, by what they are without it. */
const joined = new WeakMap<SweepClaim, SweepClaim>();

const withAnchor = (
  claim: SweepClaim,
  { outpoint, value, sequence, scriptCode, witnessWeight, unlock }: SweepClaim,
) => {
  const known = joined.get(claim);
  if (known !== undefined) return known;
  const now: SweepClaim = { ...claim, anchor: { outpoint, value, sequence, scriptCode, witnessWeight, unlock } };
  joined.set(claim, now);
  return now;
};

/**
 * Our anchor goes with the first claim that nobody hurries: one with a deadline must not depend on an output that anybody may
 * take.
 */
const takingAnchor = (
  concerns: readonly TrackedOutput[],
  claims: readonly (SweepClaim | HtlcClaim)[],
): readonly (SweepClaim | HtlcClaim)[] => {
  const anchor = concerns.find(({ claim, spend }) => claim?.why === 'anchor' && spend === undefined)?.claim;
  if (anchor?.kind !== 'sweep') return claims;
  const [first] = claims
    .filter((claim) => claim.kind === 'sweep' && claim.deadline === undefined)
    .sort((a, b) => a.from - b.from);
  return claims.map((claim) => (claim === first && claim.kind === 'sweep' ? withAnchor(claim, anchor) : claim));
};

/**
 * Those that nobody has taken in the chain and that are worth their fee; and whatever decides about an HTLC of ours, which the
 * peer could else take with its preimage long after we failed what paid for it.
 */
export const pendingClaims = (concerns: readonly TrackedOutput[]): readonly (SweepClaim | HtlcClaim)[] =>
  takingAnchor(
    concerns,
    concerns.flatMap(({ claim, small, spend }) =>
      claim === undefined || (small && claim.decides !== true) || spend !== undefined ? [] : [claim],
    ),
  );

/** Claims that were finished, by what they were made of: those with a signature of ours are signed once. */
const done = new WeakMap<SweepClaim | HtlcClaim, Claim>();

const finishedOnce = (core: Core, claim: SweepClaim | HtlcClaim): Claim => {
  const known = done.get(claim);
  if (known !== undefined) return known;
  const now = finalizeClaim(core, claim);
  done.set(claim, now);
  return now;
};

/** What is claimed of these now. */
export const claimsOf = ({ core }: Onchain, concerns: readonly TrackedOutput[]): readonly Claim[] =>
  pendingClaims(concerns).map((claim) => finishedOnce(core, claim));
