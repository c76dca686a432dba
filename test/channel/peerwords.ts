/** What a peer may say to a channel at any moment, right but for what a caller changes. */

import type { ChannelMessage, ChannelMessageOf } from '../../channel/model/io.ts';
import { inLocal, specOf } from '../../channel/model/spec.ts';
import type { Core } from '../../channel/model/state.ts';
import { openChannel } from '../../channel/phases/opening.ts';
import { commitmentSigned, localCommitment, revokeAndAck, signNext } from '../../channel/rules/commitmentupdates.ts';
import { reestablishMessage } from '../../channel/rules/reestablish.ts';
import { buildLegacyClosing } from '../../channel/tx/closingtx.ts';
import { channelSecrets } from '../../channel/tx/keys.ts';
import { signFundingSpend } from '../../channel/tx/signing.ts';
import { type ChannelId, channelId, msat, point, type Signature, sat, secretKey, signature } from '../../wire/units.ts';
import { type Moment, momentOf, ours, theirs } from './moments.ts';
import { context, hashOf, openRequest, scriptOf } from './pair.ts';
import { wireIds } from './summary.ts';

export const onion = new Uint8Array(1366);
export const badSignature = signature(new Uint8Array(64).fill(1));
export const badPoint = point(Uint8Array.of(2, ...new Array(32).fill(255)));
export const otherSecret = secretKey(new Uint8Array(32).fill(3));

/** What a message is made from. `core` and `peer` are our and the peer's side of the channel, once there is one. */
export interface Scene {
  readonly id: ChannelId;
  readonly core: Core | undefined;
  readonly peer: Core | undefined;
  readonly moment: Moment;
}

export const sceneOf = (moment: Moment): Scene => {
  const [mine, other] = [ours(moment).state, theirs(moment).state];
  return {
    id: wireIds(mine)[0] ?? channelId(new Uint8Array(32)),
    core: 'core' in mine ? mine.core : undefined,
    peer: 'core' in other ? other.core : undefined,
    moment,
  };
};

export const add = (
  { id, core }: Scene,
  change: Partial<ChannelMessageOf<'update_add_htlc'>> = {},
): ChannelMessage => ({
  name: 'update_add_htlc',
  channel_id: id,
  id: core?.counters.nextIn ?? 0n,
  amount_msat: msat(2_000_000n),
  payment_hash: hashOf(9),
  cltv_expiry: 560,
  onion_routing_packet: onion,
  ...change,
});

/** The peer's next signature, over whatever its side has changed. */
export const signed = ({ id, core, peer }: Scene): ChannelMessageOf<'commitment_signed'> => {
  const next = peer?.head.remoteNextPoint === undefined ? undefined : commitmentSigned(signNext(peer));
  const htlcs = core === undefined ? [] : localCommitment(core).htlcs;
  return (
    next ?? {
      name: 'commitment_signed',
      channel_id: id,
      signature: badSignature,
      htlc_signature: htlcs.map(() => badSignature),
    }
  );
};

/** closing_signed as the peer would send it for a fee, in whatever state we are. */
export const closing = (
  { id, core, moment }: Scene,
  fee: bigint,
  range?: readonly [bigint, bigint],
): ChannelMessageOf<'closing_signed'> => {
  const fee_range = range && { min_fee_satoshis: sat(range[0]), max_fee_satoshis: sat(range[1]) };
  const message = (by: Signature): ChannelMessageOf<'closing_signed'> => ({
    name: 'closing_signed',
    channel_id: id,
    fee_satoshis: sat(fee),
    signature: by,
    ...(fee_range && { fee_range }),
  });
  if (core === undefined) return message(badSignature);
  const { params, funding } = core;
  const { toUs, toThem } = specOf(core, inLocal(core.head.local));
  const content = {
    funding,
    fundingAmount: params.capacity,
    local: {
      funding: params.remote.basepoints.funding,
      balance: msat(toThem),
      script: scriptOf(moment.who === 'a' ? 2 : 1),
    },
    remote: {
      funding: params.local.basepoints.funding,
      balance: msat(toUs),
      script: scriptOf(moment.who === 'a' ? 1 : 2),
    },
    payer: params.role === 'funder' ? 'remote' : 'local',
    fee: sat(fee),
  } as const;
  const secrets = channelSecrets(new Uint8Array(32).fill(moment.who === 'a' ? 2 : 1));
  return message(signFundingSpend(buildLegacyClosing(content, params.remote.dustLimit), secrets.funding));
};

export const fee = ({ id }: Scene, feerate: number): ChannelMessage => ({
  name: 'update_fee',
  channel_id: id,
  feerate_per_kw: feerate,
});

export const revoked = (
  { id, peer }: Scene,
  change: Partial<ChannelMessageOf<'revoke_and_ack'>> = {},
): ChannelMessage => ({
  ...(peer === undefined || peer.head.local === 0
    ? {
        name: 'revoke_and_ack',
        channel_id: id,
        per_commitment_secret: otherSecret,
        next_per_commitment_point: badPoint,
      }
    : revokeAndAck(peer)),
  ...change,
});

export const reestablished = (
  { id, peer }: Scene,
  change: Partial<ChannelMessageOf<'channel_reestablish'>> = {},
): ChannelMessage => ({
  ...(peer === undefined
    ? {
        name: 'channel_reestablish',
        channel_id: id,
        next_commitment_number: 1n,
        next_revocation_number: 0n,
        your_last_per_commitment_secret: new Uint8Array(32),
        my_current_per_commitment_point: badPoint,
      }
    : reestablishMessage(peer)),
  ...change,
});

export const fail = ({ id: channel_id }: Scene, id: bigint): ChannelMessage => ({
  name: 'update_fail_htlc',
  channel_id,
  id,
  reason: new Uint8Array(),
});

/** The message that asks for a channel, and the one that grants it. */
export const asking = ({ moment: { format } }: Scene): ChannelMessage => {
  const [effect] = openChannel({ ...openRequest, channelType: { format, scidAlias: false } }, context)[1];
  if (effect?.do !== 'send') throw new Error('nothing was asked for');
  return effect.message;
};
export const granting = ({ moment: { format } }: Scene): ChannelMessage => {
  const [message] = momentOf('accept', format).pair.a.inbox;
  if (message === undefined) throw new Error('nothing was granted');
  return message;
};
