/** Our side of a channel with another implementation, asked through the API like anybody would. */
import { expect } from 'vitest';
import type { Channel } from '../../node/regtest/demo/network.ts';
import type { NodeProcess } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import type { Ldk } from './peer.ts';

export class Ours {
  readonly node: NodeProcess;
  private labels = 0;

  constructor(node: NodeProcess) {
    this.node = node;
  }

  async channel(channelId: string): Promise<Channel> {
    const { channels } = await this.node.call('listpeerchannels', { channel_id: channelId });
    const [channel] = channels;
    if (channel === undefined) throw new Error(`we have no channel ${channelId}`);
    return channel;
  }

  /** Our view once that is what is wanted. */
  when(what: string, channelId: string, wanted: (channel: Channel) => boolean): Promise<Channel> {
    return until(`our channel to ${what}`, async () => {
      const channel = await this.channel(channelId);
      return wanted(channel) ? channel : undefined;
    });
  }

  /** Waits until neither side has anything under way, and holds them to the same balance. Gives ours, in msat. */
  async agree(ldk: Ldk, channelId: string): Promise<bigint> {
    const usable = ({ state, peer_connected, htlcs }: Channel) =>
      state === 'CHANNELD_NORMAL' && peer_connected && htlcs.length === 0;
    const { capacitySat, outboundMsat, ourReserveSat = 0n } = await ldk.quiet(channelId);
    const { to_us_msat } = await this.when('come to rest', channelId, usable);
    expect(outboundMsat).toBe(capacitySat * 1000n - to_us_msat - ourReserveSat * 1000n);
    return to_us_msat;
  }

  async invoice(amount: bigint): Promise<{ bolt11: string; payment_hash: string }> {
    return this.node.call('invoice', { amount_msat: amount, label: `${this.labels++}`, description: 'tea' });
  }

  /** They pay us. Throws with LDK's reason. */
  async paidBy(ldk: Ldk, amount: bigint): Promise<void> {
    const { bolt11, payment_hash } = await this.invoice(amount);
    expect(await ldk.call('pay', { bolt11 })).toMatchObject({ paymentHash: payment_hash, feeMsat: 0n });
    const { invoices } = await this.node.call('listinvoices', { payment_hash });
    expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: amount }]);
  }

  /** We pay them. Throws CallError. */
  async pays(ldk: Ldk, amount: bigint): Promise<void> {
    const { bolt11, paymentHash } = await ldk.call('invoice', { amountMsat: amount, description: 'biscuits' });
    const paid = await this.node.call('pay', { bolt11 });
    expect(paid).toMatchObject({ status: 'complete', payment_hash: paymentHash, amount_sent_msat: amount });
  }

  /** Connects them to us, whichever way. */
  async connect(ldk: Ldk, caller: 'ours' | 'theirs'): Promise<void> {
    if (caller === 'ours') await this.node.call('connect', { ...ldk.address });
    else await ldk.call('connect', { id: this.node.id, host: '127.0.0.1', port: this.node.port });
  }

  /** Resolves once neither side takes the other for connected. */
  async apart(ldk: Ldk): Promise<void> {
    await until('both to see the connection end', async () => {
      const { peers } = await this.node.call('listpeers', { id: ldk.id });
      const theirs = await ldk.call('peers');
      return theirs.length === 0 && peers.every(({ connected }) => !connected) ? true : undefined;
    });
  }
}
