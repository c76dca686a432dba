/** Methods about channels. */

import { type ChannelType, typeBits, typeOfBits } from '../../../channel/model/channeltype.ts';
import type { Core, Funded, Htlc } from '../../../channel/model/state.ts';
import { isDone, isSigned } from '../../../channel/model/updates.ts';
import { receivable, spendable } from '../../../channel/rules/limits.ts';
import { equal, hex } from '../../../wire/bytes.ts';
import { channelTypeFeatures } from '../../../wire/channeltype.ts';
import { bitmapOf, bitsOf } from '../../../wire/features.ts';
import { msat, scidText, toMsat } from '../../../wire/units.ts';
import { displayedTxid } from '../../base/txids.ts';
import { coreOf, type Entry, isFunded, type PublishedFunding } from '../../channels/entry.ts';
import { isDoubleSpent } from '../../channels/fundingnotices.ts';
import { openChannelTo } from '../../channels/opening.ts';
import { balancesOf, policyOf } from '../../channels/views.ts';
import type { Node } from '../../core/node.ts';
import { ourSide } from '../../graph/announce.ts';
import { ApiError } from '../errors.ts';
import type { Handlers, Params, Result } from '../table.ts';
import { close } from './close.ts';
import { statusLines } from './onchain.ts';
import { connectTo } from './peers.ts';
import { closerOf, stateName } from './states.ts';
import { ofSpending, relayedPerKw, scriptFrom, UNANSWERED } from './wallet.ts';

type Shown = Result<'listpeerchannels'>['channels'][number];

/** The kind of channel that feature bits name. Throws ApiError for one we do not know. */
const typeFrom = (bits: readonly number[] | undefined, announce: boolean): ChannelType | undefined => {
  if (bits === undefined) return undefined;
  // Beyond this no feature is known, and the bitmap would only be long.
  const type = bits.every((bit) => bit < 256) ? typeOfBits(bitmapOf(bits)) : undefined;
  if (type === undefined)
    throw new ApiError('invalid_params', 'channel_type: expected [12, 22] or [12], and 46 to be named by aliases only');
  if (type.scidAlias && announce)
    throw new ApiError('invalid_params', 'channel_type: 46 (option_scid_alias) needs announce=false');
  return type;
};

/** The channel is there, for the peer has signed, but as long as this stands nothing can come of it. */
const refusedFunding = ({ tx, txid, output }: PublishedFunding, reason: string, core: Core | undefined): ApiError => {
  const channel_id = core === undefined ? '' : hex(core.channelId);
  return new ApiError(
    'fund_broadcast',
    `the network refuses the funding transaction: ${reason}. It is kept with the channel ${channel_id} and given to the network again with each block; fundchannel_cancel ${channel_id} takes its coins back`,
    { channel_id, txid: displayedTxid(txid), outnum: output, tx: hex(tx) },
  );
};

const fundchannel = async (node: Node, params: Params<'fundchannel'>): Promise<Result<'fundchannel'>> => {
  const channelType = typeFrom(params.channel_type, params.announce);
  const peer = await connectTo(node, params.id, node.addresses.of(params.id)).catch((error: unknown) => {
    if (!(error instanceof ApiError)) throw error;
    throw new ApiError('fund_not_connected', `not connected to ${hex(params.id)}: ${error.message}`);
  });
  const closeTo = params.close_to === undefined ? undefined : scriptFrom(node, 'close_to', params.close_to);
  try {
    const opened = await openChannelTo(node.opening, {
      peer,
      amount: params.amount,
      push: params.push_msat ?? msat(0n),
      announce: params.announce,
      fundingFeerate: await relayedPerKw(node, 'feerate', params.feerate),
      minDepth: params.minconf,
      closeTo,
      channelType,
      useReserve: params.use_reserve,
    });
    const { answer } = opened;
    // Whoever copies the backup once this call is answered has the new channel in it.
    await node.backups.settled();
    const core = coreOf(
      node.channels.entries.get(opened.key)?.machine.state ?? {
        phase: 'abandoned',
        key: '',
        fault: { code: 'force_close' },
      },
    );
    if (answer.given === 'refused') throw refusedFunding(opened, answer.reason, core);
    return {
      tx: hex(opened.tx),
      txid: displayedTxid(opened.txid),
      outnum: opened.output,
      channel_id: core === undefined ? '' : hex(core.channelId),
      ...(core && { channel_type: shownType(core), mindepth: core.params.remote.minimumDepth }),
      ...(closeTo && { close_to: hex(closeTo) }),
      ...(opened.shortage !== undefined && { warning_anchor_reserve: opened.shortage }),
      ...(node.backups.warning !== undefined && { warning_backup: node.backups.warning }),
      ...(answer.given === 'unanswered' && { warning_unpublished: UNANSWERED }),
    };
  } catch (error) {
    throw await ofSpending(node, error);
  }
};

