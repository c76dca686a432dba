/**
 * How HTLCs are resolved on chain (BOLT 5, "HTLC Output Handling: Local Commitment" and "Remote Commitment"). A timeout is certain
 * once it is reasonably deep: until then a reorg may change it. A preimage is certain as soon as it is seen.
 */

import type { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { preimage as asPreimage, MAX_EXPIRY_AHEAD } from '../../wire/units.ts';
import type { TrackedOutput } from '../model/chainview.ts';
import { preimageOf } from '../model/htlc.ts';
import type { Resolution } from '../model/io.ts';
import type { Core, Failed, Htlc, HtlcDirection, Onchain } from '../model/state.ts';
import { isIrrevocable, withHtlc } from '../model/updates.ts';
import { CLAIM_BUFFER } from '../rules/deadlines.ts';
import { resolutionOf } from '../rules/effects.ts';
import { isUneconomical } from '../rules/unclaimed.ts';
import { isOutputless, knowsEveryCommitment } from './outputless.ts';

/** BOLT 5's reasonable depth: blocks, its own included, after which the incoming HTLC is failed. */
export const REASONABLE_DEPTH = 6;
/** BOLT 5: blocks after which an output counts as irrevocably resolved. */
export const IRREVOCABLE_DEPTH = 100;

/** The chain as it is: height of the best block, and our estimate, sat per 1,000 weight. */
export interface ChainTip {
  readonly height: number;
  readonly feerate: number;
}

/** Whether what is in the block at `at` is in that many blocks when the tip is at `tip`. */
export const isDeep = (at: number, tip: number, depth: number): boolean => tip - at + 1 >= depth;

/**
 * Keeps the preimages that a transaction shows of HTLCs that we offered: whoever claims one must put it into a witness, so
 * every item of 32 bytes is tried. The same core when it shows none.
 */
export const learnPreimages = (core: Core, tx: Transaction): Core => {
  const items = tx.ins.flatMap(({ witness }) => witness.filter(({ length }) => length === 32));
  if (items.length === 0) return core;
  const byHash = new Map(items.map((item) => [hex(sha256(item)), item]));
  let { outgoing } = core;
  for (const htlc of core.outgoing.values()) {
    const item = byHash.get(hex(htlc.paymentHash));
    if (item === undefined || preimageOf(htlc) !== undefined) continue;
    outgoing = withHtlc(outgoing, { ...htlc, preimage: asPreimage(new Uint8Array(item)) });
  }
  return outgoing === core.outgoing ? core : { ...core, outgoing };
};

/** Whether the past HTLCs of a revoked commitment are still to be read from the store: until then its HTLC outputs are not known. */
const isUnread = ({ by, chainView }: Onchain): boolean => by === 'revoked' && chainView.past === undefined;

/** The height at which this HTLC's output was resolved without a preimage; undefined while it may still be claimed. */
const decidedAt = ({ spend, claim, height }: TrackedOutput, { expiry }: Htlc): number | undefined => {
  if (spend !== undefined) return spend.height;
  // We have no claim to it. Once the incoming HTLC that paid for it must have expired, its resolution makes no difference any more.
  return claim === undefined ? Math.max(height, expiry + MAX_EXPIRY_AHEAD) : undefined;
};

/** Of a commitment that we cannot read: whether an output may be this HTLC's. */
const mayBe = ({ unreadable, value }: TrackedOutput, { amount }: Htlc): boolean =>
  unreadable && value === amount / 1000n;

/** The failure that the peer sent for an HTLC, else a timeout. */
const failed = ({ removal }: Htlc): Resolution => {
  if (removal?.ending.kind === 'fail') return { kind: 'failed', reason: removal.ending.reason };
  if (removal?.ending.kind === 'malformed') {
    const { failureCode, sha256OfOnion } = removal.ending;
    return { kind: 'malformed', failureCode, sha256OfOnion };
  }
  return { kind: 'timed_out' };
};

/** Tracked outputs by their HTLC, and unreadable ones that may belong to any. */
interface DecidingOutputs {
  readonly of: ReadonlyMap<bigint, TrackedOutput>;
  readonly unreadable: readonly TrackedOutput[];
}

const decidingOutputs = (tracked: readonly TrackedOutput[], way: HtlcDirection): DecidingOutputs => ({
  of: new Map(tracked.flatMap((one) => (one.htlc?.way === way ? [[one.htlc.id, one] as const] : []))),
  unreadable: tracked.filter(({ unreadable }) => unreadable),
});

/**
 * Blocks after its expiry for which an HTLC of ours that is not worth its claim, or has nothing to claim, is waited for. Whoever
 * paid for it gives its own channel up some blocks after an expiry that is at least 35 later.
 */
const EXPIRED_WAIT = CLAIM_BUFFER;

/**
 * Whether nobody will take the output of an HTLC of ours before it has to go back: taking it costs more than it is worth. Failed
 * back all the same it costs us no more than itself, should its preimage come after all; kept it would cost another channel.
 */
const isUneconomicalAndExpired = (
  { core, by, height }: Onchain,
  output: TrackedOutput | undefined,
  htlc: Htlc,
  now: ChainTip,
): boolean =>
  output !== undefined &&
  output.spend === undefined &&
  isDeep(height, now.height, REASONABLE_DEPTH) &&
  now.height >= htlc.expiry + EXPIRED_WAIT &&
  isUneconomical(core.params, by === 'local' ? 'local' : 'remote', now.feerate, htlc);

/**
 * Whether nothing can become of an HTLC of ours on the chain, and it is past its expiry: no commitment that may be mined has an output
 * for it. Before that a peer that passed it on may still be paid for it further on, and whoever pays could pay twice.
 */
const isOutputlessAndExpired = (state: Failed | Onchain, htlc: Htlc, { height }: ChainTip): boolean =>
  height >= htlc.expiry + EXPIRED_WAIT && knowsEveryCommitment(state) && isOutputless(state.core, htlc);

/** Resolutions of HTLCs that we offered in a failed channel of which no commitment is confirmed: those no commitment has an output for. */
export const resolutionsWithoutCommitment = (state: Failed, now: ChainTip): readonly (readonly [Htlc, Resolution])[] =>
  [...state.core.outgoing.values()].flatMap((htlc) =>
    !htlc.acknowledged && resolutionOf(htlc, state.core.head) === undefined && isOutputlessAndExpired(state, htlc, now)
      ? [[htlc, failed(htlc)] as const]
      : [],
  );

/** The resolution of an HTLC that we offered; undefined while it is not certain at this height. */
const chainResolution = (
  state: Onchain,
  { of, unreadable }: DecidingOutputs,
  htlc: Htlc,
  now: ChainTip,
): Resolution | undefined => {
  const { core, height } = state;
  const { height: tip } = now;
  const known = resolutionOf(htlc, core.head);
  if (known !== undefined || isUnread(state)) return known;
  const output = of.get(htlc.id);
  const own = [...(output === undefined ? [] : [output]), ...unreadable.filter((one) => mayBe(one, htlc))];
  const heights = own.map((one) => decidedAt(one, htlc));
  const certain = [height, ...heights].every((at) => at !== undefined && isDeep(at, tip, REASONABLE_DEPTH));
  const nowhere = own.length === 0 && isOutputlessAndExpired(state, htlc, now);
  return certain || nowhere || isUneconomicalAndExpired(state, output, htlc, now) ? failed(htlc) : undefined;
};

/** The resolutions of HTLCs that we offered and that are not acknowledged, where they are certain at this height. */
export const chainResolutions = (
  state: Onchain,
  tracked: readonly TrackedOutput[],
  now: ChainTip,
): readonly (readonly [Htlc, Resolution])[] => {
  const by = decidingOutputs(tracked, 'out');
  return [...state.core.outgoing.values()].flatMap((htlc) => {
    const result = htlc.acknowledged ? undefined : chainResolution(state, by, htlc, now);
    return result === undefined ? [] : [[htlc, result] as const];
  });
};

/** Whether an HTLC that the peer offered was reported as `received`: it is irrevocably committed on both sides. */
const wasReceived = ({ added }: Htlc, { head }: Core): boolean => isIrrevocable(added, head);

/** Whether an HTLC that the peer offered is irrevocably resolved: its output is spent, never existed, or is worth no claim. */
const isSettled = ({ height }: Onchain, { of }: DecidingOutputs, htlc: Htlc, tip: number): boolean => {
  const output = of.get(htlc.id);
  if (output === undefined) return isDeep(height, tip, REASONABLE_DEPTH);
  if (output.spend !== undefined) return isDeep(output.spend.height, tip, REASONABLE_DEPTH);
  const unclaimed = output.claim === undefined || output.small;
  return unclaimed && isDeep(expiredAt(htlc, height), tip, IRREVOCABLE_DEPTH);
};

/** The height from which on an unclaimed HTLC counts as resolved. Bounded: a peer may set an expiry that the chain never reaches. */
const expiredAt = ({ expiry }: Pick<Htlc, 'expiry'>, height: number): number =>
  Math.max(height, Math.min(expiry, height + MAX_EXPIRY_AHEAD));

/** The received HTLCs that are irrevocably resolved and were not yet reported as `settled`. */
export const newlySettled = (state: Onchain, tracked: readonly TrackedOutput[], tip: number): readonly Htlc[] => {
  if (isUnread(state)) return [];
  const by = decidingOutputs(tracked, 'in');
  return [...state.core.incoming.values()].filter(
    (htlc) => !htlc.over && wasReceived(htlc, state.core) && isSettled(state, by, htlc, tip),
  );
};

/** The height at which an output was resolved (BOLT 5); undefined while it is not. */
const resolvedFrom = ({ spend, claim, small, htlc, height }: TrackedOutput, core: Core): number | undefined => {
  if (spend !== undefined) return spend.height;
  if (claim !== undefined && !small) return undefined;
  if (htlc?.way !== 'out') return htlc === undefined ? height : expiredAt(htlc, height);
  const live = core.outgoing.get(htlc.id);
  return live === undefined || live.acknowledged ? height : undefined;
};

/** Whether every output is irrevocably resolved and every resolution acknowledged: then the channel may be forgotten. */
export const isIrrevocablyResolved = (state: Onchain, tracked: readonly TrackedOutput[], tip: number): boolean => {
  const { core, height } = state;
  if (!isDeep(height, tip, IRREVOCABLE_DEPTH) || isUnread(state)) return false;
  if ([...core.outgoing.values()].some(({ acknowledged }) => !acknowledged)) return false;
  if ([...core.incoming.values()].some((htlc) => !htlc.over && wasReceived(htlc, core))) return false;
  return tracked
    .map((one) => resolvedFrom(one, core))
    .every((at) => at !== undefined && isDeep(at, tip, IRREVOCABLE_DEPTH));
};
