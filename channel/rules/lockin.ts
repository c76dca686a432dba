/** From the funding transaction to channel_ready on both sides (BOLT 2, "The channel_ready Message"). */

import { isPoint } from '../../wire/crypto.ts';
import { scidOf } from '../../wire/units.ts';
import { ChannelError } from '../model/errors.ts';
import type { ChannelMessageOf, Effect, Input } from '../model/io.ts';
import type { Core, Params } from '../model/state.ts';
import { perCommitmentPoint } from '../tx/secrets.ts';
import { report, send } from './effects.ts';

/** Blocks, its own counted, before a transaction may spend what a coinbase pays (consensus). */
export const COINBASE_MATURITY = 100;

/** Whether a funding transaction in this place of its block is deep enough for the channel to be used. */
const isDeepEnough = ({ params }: Core, depth: number, txIndex: number): boolean =>
  // The first transaction of a block is its coinbase. No commitment could be published while that is young.
  depth >= (txIndex === 0 ? Math.max(minimumDepthOf(params), COINBASE_MATURITY) : minimumDepthOf(params));

type Locked = readonly [core: Core, effects: readonly Effect[]];

/** Whether HTLCs may flow. */
export const isReady = ({ lockin }: Core): boolean => lockin.scid !== undefined && lockin.sent && lockin.received;

/** `channel_ready`, the same each time it is sent, with our alias to a peer that knows what that is. */
export const channelReady = ({ channelId, keys, params, link }: Core): ChannelMessageOf<'channel_ready'> => ({
  name: 'channel_ready',
  channel_id: channelId,
  second_per_commitment_point: perCommitmentPoint(keys.perCommitmentSeed, 1),
  ...(params.alias !== undefined && link.status !== 'offline' && link.features.scidAlias && { alias: params.alias }),
});

/** The `ready` event, where both sides are. */
export const readyEvent = (core: Core): readonly Effect[] => {
  const { scid, peerAlias } = core.lockin;
  return isReady(core) && scid !== undefined ? [report({ event: 'ready', scid, peerAlias })] : [];
};

/** Sends channel_ready once the funding is deep enough and the peer is online. */
export const sendChannelReady = (core: Core): Locked => {
  const { lockin, link } = core;
  if (lockin.scid === undefined || lockin.sent || link.status !== 'online') return [core, []];
  const next = { ...core, lockin: { ...lockin, sent: true } };
  return [next, [send(channelReady(next)), ...readyEvent(next)]];
};

/**
 * The funding transaction is in a block; `opening` when channel_ready is still of use. Told again after a reorg: then the
 * short_channel_id changes, and nothing else.
 */
export const onFundingConfirmed = (
  core: Core,
  input: Extract<Input, { type: 'funding_depth' }>,
  opening: boolean,
): Locked => {
  const { lockin, funding } = core;
  if (!isDeepEnough(core, input.depth, input.txIndex)) return [core, []];
  const scid = scidOf(input.height, input.txIndex, funding.index);
  if (scid === lockin.scid) return [core, []];
  const located = { ...core, fundingTx: new Uint8Array(), lockin: { ...lockin, scid } };
  if (!opening) return [located, []];
  return lockin.sent ? [located, readyEvent(located)] : sendChannelReady(located);
};

/** The peer's channel_ready; one already received only brings another alias. Throws ChannelError. */
export const onChannelReady = (core: Core, message: ChannelMessageOf<'channel_ready'>): Locked => {
  const { lockin, head } = core;
  const peerAlias = message.alias ?? lockin.peerAlias;
  if (lockin.received) {
    if (peerAlias === lockin.peerAlias) return [core, []];
    const renamed = { ...core, lockin: { ...lockin, peerAlias } };
    return [renamed, readyEvent(renamed)];
  }
  const point = message.second_per_commitment_point;
  if (!isPoint(point)) throw new ChannelError({ code: 'invalid_point', field: 'second_per_commitment_point' });
  const next = {
    ...core,
    head: { ...head, remoteNextPoint: point },
    lockin: { ...lockin, received: true, peerAlias },
  };
  return [next, readyEvent(next)];
};

/** Blocks on the funding transaction, its own counted, before the channel is used: the fundee decides. */
export const minimumDepthOf = ({ role, local, remote }: Params): number =>
  Math.max(1, role === 'funder' ? remote.minimumDepth : local.minimumDepth);