const shownType = (core: Core) => {
  const bits = typeBits(core.params);
  const names = [...(channelTypeFeatures(bits) ?? [])];
  return { bits: [...bitsOf(bits)], names: names.map((name) => `${name.replace('option_', '')}/even`) };
};

/** Core Lightning's name for how far an HTLC has come, by the commitments that contain its last update. */
const htlcState = ({ way, added, removal }: Htlc): Shown['htlcs'][number]['state'] => {
  const { local, remote } = removal?.marks ?? added;
  const [first, second] = (way === 'in') === (removal === undefined) ? [local, remote] : [remote, local];
  const mine = (way === 'out') === (removal === undefined);
  const far = first === undefined ? 0 : second === undefined ? 1 : 2;
  if (removal === undefined)
    return mine
      ? ((['SENT_ADD_HTLC', 'SENT_ADD_COMMIT', 'RCVD_ADD_ACK_COMMIT'] as const)[far] ?? 'SENT_ADD_HTLC')
      : ((['RCVD_ADD_HTLC', 'RCVD_ADD_COMMIT', 'SENT_ADD_ACK_COMMIT'] as const)[far] ?? 'RCVD_ADD_HTLC');
  return mine
    ? ((['SENT_REMOVE_HTLC', 'SENT_REMOVE_COMMIT', 'RCVD_REMOVE_ACK_COMMIT'] as const)[far] ?? 'SENT_REMOVE_HTLC')
    : ((['RCVD_REMOVE_HTLC', 'RCVD_REMOVE_COMMIT', 'SENT_REMOVE_ACK_COMMIT'] as const)[far] ?? 'RCVD_REMOVE_HTLC');
};

/** In a commitment and not yet out of both; one whose end is done may still stand in the channel's books for a moment. */
const isUnderWay =
  (head: Core['head']) =>
  ({ added, removal }: Htlc): boolean =>
    isSigned(added) && !(removal !== undefined && isDone(removal.marks, head));

const shownHtlc = (htlc: Htlc): Shown['htlcs'][number] => ({
  direction: htlc.way,
  id: Number(htlc.id),
  amount_msat: htlc.amount,
  expiry: htlc.expiry,
  payment_hash: hex(htlc.paymentHash),
  state: htlcState(htlc),
});

const shownPolicy = (node: Node, core: Core): NonNullable<Shown['updates']> => {
  const ours = policyOf(core, node.config.policy);
  const { scid } = core.lockin;
  const theirs = node.own.peerPolicy([scid, core.params.alias], core.params.peer);
  const shown = (policy: Omit<typeof ours, 'disabled'>) => ({
    htlc_minimum_msat: policy.htlcMinimum,
    htlc_maximum_msat: policy.htlcMaximum,
    cltv_expiry_delta: policy.cltvExpiryDelta,
    fee_base_msat: policy.feeBase,
    fee_proportional_millionths: policy.feeProportional,
  });
  return { local: shown(ours), ...(theirs && { remote: shown(theirs) }) };
};

