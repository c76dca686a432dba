/**
 * A channel whose funding output is spent (BOLT 5): notes what the chain watcher reports; trackedoutputs.ts and htlcresolution.ts
 * derive the rest. Only the spending transaction and what happened to HTLCs is saved.
 */

import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import type { Preimage } from '../../wire/units.ts';
import { closeTypeOf, commitmentNumberOf, spendingCommitment } from '../claims/closetype.ts';
import { learnPreimages } from '../claims/htlcresolution.ts';
import { outputKey, spendOf } from '../claims/trackedoutputs.ts';
import { type ChainView, emptyChainView } from '../model/chainview.ts';
import { preimageOf } from '../model/htlc.ts';
import type { CloseType, Input, Step } from '../model/io.ts';
import type { Core, Failed, Funded, GivenUp, Onchain } from '../model/state.ts';
import { isIrrevocable, keepPreimages, withHtlc } from '../model/updates.ts';
import { report, resolutionOf } from '../rules/effects.ts';
import { transactionId } from '../tx/transaction.ts';
import { broadcastExits, higherFeerateClosing } from './exits.ts';
import { disconnectCore } from './failing.ts';

type InputOf<T extends Input['type']> = Extract<Input, { type: T }>;

/** What a channel goes back to when a reorg undoes the spend of its funding output. */
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
 * Whether a spend proves that our state is outdated: then our commitment may be revoked, and must not be published after a reorg.
 */
const provesLoss = (core: Core, by: CloseType, tx: Transaction): boolean =>
  by === 'unknown' ||
  by === 'unrecognized' ||
  (by === 'local' && (commitmentNumberOf(core, tx) ?? 0) > core.head.local);

/** The resolutions that were reported in this run, or are reported by the same step. */
const alreadyReported = (core: Core): ChainView['reported'] => {
  const told = new Map<bigint, 'fulfilled' | 'failed'>();
  for (const [id, htlc] of core.outgoing) {
    const result = resolutionOf(htlc, core.head);
    if (result !== undefined) told.set(id, result.kind === 'fulfilled' ? 'fulfilled' : 'failed');
  }
  return told;
};

/** HTLCs reported as failed before any commitment was confirmed. */
const reportedBefore = (state: Funded): ChainView['reported'] =>
  new Map(state.phase === 'failed' ? [...(state.reported ?? [])].map((id) => [id, 'failed'] as const) : []);

/** A channel read from the store, with what follows from its own records. */
export const restoredOnchain = (state: Onchain): Onchain => {
  const { core, by, tx, chainView } = state;
  const commitment = spendingCommitment(core, by, Transaction.fromBuffer(tx));
  return { ...state, chainView: { ...chainView, commitment, reported: alreadyReported(core) } };
};

/** The funding output was spent: from here on only the chain counts. */
export const onSpent = (state: Funded, { tx, height }: InputOf<'funding_spent'>): Step => {
  if (state.phase === 'closed') return [state, []];
  const transaction = Transaction.fromBuffer(tx);
  const txid = transactionId(transaction);
  if (state.phase === 'onchain' && equal(transactionId(Transaction.fromBuffer(state.tx)), txid))
    return [{ ...state, tx, height, chainView: { ...state.chainView, confirmed: true } }, []];
  const given = givenUp(state);
  const [offline, effects] = disconnectCore(state.core);
  const core = keepPreimages({ ...offline, link: state.core.link });
  const by = closeTypeOf(core, transaction);
  const before: GivenUp = { ...given, outdated: given.outdated || provesLoss(core, by, transaction) };
  const commitment = spendingCommitment(core, by, transaction);
  const told = new Map([...reportedBefore(state), ...alreadyReported(core)]);
  const chainView: ChainView = { ...emptyChainView, confirmed: true, commitment, reported: told };
  const next: Onchain = { phase: 'onchain', core, by, tx, height, before, chainView };
  return [next, [...effects, report({ event: 'spent', by, txid, height })]];
};

/** A reorg took the spend out of the chain: what we have is published again. */
export const onUnspent = (state: Onchain): Step => {
  const { core, by, tx, before } = state;
  const agreed = by === 'mutual' ? higherFeerateClosing(core, before.agreed, tx).tx : before.agreed;
  const next: Failed = { phase: 'failed', core, ...before, agreed };
  return [next, broadcastExits(next)];
};

const withSpends = (state: Onchain, spends: ChainView['spends']): Onchain => ({
  ...state,
  chainView: { ...state.chainView, spends },
});

/** A tracked output was spent. A preimage counts even before it is in a block. */
export const onOutputSpent = (state: Onchain, { outpoint, tx, height }: InputOf<'output_spent'>): Onchain => {
  const name = outputKey(outpoint);
  if (!state.chainView.outputs.some(({ key }) => key === name)) return state;
  const transaction = Transaction.fromBuffer(tx);
  const core = learnPreimages(state.core, transaction);
  const next = core === state.core ? state : { ...state, core };
  if (height === undefined) return next;
  const spend = spendOf(state, transaction, height);
  const known = state.chainView.spends.get(name);
  if (known !== undefined && known.height === height && equal(known.txid, spend.txid)) return next;
  return withSpends(next, new Map(state.chainView.spends).set(name, spend));
};

/** A reorg took that spend out of the chain. */
export const onOutputUnspent = (state: Onchain, { outpoint }: InputOf<'output_unspent'>): Onchain => {
  const spends = new Map(state.chainView.spends);
  return spends.delete(outputKey(outpoint)) ? withSpends(state, spends) : state;
};

/** The past HTLCs of the revoked commitment were read. */
export const onPastLoaded = (state: Onchain, { htlcs }: InputOf<'past_loaded'>): Onchain => {
  const { core, by, tx, chainView } = state;
  if (by !== 'revoked') return state;
  const commitment = spendingCommitment(core, by, Transaction.fromBuffer(tx), htlcs);
  return { ...state, chainView: { ...chainView, commitment, past: htlcs } };
};

/** Keeps the preimage of an incoming HTLC; the same core when it is known, wrong, or of no committed HTLC. */
export const learnPreimage = (core: Core, id: bigint, preimage: Preimage): Core => {
  const htlc = core.incoming.get(id);
  // Even where it seems too late: a reorg may give the output back.
  if (htlc === undefined || preimageOf(htlc) !== undefined || !isIrrevocable(htlc.added, core.head)) return core;
  if (!equal(sha256(preimage), htlc.paymentHash)) return core;
  return { ...core, incoming: withHtlc(core.incoming, { ...htlc, preimage }) };
};

/** The node handled an HTLC's resolution: saved on chain, so that it is not reported after the next restart. */
export const acknowledgeOnchain = (core: Core, id: bigint, isTold: boolean): Core => {
  const htlc = core.outgoing.get(id);
  if (htlc === undefined || htlc.over || !(isTold || resolutionOf(htlc, core.head) !== undefined)) return core;
  return { ...core, outgoing: withHtlc(core.outgoing, { ...htlc, acknowledged: true, over: true }) };
};
