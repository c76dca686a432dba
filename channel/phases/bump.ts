/**
 * A commitment on its way into a block: a child of our anchor pays what it did not foresee (BOLT 5, "Failing a Channel"). That
 * of ours; or, once it is in the mempool, the peer's, lest it sits there with too low a fee and keeps ours out.
 */

import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import { REPLACEABLE } from '../claims/claimbuilder.ts';
import { closeTypeOf, spendingCommitment } from '../claims/closetype.ts';
import { witnessWeight } from '../claims/witness.ts';
import type { ChainHtlc } from '../model/chainview.ts';
import type { BumpClaim } from '../model/claim.ts';
import { preimageOf } from '../model/htlc.ts';
import type { Effect, Input } from '../model/io.ts';
import type { Core, Failed } from '../model/state.ts';
import { signedLocalCommitment } from '../rules/commitmentupdates.ts';
import { GRACE, SAFETY } from '../rules/deadlines.ts';
import { formats } from '../tx/commitmentformats.ts';
import { anchorScript, p2wsh } from '../tx/script.ts';
import { idOf } from '../tx/transaction.ts';
import { publishesCommitment } from './exits.ts';

/** Half of the time we keep for an HTLC is for the commitment, the other half for what then takes the HTLC. */
const HALF = SAFETY / 2;

/** When an HTLC needs the commitment in a block: from the height at which it has us give up, until half of the time is gone. */
interface Need {
  readonly from: number;
  readonly by: number;
  readonly value: bigint;
}

/** What an HTLC needs; undefined where the peer alone has something to lose. */
const needOf = (core: Core, { way, id, expiry, amount }: ChainHtlc): Need | undefined => {
  const value = amount / 1000n;
  if (way === 'out') return { from: expiry + GRACE + 1, by: expiry + HALF, value };
  const htlc = core.incoming.get(id);
  if (htlc === undefined || preimageOf(htlc) === undefined) return undefined;
  return { from: expiry - SAFETY + 1, by: expiry - HALF, value };
};

/** The soonest deadline, and what is lost if it and those that follow at once are missed; undefined without any. */
const urgedBy = (needs: readonly Need[]) => {
  const [first] = [...needs].sort((a, b) => a.by - b.by);
  if (first === undefined) return undefined;
  const near = needs.filter(({ by }) => by < first.by + SAFETY);
  const value = near.reduce((sum, one) => sum + one.value, 0n);
  return { deadline: first.by, urged: { from: first.from, value: sat(value) } };
};

/** Whether what we publish has an anchor to push it with. */
export const canBump = (state: Failed): boolean =>
  publishesCommitment(state) && formats[state.core.params.format].anchor !== undefined;

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
    outpoint: { txid: idOf(tx), index },
    value: sat(anchor.value),
    from: 0,
    deadline: undefined,
    ...urgedBy(needs),
    why: 'anchor',
    parent,
    parentFee: sat(tx.outs.reduce((left, { value }) => left - value, params.capacity as bigint)),
    sequence: REPLACEABLE,
    scriptCode,
    witnessWeight: witnessWeight({ by: 'funding' }, scriptCode, false),
    unlock: { by: 'funding' },
  };
};

/** Asks to be told of the peer's commitment, where we could do something about it. */
export const watchRival = (state: Failed): readonly Effect[] =>
  canBump(state) ? [{ do: 'watch_mempool', outpoint: state.core.funding }] : [];

/** A transaction in the mempool spends the funding output: the peer's commitment, if it is one that we would be paid by. */
export const onRival = (state: Failed, { outpoint, tx, height }: Extract<Input, { type: 'output_spent' }>): Failed => {
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
