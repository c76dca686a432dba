/** Closing a channel: with the peer, or alone when that takes too long. */

import { Transaction } from 'bitcoinjs-lib';
import type { ChannelEvent } from '../../channel/io.ts';
import type { ChannelState, CloseFeerates, Failed } from '../../channel/state.ts';
import { equal, hex } from '../../wire/bytes.ts';
import { ApiError } from '../api/errors.ts';
import type { CallContext, Params, Result } from '../api/table.ts';
import { coreOf, type Entry } from '../channels/entry.ts';
import type { Node } from '../node.ts';
import { found } from './found.ts';
import { publishedOf } from './onchain.ts';
import { perKw, scriptFrom, tooLow } from './wallet.ts';

/** Seconds that the peer has, unless the caller says otherwise. */
const PATIENCE = 172_800;

/** A closing that both signed before, and that is all there is on its way to the chain. */
const agreedOf = (state: ChannelState): Uint8Array | undefined => {
  if (state.phase === 'negotiating') return state.agreed;
  const published = state.phase === 'failed' ? publishedOf(state) : undefined;
  return published?.type === 'mutual' ? published.tx : undefined;
};

/**
 * Resolves once the channel has a closing transaction: agreed with the peer, or our own commitment. One that was agreed before
 * is an answer too, unless it is to be mined first (`toChain`).
 */
const closed = (entry: Entry, toChain: boolean, signal: AbortSignal): Promise<Result<'close'>> =>
  new Promise((resolve, reject) => {
    const done = (type: 'mutual' | 'unilateral', tx: Uint8Array) => {
      entry.listeners.delete(hear);
      resolve({ type, txs: [hex(tx)], txids: [Transaction.fromBuffer(tx).getId()] });
    };
    /** Given up: what we publish is the close, unless only the peer may close. */
    const alone = (state: Failed) => {
      const published = publishedOf(state);
      if (published !== undefined) return done(published.type, published.tx);
      entry.listeners.delete(hear);
      resolve({ type: 'unilateral' });
    };
    const hear = (event: ChannelEvent) => {
      const { state } = entry.machine;
      if (event.event === 'closing' && !toChain) done('mutual', event.tx);
      else if (event.event === 'failed' && state.phase === 'failed') alone(state);
      else if (event.event === 'spent' && state.phase === 'onchain')
        done(event.by === 'mutual' ? 'mutual' : 'unilateral', state.tx);
      else if (event.event === 'abandoned') {
        // Its funding never came to anything: there is nothing to close.
        entry.listeners.delete(hear);
        resolve({ type: 'unopened' });
      }
    };
    entry.listeners.add(hear);
    const { state } = entry.machine;
    const agreed = agreedOf(state);
    if (agreed !== undefined && !toChain) done('mutual', agreed);
    else if (state.phase === 'onchain') done(state.by === 'mutual' ? 'mutual' : 'unilateral', state.tx);
    else if (state.phase === 'failed' && agreed === undefined) alone(state);
    signal.addEventListener('abort', () => {
      entry.listeners.delete(hear);
      reject(new ApiError('general', 'the caller went away; the channel goes on closing'));
    });
  });

/** The fees that a caller allows. Throws ApiError for a range without fees, or with none that is relayed now. */
const feeratesFrom = async (node: Node, feerange: Params<'close'>['feerange']): Promise<CloseFeerates | undefined> => {
  const [low, high] = feerange ?? [];
  if (low === undefined || high === undefined) return undefined;
  const range = { min: await perKw(node, low), max: await perKw(node, high) };
  const { relayFeerate } = node.opening.context();
  if (range.min > range.max)
    throw new ApiError('invalid_params', `feerange: from ${low.given} to ${high.given} there is nothing`);
  if (range.max < relayFeerate) throw tooLow('feerange', high, relayFeerate);
  return range;
};

export const close = async (node: Node, params: Params<'close'>, { signal }: CallContext): Promise<Result<'close'>> => {
  const entry = found(node, params.id);
  const script = params.destination === undefined ? undefined : scriptFrom(node, 'destination', params.destination);
  const bound = coreOf(entry.machine.state)?.params.local.upfrontScript;
  if (script !== undefined && bound !== undefined && !equal(script, bound))
    throw new ApiError('invalid_params', 'destination: the channel was opened to pay another (close_to)');
  const feerates = await feeratesFrom(node, params.feerange);
  const patience = params.unilateraltimeout ?? PATIENCE;
  // Who says how long to wait for a closing that is there already can only mean a block.
  const toChain = params.unilateraltimeout !== undefined && patience > 0 && agreedOf(entry.machine.state) !== undefined;
  const ending = closed(entry, toChain, signal);
  entry.machine.push({ type: 'close', script, feerates });
  const cancel =
    patience === 0
      ? () => undefined
      : node.ports.clock.after(patience * 1000, () => entry.machine.push({ type: 'force_close' }));
  try {
    return await ending;
  } finally {
    cancel();
  }
};