const shown = (node: Node, entry: Entry, state: Funded): Shown => {
  const { core } = state;
  const { params, lockin, funding, link } = core;
  const { local, remote, capacity, role } = params;
  const { toUs, feerate } = balancesOf(core);
  const isLost = isDoubleSpent(entry, node.wallet);
  const pushed = params.push;
  const ownFunds = role === 'funder' ? toMsat(capacity) : msat(0n);
  const policy = policyOf(core, node.config.policy);
  const live = state.phase === 'open' && !isLost;
  const closer = closerOf(state);
  return {
    peer_id: hex(params.peer),
    peer_connected: node.peers.get(params.peer) !== undefined,
    reestablished: link.status === 'online',
    channel_type: shownType(core),
    updates: shownPolicy(node, core),
    state: stateName(state),
    feerate: { perkw: feerate, perkb: feerate * 4 },
    ...(state.phase === 'failed' && state.outdated && { lost_state: true }),
    ...(lockin.scid !== undefined && {
      short_channel_id: scidText(lockin.scid),
      direction: ourSide(node.keys.nodeId, params.peer),
    }),
    ...((params.alias ?? lockin.peerAlias) !== undefined && {
      alias: {
        ...(params.alias !== undefined && { local: scidText(params.alias) }),
        ...(lockin.peerAlias !== undefined && { remote: scidText(lockin.peerAlias) }),
      },
    }),
    channel_id: hex(core.channelId),
    funding_txid: displayedTxid(funding.txid),
    funding_outnum: funding.index,
    close_to: hex(params.shutdownScript),
    private: !params.announce,
    opener: role === 'funder' ? 'local' : 'remote',
    ...(closer !== undefined && { closer }),
    features: [...(channelTypeFeatures(typeBits(params)) ?? [])],
    funding: {
      pushed_msat: pushed,
      local_funds_msat: ownFunds,
      remote_funds_msat: msat(capacity * 1000n - ownFunds),
    },
    to_us_msat: isLost ? msat(0n) : toUs,
    total_msat: toMsat(capacity),
    fee_base_msat: policy.feeBase,
    fee_proportional_millionths: policy.feeProportional,
    dust_limit_msat: toMsat(local.dustLimit),
    their_max_htlc_value_in_flight_msat: remote.maxHtlcValueInFlight,
    our_max_htlc_value_in_flight_msat: local.maxHtlcValueInFlight,
    their_reserve_msat: toMsat(local.reserve),
    our_reserve_msat: toMsat(remote.reserve),
    spendable_msat: live ? spendable(core, node.channels.context()) : msat(0n),
    receivable_msat: live ? receivable(core, node.channels.context()) : msat(0n),
    minimum_htlc_in_msat: local.htlcMinimum,
    minimum_htlc_out_msat: remote.htlcMinimum,
    maximum_htlc_out_msat: policy.htlcMaximum,
    their_to_self_delay: remote.toSelfDelay,
    our_to_self_delay: local.toSelfDelay,
    max_accepted_htlcs: local.maxAcceptedHtlcs,
    status: statusLines(node, entry, state),
    htlcs: [...core.outgoing.values(), ...core.incoming.values()].filter(isUnderWay(core.head)).map(shownHtlc),
  };
};

async function* listpeerchannels(node: Node, params: Params<'listpeerchannels'>): AsyncGenerator<Shown> {
  const { id, short_channel_id, channel_id } = params;
  for (const entry of [...node.channels.entries.values()]) {
    const { state } = entry.machine;
    if (!isFunded(state) || state.phase === 'closed') continue;
    const { core } = state;
    if (id !== undefined && !equal(id, core.params.peer)) continue;
    const names = [core.lockin.scid, core.params.alias];
    if (short_channel_id !== undefined && !names.includes(short_channel_id)) continue;
    if (channel_id !== undefined && !equal(channel_id, core.channelId)) continue;
    yield shown(node, entry, state);
  }
}

export const channelHandlers = (node: Node): Pick<Handlers, 'fundchannel' | 'listpeerchannels' | 'close'> => ({
  fundchannel: (params) => fundchannel(node, params),
  close: (params, call) => close(node, params, call),
  listpeerchannels: async (params) => ({ channels: listpeerchannels(node, params) }),
});
