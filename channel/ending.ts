/**
 * Channels that go wrong or go on chain: what we do about a fault, what we publish, which transaction spent the funding
 * output (BOLT 5). Here it is only told apart; what is claimed from it is decided elsewhere.
 */
import { Transaction } from 'bitcoinjs-lib';
import { equal, utf8 } from '../wire/bytes.ts';
import { type Txid, txid } from '../wire/units.ts';
import { commitmentNumber } from './commitment.ts';
import { obscuring, publishable } from './dance.ts';
import { errorMessage, refused, report, send, warningMessage } from './effects.ts';
import { type Fault, faultText, reactions } from './errors.ts';
import type { Effect, SpentBy, Step } from './io.ts';
import { abandon } from './opening.ts';
import type { ChannelState, Core, Failed, Funded, Negotiating, Onchain, Open } from './state.ts';
import { undoUnsigned } from './updates.ts';

/** Blocks on a spend of the funding output after which the channel is over and done. */
const DEEP = 100;

/** BOLT 2: a fundee forgets a channel whose funding does not confirm within this many blocks. */
export const FUNDING_TIMEOUT = 2016;

/** The connection is gone: what no commitment contains is undone, and whose offer that was is told. */
export const disconnectCore = (core: Core): readonly [core: Core, effects: readonly Effect[]] => {
  if (core.link.status === 'offline') return [core, []];
  const { core: undone, dropped } = undoUnsigned(core);
  return [
    { ...undone, link: { status: 'offline' } },
    dropped.map(({ origin }) => refused(origin, { code: 'disconnected' })),
  ];
};

/** A funded state whose connection is gone. */
export const disconnect = (state: Funded): readonly [state: Funded, effects: readonly Effect[]] => {
  const [core, effects] = disconnectCore(state.core);
  if (core === state.core) return [state, effects];
  return [state.phase === 'negotiating' ? { ...state, core, round: undefined } : { ...state, core }, effects];
};

const isOpening = (state: ChannelState): state is Exclude<ChannelState, Funded | { phase: 'abandoned' }> =>
  !('core' in state) && state.phase !== 'abandoned';

/** What `reactions` says about a fault, done. */
export const react = (state: ChannelState, fault: Fault): Step => {
  const reaction = reactions[fault.code];
  if (state.phase === 'abandoned' || reaction === 'ignore') return [state, []];
  if (isOpening(state)) return abandon(state, fault, reaction !== 'fail_silently');
  const { channelId } = state.core;
  if (reaction === 'warn_and_disconnect') {
    const [next, effects] = disconnect(state);
    const why = faultText(fault);
    return [next, [send(warningMessage(channelId, fault)), { do: 'disconnect', why }, ...effects]];
  }
  const tell = reaction === 'fail_silently' ? [] : [send(errorMessage(channelId, fault))];
  if (state.phase === 'failed' || state.phase === 'onchain' || state.phase === 'closed') return [state, tell];
  return give(state, fault, tell, reaction === 'ask_peer');
};

const give = (state: Open | Negotiating, fault: Fault, tell: readonly Effect[], outdated: boolean): Step => {
  const online = state.core.link.status !== 'offline';
  const [core, effects] = disconnectCore(state.core);
  const next: Failed = { phase: 'failed', core: { ...core, link: state.core.link }, why: faultText(fault), outdated };
  return [
    next,
    [...(online ? tell : []), ...publish(next), ...effects, report({ event: 'failed', fault, broadcast: !outdated })],
  ];
};

/** Our commitment on its way to the chain, unless the peer might punish us for it. */
export const publish = ({ core, outdated }: Failed): readonly Effect[] =>
  outdated ? [] : [{ do: 'broadcast', tx: publishable(core), why: 'commitment' }];

/** A failed channel says its error again and again, and nothing else. */
export const errorAgain = ({ core, why }: Failed): Effect =>
  send({ name: 'error', channel_id: core.channelId, data: utf8(why) });

const txidOfBytes = (tx: Uint8Array): Txid => txid(Uint8Array.from(Transaction.fromBuffer(tx).getHash()));

/** Which transaction this spend is. Only a revoked commitment can carry a number below the peer's current one. */
const spender = (state: Funded, tx: Transaction): SpentBy => {
  const { core } = state;
  const id = Uint8Array.from(tx.getHash());
  if (state.phase === 'negotiating' && state.agreed !== undefined && equal(txidOfBytes(state.agreed), id))
    return 'mutual';
  const input = tx.ins[0];
  const number = input && commitmentNumber(obscuring(core.params), { sequence: input.sequence, locktime: tx.locktime });
  if (number === undefined) return 'mutual';
  if (equal(txidOfBytes(publishable(core)), id)) return 'local';
  const { remote, signedAt } = core.head;
  if (number < remote) return 'revoked';
  if (number === remote) return 'remote';
  return number === remote + 1 && signedAt !== undefined ? 'remote_next' : 'unknown';
};

/** The funding output was spent in the chain: from here on only the chain counts. */
export const onSpent = (state: Funded, tx: Uint8Array, height: number): Step => {
  if (state.phase === 'closed') return [state, []];
  const transaction = Transaction.fromBuffer(tx);
  const id = txid(Uint8Array.from(transaction.getHash()));
  const by = state.phase === 'onchain' && equal(txidOfBytes(state.tx), id) ? state.by : spender(state, transaction);
  const [core, effects] = disconnectCore(state.core);
  const next: Onchain = { phase: 'onchain', core: { ...core, link: state.core.link }, by, tx, height };
  return [next, [...effects, report({ event: 'spent', by, txid: id, height })]];
};

/** Time passes on the chain: publish again what must confirm, forget what never will or what is deep enough. */
export const onBlock = (state: Funded, height: number): Step => {
  switch (state.phase) {
    case 'open': {
      const { core } = state;
      const { params, lockin } = core;
      if (core.fundingTx.length > 0) return [state, [{ do: 'broadcast', tx: core.fundingTx, why: 'funding' }]];
      if (params.role === 'fundee' && lockin.scid === undefined && height > params.since + FUNDING_TIMEOUT)
        return forget(core, { code: 'funding_timeout', blocks: FUNDING_TIMEOUT });
      return [state, []];
    }
    case 'negotiating':
      return [state, state.agreed === undefined ? [] : [{ do: 'broadcast', tx: state.agreed, why: 'closing' }]];
    case 'failed':
      return [state, publish(state)];
    case 'onchain':
      if (state.by !== 'mutual' || height < state.height + DEEP - 1) return [state, []];
      return [{ phase: 'closed', core: state.core, by: state.by }, [report({ event: 'closed' })]];
    case 'closed':
      return [state, []];
  }
};

const forget = ({ params, channelId, link }: Core, fault: Fault): Step => [
  { phase: 'abandoned', key: params.key, fault },
  [...(link.status === 'offline' ? [] : [send(errorMessage(channelId, fault))]), report({ event: 'abandoned', fault })],
];
