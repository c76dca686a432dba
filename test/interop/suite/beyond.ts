/**
 * A further node of ours behind our node, with a channel between the two: whose payments to the peer our node passes on, and whom the
 * peer pays over it. Its payments take a route that is written here, so that nothing has to be known of any graph.
 */
import type { NodeProcess } from '../../../node/regtest/demo/process.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { holdOver } from './held.ts';
import { outcome, type Pair, type Waiting } from './pair.ts';

const sat = 10_000_000n;
const pushMsat = 5_000_000_000n;

/** What our node asks for forwarding, unless told otherwise, in millisatoshi. */
export const feeOf = (forwarded: bigint): bigint => 1000n + (forwarded * 10n) / 1_000_000n;

export class Beyond {
  readonly node: NodeProcess;
  private readonly pair: Pair;
  private readonly channelId: string;
  private labels = 0;

  private constructor(pair: Pair, node: NodeProcess, channelId: string) {
    this.pair = pair;
    this.node = node;
    this.channelId = channelId;
  }

  /** The channel is not announced: the peer learns of it from hints in invoices. */
  static async join(pair: Pair): Promise<Beyond> {
    const { beyond: node, ours } = pair;
    if (node === undefined) throw new Error('there is no further node');
    await node.call('connect', { id: ours.id, host: '127.0.0.1', port: ours.port });
    const terms = { id: ours.id, amount: sat, push_msat: pushMsat, announce: false };
    const { channel_id } = await node.call('fundchannel', terms);
    await pair.mine(6);
    const beyond = new Beyond(pair, node, channel_id);
    await beyond.rested();
    return beyond;
  }

  /** Connects to our node, which was away. */
  async connect(): Promise<void> {
    const { id, port } = this.pair.ours;
    await this.node.call('connect', { id, host: '127.0.0.1', port });
  }

  private async channelAt(node: NodeProcess) {
    const { channels } = await node.call('listpeerchannels', { channel_id: this.channelId });
    const [channel] = channels;
    if (channel === undefined) throw new Error(`${node.name} has no channel ${this.channelId}`);
    return channel;
  }

  /** Resolves once nothing is under way in its channel, which both have open. */
  async rested(): Promise<void> {
    for (const node of [this.node, this.pair.ours])
      await until(`${node.name} to have nothing under way between our nodes`, async () => {
        const { state, peer_connected: connected, htlcs, updates } = await this.channelAt(node);
        const knows = updates?.remote !== undefined && updates.local !== undefined;
        return state === 'CHANNELD_NORMAL' && connected && knows && htlcs.length === 0 ? true : undefined;
      });
  }

  /** A payment of its to the peer, over us and a channel of ours, that waits there. */
  async hold(channelId: string, amountMsat: bigint, isLost = false): Promise<Waiting> {
    const { pair, node } = this;
    const { ours, peer } = pair;
    const [first, last] = [await this.channelAt(ours), await pair.channel(channelId)];
    const [incoming, outgoing] = [first.short_channel_id, last.short_channel_id];
    const delta = last.updates?.local?.cltv_expiry_delta ?? 0;
    return holdOver(pair, node, { amountMsat, isLost }, (delay) => [
      { id: ours.id, channel: incoming, amount_msat: amountMsat + feeOf(amountMsat), delay: delay + delta },
      { id: peer.id, channel: outgoing, amount_msat: amountMsat, delay },
    ]);
  }

  /** A payment of the peer to it, over us, that waits there. */
  async holdBack(amountMsat: bigint): Promise<Waiting> {
    const { node, pair } = this;
    await node.call('dev-ignore-htlcs', { id: pair.ours.id, ignore: true });
    const terms = { amount_msat: amountMsat, label: `${this.labels++}`, description: 'coffee', cltv: 60 };
    const { bolt11, payment_hash: paymentHash } = await node.call('invoice', terms);
    const end = outcome(pair.peer.pay(bolt11));
    await until('a payment to wait at the further node', async () => {
      const { htlcs } = await node.call('listhtlcs');
      const held = htlcs.find((one) => one.payment_hash === paymentHash && one.state === 'SENT_ADD_ACK_COMMIT');
      return held === undefined ? undefined : true;
    });
    await pair.committed();
    return { paymentHash, end };
  }

  /** Takes what waits here, but what is to be refused. */
  async settle(refused: readonly Waiting[]): Promise<void> {
    const { node, pair } = this;
    for (const { paymentHash } of refused) {
      const { invoices } = await node.call('listinvoices', { payment_hash: paymentHash });
      await node.call('delinvoice', { label: invoices[0]?.label ?? '', status: 'unpaid' });
    }
    await node.call('dev-ignore-htlcs', { id: pair.ours.id, ignore: false });
  }
}

const joined = new WeakMap<Pair, Promise<Beyond>>();

/** The further node of a stage, with its channel to our node, which is opened once. */
export const behind = (pair: Pair): Promise<Beyond> => {
  const found = joined.get(pair) ?? Beyond.join(pair);
  joined.set(pair, found);
  return found;
};
