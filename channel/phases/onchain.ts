/**
 * A channel whose funding output is spent, step by step: what the chain says is noted, and what follows from all of it is
 * worked out anew each time (trackedoutputs.ts, htlcresolution.ts). Only which transaction spent the funding output, and what must not be
 * forgotten about HTLCs, is kept.
 */

import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import type { Preimage } from '../../wire/units.ts';
import { closeTypeOf, commitmentNumberOf, spendingCommitment } from '../claims/closetype.ts';
import { learnPreimages } from '../claims/htlcresolution.ts';
import { outpointKey, spendOf, trackedOutputsOf } from '../claims/trackedoutputs.ts';
import { type ChainView, emptyChainView } from '../model/chainview.ts';
import { preimageOf } from '../model/htlc.ts';
import type { CloseType, Input, Step } from '../model/io.ts';
import type { Core, Failed, Funded, GivenUp, Onchain } from '../model/state.ts';
import { isDone, keepPreimages, withHtlc } from '../model/updates.ts';
import { report, resolutionOf } from '../rules/effects.ts';
import { idOf } from '../tx/transaction.ts';
import { publish, stronger } from './exits.ts';
import { disconnectCore } from './failing.ts';

type InputOf<T extends Input['type']> = Extract<Input, { type: T }>;

/** What a channel goes back to when the spend of its funding output turns out not to be. */
const givenUp = (state: Exclude<Funded, { phase: 'closed' }>): GivenUp => {
  switch (state.phase) {
    case 'open':
      return { why: SPENT, outdated: false, agreed: undefined };
    case 'negotiating':
      return { why: SPENT, outdated: false, agreed: state.agreed };
    case 'failed': {
      const { why, outdated, agreed } = state;
      return { why, outdated, agreed };
    }
    case 'onchain':
      return state.before;
  }
};
const SPENT = 'the funding output was spent';

/**
 * Whether a spend shows that there is more than we know, such as a newer commitment: then ours may be revoked, and must not be
 * published if a reorg undoes this.
 */
const provesLoss = (core: Core, by: CloseType, tx: Transaction): boolean =>
  by === 'unknown' ||
  by === 'unrecognized' ||
  (by === 'local' && (commitmentNumberOf(core, tx) ?? 0) > core.head.local);

/** The fates that were already told in this run, or are told by the same step. */
const alreadyTold = (core: Core): ChainView['reported'] => {
  const told = new Map<bigint, 'fulfilled' | 'failed'>();
  for (const [id, htlc] of core.outgoing) {
    const result = resolutionOf(htlc, core.head);
    if (result !== undefined) told.set(id, result.kind === 'fulfilled' ? 'fulfilled' : 'failed');
  }
  return told;
};

/** Those that were told to have failed before any commitment was in the chain. */
const toldBefore = (state: Funded): ChainView['reported'] =>
  new Map(state.phase === 'failed' ? [...(state.reported ?? [])].map((id) => [id, 'failed'] as const) : []);

/** A channel read from the store: what it knows by itself is being told again. */
export const restoredOnchain = (state: Onchain): Onchain => {
  const { core, by, tx, seen } = state;
  const commitment = spendingCommitment(core, by, Transaction.fromBuffer(tx));
  return { ...state, seen: { ...seen, commitment, reported: alreadyTold(core) } };
};

/** The funding output was spent in the chain: from here on only the chain counts. */
export const onSpent = (state: Funded, { tx, height }: InputOf<'funding_spent'>): Step => {
  if (state.phase === 'closed') return [state, []];
  const transaction = Transaction.fromBuffer(tx);
  const txid = idOf(transaction);
  if (state.phase === 'onchain' && equal(idOf(Transaction.fromBuffer(state.tx)), txid))
    return [{ ...state, tx, height, seen: { ...state.seen, confirmed: true } }, []];
  const given = givenUp(state);
  const [offline, effects] = disconnectCore(state.core);
  const core = keepPreimages({ ...offline, link: state.core.link });
  const by = closeTypeOf(core, transaction);
  const before: GivenUp = { ...given, outdated: given.outdated || provesLoss(core, by, transaction) };
  const commitment = spendingCommitment(core, by, transaction);
  const told = new Map([...toldBefore(state), ...alreadyTold(core)]);
  const seen: ChainView = { ...emptyChainView, confirmed: true, commitment, reported: told };
  const next: Onchain = { phase: 'onchain', core, by, tx, height, before, seen };
  return [next, [...effects, report({ event: 'spent', by, txid, height })]];
};

/** A reorg took the spend out of the chain: what we have is published again. */
export const onUnspent = (state: Onchain): Step => {
  const { core, by, tx, before } = state;
  const agreed = by === 'mutual' ? stronger(core, before.agreed, tx).tx : before.agreed;
  const next: Failed = { phase: 'failed', core, ...before, agreed };
  return [next, publish(next)];
};

const withSpends = (state: Onchain, spends: ChainView['spends']): Onchain => ({
  ...state,
  seen: { ...state.seen, spends },
});

/** Somebody spends an output of ours or one that decides about an HTLC. Preimages count before they are in a block. */
export const onOutputSpent = (state: Onchain, { outpoint, tx, height }: InputOf<'output_spent'>): Onchain => {
  const name = outpointKey(outpoint);
  if (!trackedOutputsOf(state).some(({ key }) => key === name)) return state;
  const transaction = Transaction.fromBuffer(tx);
  const core = learnPreimages(state.core, transaction);
  const next = core === state.core ? state : { ...state, core };
  if (height === undefined) return next;
  const spend = spendOf(state, transaction, height);
  const known = state.seen.spends.get(name);
  if (known !== undefined && known.height === height && equal(known.txid, spend.txid)) return next;
  return withSpends(next, new Map(state.seen.spends).set(name, spend));
};

/** A reorg took that spend out of the chain. */
export const onOutputUnspent = (state: Onchain, { outpoint }: InputOf<'output_unspent'>): Onchain => {
  const spends = new Map(state.seen.spends);
  return spends.delete(outpointKey(outpoint)) ? withSpends(state, spends) : state;
};

/** The HTLCs of the revoked commitment were read. */
export const onPast = (state: Onchain, { htlcs }: InputOf<'past_loaded'>): Onchain => {
  const { core, by, tx, seen } = state;
  if (by !== 'revoked') return state;
  const commitment = spendingCommitment(core, by, Transaction.fromBuffer(tx), htlcs);
  return { ...state, seen: { ...seen, commitment, past: htlcs } };
};

/** Keeps the preimage of an HTLC that we may claim; the same core when it is known, wrong, or of no HTLC that was received. */
export const withPreimage = (core: Core, id: bigint, preimage: Preimage): Core => {
  const htlc = core.incoming.get(id);
  // Even where it seems too late: a reorg may give the output back.
  if (htlc === undefined || preimageOf(htlc) !== undefined || !isDone(htlc.added, core.head)) return core;
  if (!equal(sha256(preimage), htlc.paymentHash)) return core;
  return { ...core, incoming: withHtlc(core.incoming, { ...htlc, preimage }) };
};

/** What followed from an HTLC's fate is safe: on chain that is kept, so that it is not told after the next restart. */
export const acknowledgeOnchain = (core: Core, id: bigint, isTold: boolean): Core => {
  const htlc = core.outgoing.get(id);
  if (htlc === undefined || htlc.over || !(isTold || resolutionOf(htlc, core.head) !== undefined)) return core;
  return { ...core, outgoing: withHtlc(core.outgoing, { ...htlc, acknowledged: true, over: true }) };
};
