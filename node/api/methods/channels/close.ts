/** `close`: closes a channel, with the peer, or alone when that takes too long. */

import { Transaction } from 'bitcoinjs-lib';
import { z } from 'zod';
import type { CloseRefusal } from '../../../../channel/model/events.ts';
import type { ChannelEvent, Input } from '../../../../channel/model/io.ts';
import type { ChannelState, CloseFeerates, Core } from '../../../../channel/model/state.ts';
import { equal, hex } from '../../../../wire/bytes.ts';
import { type BroadcastResult, type Entry, isFunded } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import { addressOfScript } from '../../../wallet/address.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { perKw, scriptFrom, tooLow } from '../wallet/spending.ts';
import { found } from './findchannel.ts';
import { blocks, blocksLeft, publishedOf } from './status.ts';

/** Seconds that a timer holds: 24 days. */
const MOST_WAIT = 2_073_600;

const params = z.strictObject({
  id: param.channelRef.describe('the channel, or the peer we have just one with'),
  unilateraltimeout: param
    .seconds(0, MOST_WAIT)
    .optional()
    .describe(
      'how long to wait for the peer before closing alone, 172800 unless given; 0 leaves it to the channel, which waits two days from its last HTLC and two weeks at most. Given for a channel whose closing is agreed, it is how long to wait for a block with it',
    ),
  destination: param.text.optional().describe("address to be paid; else the wallet's"),
  fee_negotiation_step: param.refused.describe('fees are agreed by range'),
  wrong_funding: param.refused.describe('rescue of a channel funded wrongly'),
  force_lease_closed: param.refused.describe('closing of leases'),
  feerange: param
    .pair(param.feerate)
    .optional()
    .describe(
      'least and most fee rate to pay or to sign, say 1000perkw,2500perkw; what is said last counts, and negotiates anew',
    ),
  force: param.flag
    .optional()
    .describe('publish our commitment at once, without asking the peer; what it pays us comes after to_self_delay'),
});

const result = z.object({
  type: z.enum(['mutual', 'unilateral', 'unopened']),
  txs: z.array(field.hexText).optional(),
  txids: z.array(field.txid).optional(),
});

type Params = z.output<typeof params>;
type Result = z.output<typeof result>;

/** Seconds that the peer has, unless the caller says otherwise. */
const PATIENCE = 172_800;

/** A closing that both signed before, and that is all there is on its way to the chain. */
const agreedOf = (state: ChannelState): Uint8Array | undefined => {
  if (state.phase === 'negotiating') return state.agreed;
  const published = state.phase === 'failed' ? publishedOf(state) : undefined;
  return published?.type === 'mutual' ? published.tx : undefined;
};

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'follower' | 'gate' | 'network' | 'onchain' | 'ports'>;

/** A closing that the network does not take by itself may go there with a child that pays for both. */
const goesWithChild = async (node: Parts, entry: Entry): Promise<boolean> => {
  await entry.machine.settled();
  await node.gate.allSaved();
  await node.onchain.settled();
  return node.onchain
    .claimsWithStatus(entry.key)
    .some(({ claim, status }) => claim.why === 'closing' && status?.state === 'published');
};

/** Both have signed, and the network does not have it: what is waited for. */
const notTaken = (node: Parts, core: Core, tx: Uint8Array, answer: BroadcastResult): ApiError => {
  const txid = Transaction.fromBuffer(tx).getId();
  const why =
    answer.given === 'refused'
      ? `the network refuses it for now: ${answer.reason}`
      : 'bitcoind does not answer: it is given to it once it does';
  const left = blocks(blocksLeft(core, node.follower.top.height));
  return new ApiError(
    'general',
    `the channel is being closed: both have signed the closing transaction ${txid}, but ${why}. It is given to the network again with each block, and our commitment as well if none has it within ${left}`,
    { txid, tx: hex(tx) },
  );
};

const refusalText = (node: Parts, why: CloseRefusal): string => {
  const named = (script: Uint8Array): string => addressOfScript(script, node.network) ?? `the script ${hex(script)}`;
  switch (why.code) {
    case 'script_not_allowed':
      return 'a peer takes only addresses of P2WPKH and P2WSH, and of P2TR where it knows option_shutdown_anysegwit';
    case 'script_not_known_to_peer':
      return 'the peer does not know option_shutdown_anysegwit: it takes only addresses of P2WPKH and P2WSH';
    case 'script_unsure':
      return 'the peer is away, and only when it is there is known whether it takes such an address; P2WPKH and P2WSH are taken by all';
    case 'script_bound':
      return `the channel was opened to pay to another (close_to): ${named(why.script)}`;
    case 'script_stands':
      return `a close is under way that pays to another: ${named(why.script)}`;
    case 'ends_otherwise':
      return 'the channel ends already, and what it pays goes to the wallet';
  }
};

