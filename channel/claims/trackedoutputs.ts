/**
 * The outputs of a closed channel that we track (BOLT 5): those that are ours, become ours, or resolve an HTLC, each with its claim.
 * This includes HTLC-timeout and HTLC-success transactions of a revoked commitment ("Revoked Transaction Close Handling"). Derived from
 * the channel and the confirmed spends alone.
 */

import type { Transaction } from 'bitcoinjs-lib';
import { equal, hex } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import type { ChainHtlc, OutputLocation, OutputSpend, TrackedOutput } from '../model/chainview.ts';
import type { Claim, HtlcClaim, SweepClaim } from '../model/claim.ts';
import type { Onchain } from '../model/state.ts';
import type { Outpoint } from '../tx/funding.ts';
import { p2wsh } from '../tx/script.ts';
import { transactionId } from '../tx/transaction.ts';
import { claimDelayed, claimOf, finalizeClaim, isWorthwhile, liveHtlc } from './claimbuilder.ts';

/** How an outpoint is written as a key. */
export const outputKey = ({ txid, index }: Outpoint): string => `${hex(txid)}:${index}`;

/** The outputs tracked so far, by `source`: one that did not change stays the same object. */
type Earlier = ReadonlyMap<object, TrackedOutput>;

/** Whether a claim is to be made now: see `pendingClaims`. */
const isPending = ({ claim, small, spend }: Pick<TrackedOutput, 'claim' | 'small' | 'spend'>): boolean =>
  claim !== undefined && (!small || claim.decides === true) && spend === undefined;

/** Tracks an output: as it was where its HTLC, its spend and its height are the same, else with its claim computed anew. */
const trackOutput = (
  { core, chainView }: Onchain,
  earlier: Earlier,
  source: OutputSpend['delayedOutputs'][number],
  height: number,
  htlc: ChainHtlc | undefined,
  make: (place: OutputLocation) => Pick<TrackedOutput, 'claim' | 'unreadable'>,
): TrackedOutput => {
  const last = earlier.get(source);
  const key = last?.key ?? outputKey(source.outpoint);
  const spend = chainView.spends.get(key);
  const live = htlc && liveHtlc(core, htlc);
  if (last !== undefined && last.height === height && last.live === live && last.spend === spend) return last;
  const place: OutputLocation = { outpoint: source.outpoint, value: source.value, height };
  const { claim, unreadable } = make(place);
  const small = claim !== undefined && !isWorthwhile(core, claim);
  const final = claim !== undefined && isPending({ claim, small, spend }) ? finalizeClaim(core, claim) : undefined;
  return { ...place, key, source, htlc, live, unreadable, claim, final, small, spend };
};

/**
 * The state with every output that it tracks: in the order of the outputs, those of HTLC transactions last, each once. The same
 * state where nothing about them changed: a commitment has hundreds of outputs, and a step is about one.
 */
export const withTrackedOutputs = (state: Onchain): Onchain => {
  const before = state.chainView.outputs;
  const outputs = computeOutputs(state, new Map(before.map((output) => [output.source, output])));
  const isSame = outputs.length === before.length && outputs.every((output, i) => output === before[i]);
  return isSame ? state : { ...state, chainView: { ...state.chainView, outputs } };
};

const computeOutputs = (state: Onchain, earlier: Earlier): readonly TrackedOutput[] => {
  const { core, height, chainView } = state;
  if (chainView.commitment === undefined) return [];
  const ground = { core, ...chainView.commitment };
  const first = chainView.commitment.outputs.map((output) =>
    trackOutput(state, earlier, output, height, output.kind === 'htlc' ? output.htlc : undefined, (place) => ({
      claim: claimOf(ground, output, place),
      unreadable: output.kind === 'unknown',
    })),
  );
  // A peer that publishes a revoked commitment may spend many HTLC outputs in one transaction, which still has one output for each.
  const second = new Map<string, readonly TrackedOutput[]>();
  for (const { htlc, spend } of first) {
    if (htlc === undefined || spend === undefined) continue;
    const name = hex(spend.txid);
    if (second.has(name)) continue;
    const delayedOutputs = spend.delayedOutputs.map((output) =>
      trackOutput(state, earlier, output, spend.height, undefined, (place) => ({
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

/** A confirmed spend, with those of its outputs that pay the delayed script: HTLC transactions, ours or of a revoked commitment. */
export const spendOf = ({ chainView }: Onchain, tx: Transaction, height: number): OutputSpend => {
  const txid = transactionId(tx);
  const script = chainView.commitment?.delayed && p2wsh(chainView.commitment.delayed);
  const delayedOutputs = tx.outs.flatMap((output, index) =>
    script !== undefined && equal(new Uint8Array(output.script), script)
      ? [{ outpoint: { txid, index }, value: sat(output.value) }]
      : [],
  );
  return { txid, height, delayedOutputs };
};

const withAnchor = (
  claim: SweepClaim,
  { outpoint, value, sequence, scriptCode, witnessWeight, unlock }: SweepClaim,
): SweepClaim => ({ ...claim, anchor: { outpoint, value, sequence, scriptCode, witnessWeight, unlock } });

/**
 * Our anchor is spent together with the first claim that has no deadline: one with a deadline must not depend on an output that
 * anybody may spend.
 */
const takingAnchor = (
  tracked: readonly TrackedOutput[],
  claims: readonly (SweepClaim | HtlcClaim)[],
): readonly (SweepClaim | HtlcClaim)[] => {
  const anchor = tracked.find(({ claim, spend }) => claim?.why === 'anchor' && spend === undefined)?.claim;
  if (anchor?.kind !== 'sweep') return claims;
  const [first] = claims
    .filter((claim) => claim.kind === 'sweep' && claim.deadline === undefined)
    .sort((a, b) => a.from - b.from);
  return claims.map((claim) => (claim === first && claim.kind === 'sweep' ? withAnchor(claim, anchor) : claim));
};

/**
 * The claims of outputs that are unspent in the chain and worth their fee; and of every output that resolves an HTLC we offered,
 * which the peer could otherwise claim with its preimage long after we failed the incoming HTLC.
 */
export const pendingClaims = (tracked: readonly TrackedOutput[]): readonly (SweepClaim | HtlcClaim)[] =>
  takingAnchor(
    tracked,
    tracked.flatMap((output) => (output.claim !== undefined && isPending(output) ? [output.claim] : [])),
  );

/** The claims of these now. Those with a signature of ours were signed when their output was first tracked. */
export const claimsOf = (outputs: readonly TrackedOutput[]): readonly Claim[] => {
  const finals = new Map(outputs.map(({ claim, final }) => [claim, final]));
  return pendingClaims(outputs).map((claim) => finals.get(claim) ?? claim);
};
