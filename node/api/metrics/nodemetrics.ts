/**
 * What a node tells Prometheus: where it stands now, and what it has done since it was started. Nothing of it names a peer, a channel or
 * a payment, so there are as many time series however many of those there are.
 */
import { join } from 'node:path';
import { receivable, spendable } from '../../../channel/rules/limits.ts';
import { version } from '../../base/version.ts';
import { isFunded } from '../../channels/entry.ts';
import { balancesOf } from '../../channels/views.ts';
import type { Node } from '../../core/running.ts';
import { type ForwardStatus, forwardStatuses } from '../../forward/forwardlog.ts';
import type { Clock } from '../../ports/ports.ts';
import { htlcsUnderWay } from '../methods/channels/htlcrow.ts';
import { channelStates, stateName } from '../methods/channels/statenames.ts';
import { byLabel, exposition, type Family, gauge } from './exposition.ts';
import { type StoreSize, storeSizes } from './storesize.ts';

/** What it needs of a node. */
type Parts = Pick<
  Node,
  | 'channels'
  | 'config'
  | 'feesCollected'
  | 'follower'
  | 'forwards'
  | 'graph'
  | 'network'
  | 'notices'
  | 'payments'
  | 'peers'
  | 'sendpays'
  | 'wallet'
>;

const countOf = <K extends string>(words: readonly K[]): Record<K, number> =>
  Object.fromEntries(words.map((word) => [word, 0])) as Record<K, number>;

/** What is counted from events, from the start of the node on. */
interface Counts {
  readonly payments: Record<'complete' | 'failed', number>;
  readonly forwards: Record<ForwardStatus, number>;
  readonly received: { count: number; msat: bigint };
}

const counting = ({ notices, forwards }: Parts): Counts => {
  const counts: Counts = {
    payments: countOf(['complete', 'failed']),
    forwards: countOf(forwardStatuses),
    received: { count: 0, msat: 0n },
  };
  notices.over.add((record) => {
    const isComplete = 'status' in record ? record.status === 'complete' : record.result?.kind === 'complete';
    counts.payments[isComplete ? 'complete' : 'failed']++;
  });
  notices.received.add((event) => {
    if (event.event !== 'set_settled') return;
    counts.received.count++;
    counts.received.msat += event.set.total;
  });
  forwards.changed.add(({ status }) => {
    counts.forwards[status]++;
  });
  return counts;
};

const channelFamilies = ({ channels }: Parts): readonly Family[] => {
  const states = countOf(channelStates);
  const balance = { local: 0n, remote: 0n };
  const limits = { spendable: 0n, receivable: 0n };
  const [count, amount] = [
    { in: 0, out: 0 },
    { in: 0n, out: 0n },
  ];
  const fees = channels.context();
  for (const { machine } of channels.entries.values()) {
    const { state } = machine;
    if (state.phase === 'closed' || state.phase === 'abandoned') continue;
    states[stateName(state)]++;
    // Of one that ended on chain, what is ours is the wallet's, or a claim.
    if (!isFunded(state) || state.phase === 'onchain') continue;
    const { toUs, toThem } = balancesOf(state.core);
    balance.local += toUs;
    balance.remote += toThem;
    for (const { direction, amount_msat } of htlcsUnderWay(state.core)) {
      count[direction]++;
      amount[direction] += amount_msat;
    }
    if (state.phase !== 'open') continue;
    limits.spendable += spendable(state.core, fees);
    limits.receivable += receivable(state.core, fees);
  }
  return [
    byLabel('gauge', 'ampere_channels', 'Channels by their state, as listpeerchannels names it.', 'state', states),
    byLabel(
      'gauge',
      'ampere_channel_balance_msat',
      'What the channels hold for each side, but those that ended on chain.',
      'side',
      balance,
    ),
    gauge('ampere_channel_spendable_msat', 'What open channels can send now, together.', limits.spendable),
    gauge('ampere_channel_receivable_msat', 'What open channels can receive now, together.', limits.receivable),
    byLabel('gauge', 'ampere_htlcs', 'HTLCs in flight.', 'direction', count),
    byLabel('gauge', 'ampere_htlcs_msat', 'What HTLCs in flight come to.', 'direction', amount),
  ];
};

const walletFamily = ({ wallet }: Parts): Family => {
  const sums = { confirmed: 0n, unconfirmed: 0n, immature: 0n, reserved: 0n };
  for (const { status, amount, reserved } of wallet.funds())
    if (status !== 'spent') sums[reserved === undefined ? status : 'reserved'] += amount;
  return byLabel('gauge', 'ampere_wallet_sat', 'Coins of the wallet, on chain.', 'status', sums);
};

const standing = (node: Parts, size: StoreSize | undefined): readonly Family[] => {
  const { channels, nodes } = node.graph.size;
  const info = { version, network: node.network.name };
  return [
    {
      ...{ name: 'ampere_info', help: 'The version of the node and its network.', type: 'gauge' },
      samples: [{ labels: info, value: 1 }],
    },
    gauge('ampere_block_height', 'The height up to which the node has read the chain.', node.follower.height),
    gauge('ampere_peers', 'Peers that are connected.', [...node.peers.all].length),
    ...channelFamilies(node),
    walletFamily(node),
    gauge('ampere_graph_channels', 'Channels of the network that are known.', channels),
    gauge('ampere_graph_nodes', 'Nodes of the network that are known.', nodes),
    gauge('ampere_store_bytes', 'The store on disk, in bytes.', size?.store),
    gauge('ampere_disk_free_bytes', 'What is free where the store is, in bytes.', size?.free),
  ];
};

const done = (node: Parts, { payments, forwards, received }: Counts): readonly Family[] => {
  const pending = node.payments.pending().length + [...node.sendpays.pending()].length;
  const counter = (name: string, help: string, value: number | bigint): Family => ({
    ...gauge(name, help, value),
    type: 'counter',
  });
  return [
    gauge('ampere_payments_pending', 'Payments made here that are under way, and HTLCs of sendpay.', pending),
    byLabel('counter', 'ampere_payments_total', 'Payments made here that are over.', 'outcome', payments),
    counter('ampere_payments_received_total', 'Payments to this node that arrived.', received.count),
    counter('ampere_payments_received_msat_total', 'What payments to this node came to.', received.msat),
    byLabel('counter', 'ampere_forwards_total', 'HTLCs to be forwarded, as listforwards has them.', 'status', forwards),
    counter('ampere_forward_fees_msat_total', 'Fees of all HTLCs that were ever forwarded.', node.feesCollected()),
  ];
};

/** Begins to count what a node does. What it gives back writes all of it, with what is known of the process. */
export const nodeMetrics = (node: Parts, clock: Clock, ofProcess: () => readonly Family[]): (() => Promise<string>) => {
  const counts = counting(node);
  const sizes = storeSizes(join(node.config.networkDir, 'store'), clock);
  return async () => {
    const size = await sizes();
    return exposition([...standing(node, size), ...done(node, counts), ...ofProcess()]);
  };
};
