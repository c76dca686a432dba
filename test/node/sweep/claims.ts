/** Claims of every kind, and the world that they are planned in, for tests of what is decided about them. */
import type { BumpClaim, HtlcClaim, SweepClaim } from '../../../channel/model/claim.ts';
import type { FeeCoin, PlanAction, PlanContext } from '../../../node/sweep/plan.ts';
import { weightOf } from '../../../node/wallet/select.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { sat, txid } from '../../../wire/units.ts';

export const script = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));
const outpoint = { txid: txid(sha256(Uint8Array.of(1))), index: 0 };
export const input = {
  sequence: 1,
  scriptCode: new Uint8Array(100),
  witnessWeight: 300,
  unlock: { by: 'payment' },
} as const;
const base = { outpoint, from: 0, deadline: undefined, why: 'to_local' } as const;

export const sweep = (value: bigint, more: Partial<SweepClaim> = {}): SweepClaim => ({
  ...{ ...base, ...input, kind: 'sweep', value: sat(value), locktime: 0 },
  ...more,
});
export const htlc = (value: bigint, more: Partial<HtlcClaim> = {}): HtlcClaim => {
  const pays = { value: sat(value), script: Uint8Array.of(0, 32, ...new Uint8Array(32).fill(7)) };
  return { ...{ ...base, ...input, kind: 'htlc', value: sat(value), locktime: 0, pays }, ...more };
};
export const parentWeight = 1_200;
export const bump = (parentFee: bigint, more: Partial<BumpClaim> = {}): BumpClaim => ({
  ...{ ...base, ...input, kind: 'bump', value: sat(330n), parent: new Uint8Array(), parentFee: sat(parentFee) },
  ...more,
});

export const coin = (amount: bigint, key = `${amount}`): FeeCoin => ({ key, amount: sat(amount) });
export const world = (more: Partial<PlanContext<FeeCoin>> = {}): PlanContext<FeeCoin> => ({
  ...{
    tip: 100,
    estimatedFeerate: 1_000,
    kept: [],
    free: [],
    script,
    refused: 0n,
    parentWeight,
    stake: 100_000n,
    otherCommitmentFeerate: 0,
    claimsNeedingCoins: 0,
  },
  ...more,
});
export const built = (move: PlanAction<FeeCoin>) => {
  if (move.do !== 'build') throw new Error(`expected a transaction, got ${move.do}`);
  return move.draft;
};
/** Most weight of what a draft becomes. */
export const weightOfDraft = ({ coins, outputs }: ReturnType<typeof built>): number =>
  weightOf.frame +
  41 * 4 +
  input.witnessWeight +
  coins.length * weightOf.input +
  outputs.reduce((sum, one) => sum + weightOf.output(one.script.length), 0);