/** Events with which a channel may have come to a close. */
const isEnd = ({ event }: ChannelEvent): boolean =>
  event === 'closing_offered' || event === 'failed' || event === 'spent';

/**
 * Asks the channel to close, and resolves once it has a closing transaction: agreed with the peer and taken by the network, or our own
 * commitment. One that was agreed before is an answer too, unless it is to be mined first (`toChain`). Throws ApiError.
 */
const closed = (
  node: Parts,
  entry: Entry,
  {
    toChain,
    force,
    ...asked
  }: Pick<Extract<Input, { type: 'close' }>, 'script' | 'feerates'> & {
    readonly toChain: boolean;
    readonly force: boolean;
  },
  signal: AbortSignal,
): Promise<Result> =>
  new Promise((resolve, reject) => {
    const end = (say: () => void): void => {
      entry.listeners.delete(hear);
      signal.removeEventListener('abort', leave);
      say();
    };
    const done = (type: 'mutual' | 'unilateral', tx: Uint8Array): void =>
      end(() => resolve({ type, txs: [hex(tx)], txids: [Transaction.fromBuffer(tx).getId()] }));
    const fail = (error: unknown): void => end(() => reject(error));
    const leave = (): void => fail(new ApiError('general', 'the caller went away; the channel goes on closing'));
    /** Whether it has one by now. */
    const look = async (): Promise<void> => {
      const { state } = entry.machine;
      if (state.phase === 'onchain') return done(state.by === 'mutual' ? 'mutual' : 'unilateral', state.tx);
      const agreed = agreedOf(state);
      if (agreed === undefined) {
        // Given up: what we publish is the close, unless only the peer may close.
        const published = state.phase === 'failed' ? publishedOf(state) : undefined;
        if (published !== undefined) return done(published.type, published.tx);
        return state.phase === 'failed' ? end(() => resolve({ type: 'unilateral' })) : undefined;
      }
      const { lastClosing } = entry;
      if (toChain || !isFunded(state) || lastClosing === undefined || !equal(lastClosing.tx, agreed)) return;
      const { answer } = lastClosing;
      if (answer.given === 'taken' || (await goesWithChild(node, entry))) return done('mutual', agreed);
      // A block may have it by now, and then there is nothing that the network could take.
      if (entry.machine.state.phase === 'onchain') return look();
      fail(notTaken(node, state.core, agreed, answer));
    };
    const hear = (event: ChannelEvent): void => {
      if (event.event === 'close_refused')
        fail(new ApiError('invalid_params', `destination: ${refusalText(node, event.why)}`));
      // Its funding never came to anything: there is nothing to close.
      else if (event.event === 'abandoned') end(() => resolve({ type: 'unopened' }));
      else if (isEnd(event)) look().catch(fail);
    };
    entry.listeners.add(hear);
    signal.addEventListener('abort', leave);
    void entry.machine
      .deliver(force ? { type: 'force_close' } : { type: 'close', ...asked })
      .then(look)
      .catch(fail);
  });

/** The fees that a caller allows. Throws ApiError for a range without fees, or with none that is relayed now. */
const feeratesFrom = async (node: Parts, feerange: Params['feerange']): Promise<CloseFeerates | undefined> => {
  const [low, high] = feerange ?? [];
  if (low === undefined || high === undefined) return undefined;
  const range = { min: await perKw(node, low), max: await perKw(node, high) };
  const { relayFeerate } = node.channels.context();
  if (range.min > range.max)
    throw new ApiError('invalid_params', `feerange: from ${low.given} to ${high.given} there is nothing`);
  if (range.max < relayFeerate) throw tooLow('feerange', high, relayFeerate);
  return range;
};

export const close = method({
  doc: 'Closes a channel, with the peer if it can be had.',
  example: ['103x1x0', 'unilateraltimeout=3600'],
  params,
  result,
  handler: async (node: Parts, params, { signal }): Promise<Result> => {
    const entry = found(node, params.id);
    const script = params.destination === undefined ? undefined : scriptFrom(node, 'destination', params.destination);
    const feerates = await feeratesFrom(node, params.feerange);
    const { force = false } = params;
    if (force && (script !== undefined || feerates !== undefined))
      throw new ApiError(
        'invalid_params',
        'force: expected without destination and feerange, which are agreed with the peer: our commitment pays the wallet',
      );
    const patience = params.unilateraltimeout ?? PATIENCE;
    // Who says how long to wait for a closing that is there already can only mean a block.
    const toChain =
      params.unilateraltimeout !== undefined && patience > 0 && agreedOf(entry.machine.state) !== undefined;
    const ending = closed(node, entry, { script, feerates, toChain, force }, signal);
    const cancel =
      patience === 0
        ? () => undefined
        : node.ports.clock.after(patience * 1000, () => entry.machine.push({ type: 'force_close' }));
    try {
      return await ending;
    } finally {
      cancel();
    }
  },
});
