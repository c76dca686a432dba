/**
 * Bumping a commitment with a child of our anchor (CPFP; BOLT 3, `to_local_anchor`; BOLT 5, "Failing a Channel"): our commitment, or the
 * peer's once that is in the mempool, where it would keep ours out.
 */

import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import { witnessWeight } from '../claims/claimwitness.ts';
import { closeTypeOf, spendingCommitment } from '../claims/closetype.ts';
import { REPLACEABLE } from '../claims/sweepclaim.ts';
import type { ChainHtlc } from '../model/chainview.ts';
import type { BumpClaim } from '../model/claim.ts';
import { preimageOf } from '../model/htlc.ts';
import type { Effect, Input } from '../model/io.ts';
import type { Core, Failed } from '../model/state.ts';
import { signedLocalCommitment } from '../rules/commitmentupdates.ts';
import { CLAIM_BUFFER, GRACE_PERIOD } from '../rules/deadlines.ts';
import { formats } from '../tx/commitmentformats.ts';
import { anchorScript, p2wsh } from '../tx/script.ts';
import { transactionId } from '../tx/transaction.ts';
import { broadcastsCommitment } from './exits.ts';

/** Half of the claim buffer is for the commitment to confirm, the other half for the HTLC claim. */
const HALF = CLAIM_BUFFER / 2;

/** When an HTLC needs the commitment confirmed: from its force-close height until half of the buffer is gone. */
interface Need {
  readonly from: number;
  readonly by: number;
  readonly value: bigint;
}

/** The need of an HTLC; undefined where only the peer can lose by it. */
const needOf = (core: Core, { way, id, expiry, amount }: ChainHtlc): Need | undefined => {
  const value = amount / 1000n;
  if (way === 'out') return { from: expiry + GRACE_PERIOD + 1, by: expiry + HALF, value };
  const htlc = core.incoming.get(id);
  if (htlc === undefined || preimageOf(htlc) === undefined) return undefined;
  return { from: expiry - CLAIM_BUFFER + 1, by: expiry - HALF, value };
};

/** The earliest deadline, and the sum of the HTLCs due then or soon after; undefined without any. */
const mostUrgent = (needs: readonly Need[]) => {
  const [first] = [...needs].sort((a, b) => a.by - b.by);
  if (first === undefined) return undefined;
  const near = needs.filter(({ by }) => by < first.by + CLAIM_BUFFER);
  const value = near.reduce((sum, one) => sum + one.value, 0n);
  return { deadline: first.by, urgentHtlcs: { from: first.from, value: sat(value) } };
};

/** Whether our published commitment has an anchor to bump it with. */
export const canBump = (state: Failed): boolean =>
  broadcastsCommitment(state) && formats[state.core.params.format].anchor !== undefined;

/** Our anchor of the commitment that is to be mined; undefined where it has none. */
export const bumpClaim = (state: Failed): BumpClaim | undefined => {
  if (!canBump(state)) return undefined;
  const { core, competingCommitment } = state;
  const { params } = core;
  const parent = competingCommitment ?? signedLocalCommitment(core);
  const tx = Transaction.fromBuffer(parent);
  const scriptCode = anchorScript(params.local.basepoints.funding);
  const script = p2wsh(scriptCode);
  const index = tx.outs.findIndex((output) => equal(new Uint8Array(output.script), script));
  const anchor = tx.outs[index];
  const commitment = spendingCommitment(core, closeTypeOf(core, tx), tx);
  if (anchor === undefined || commitment === undefined) return undefined;
  const needs = commitment.outputs.flatMap((output) => {
    const need = output.kind === 'htlc' ? needOf(core, output.htlc) : undefined;
    return need === undefined ? [] : [need];
  });
  return {
    kind: 'bump',
    outpoint: { txid: transactionId(tx), index },
    value: sat(anchor.value),
    from: 0,
    deadline: undefined,
    ...mostUrgent(needs),
    why: 'anchor',
    parent,
    parentFee: sat(tx.outs.reduce((left, { value }) => left - value, params.capacity as bigint)),
    sequence: REPLACEABLE,
    scriptCode,
    witnessWeight: witnessWeight({ by: 'funding' }, scriptCode, false),
    unlock: { by: 'funding' },
  };
};

/** Watches the mempool for the peer's commitment, where we could bump it. */
export const watchRemoteCommitment = (state: Failed): readonly Effect[] =>
  canBump(state) ? [{ do: 'watch_mempool', outpoint: state.core.funding }] : [];

/** A transaction in the mempool spends the funding output: remembered if it is a current commitment of the peer's. */
export const onRemoteCommitmentInMempool = (
  state: Failed,
  { outpoint, tx, height }: Extract<Input, { type: 'output_spent' }>,
): Failed => {
  const { core, competingCommitment } = state;
  const { txid, index } = core.funding;
  if (height !== undefined || outpoint.index !== index || !equal(outpoint.txid, txid)) return state;
  const by = closeTypeOf(core, Transaction.fromBuffer(tx));
  const next = by === 'remote' || by === 'remote_next' ? tx : undefined;
  return next === competingCommitment ||
    (next !== undefined && competingCommitment !== undefined && equal(next, competingCommitment))
    ? state
    : { ...state, competingCommitment: next };
};
