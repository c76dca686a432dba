/** A node of ours and a peer, with channels between them, asked alike: what cases about two nodes take place on. */
import { expect } from 'vitest';
import { type Channel, type Network, startNetwork } from '../../../node/regtest/demo/network.ts';
import type { NodeProcess } from '../../../node/regtest/demo/process.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { sendCoin } from '../coins.ts';
import type { Kind, OpenTerms, Peer, PeerChannel } from '../peers/peer.ts';
import type { Stage, Way } from './case.ts';

/** Coins of 20,000,000 sat that either side opens channels from, and small ones for fees of channels with anchors. */
const large = 20_000_000n;
const small = 100_000n;

/** A payment that waits at its payee, as a case sees it whoever that is. */
export interface Waiting {
  readonly paymentHash: string;
  /** How it ends for the payer: `paid`, or why not. */
  readonly end: Promise<string>;
}

/** How a payment ends: `paid`, or why not. */
export const outcome = (payment: Promise<unknown>): Promise<string> =>
  payment.then(
    () => 'paid',
    (error: Error) => error.message,
  );

export interface PairOptions {
  /** Whether channels that the peer opens have anchors, where it can choose; they have unless told. */
  readonly anchors?: boolean;
  /** How many channels either side can open. */
  readonly coins?: number;
  /** Whether there is a further node of ours, with coins and nothing else. */
  readonly beyond?: boolean;
}

/** The chain, and what starts and ends with it. */
type Ground = Pick<Network<string>, 'dir' | 'bitcoind' | 'mine' | 'stop'>;

export class Pair implements Stage {
  readonly net: Ground;
  readonly ours: NodeProcess;
  readonly peer: Peer;
  readonly anchors: boolean;
  /** A further node of ours, where one was asked for. */
  readonly beyond: NodeProcess | undefined;
  private labels = 0;

  private constructor(net: Network<string>, peer: Peer, anchors: boolean) {
    const { ours, beyond } = net.nodes;
    if (ours === undefined) throw new Error('there is no node of ours');
    this.net = net;
    this.ours = ours;
    this.peer = peer;
    this.anchors = anchors;
    this.beyond = beyond;
  }

  /** Starts both, with coins and a connection but no channel. */
  static async start(kind: Kind, { anchors = true, coins = 2, beyond = false }: PairOptions = {}): Promise<Pair> {
    const flags = ['--dev', '--log-level', 'debug'];
    const chain = kind.chain && { chain: kind.chain };
    const net = await startNetwork<string>({ nodes: { ours: flags, ...(beyond && { beyond: flags }) }, ...chain });
    let peer: Peer | undefined;
    try {
      const { dir, bitcoind } = net;
      const hasAnchors = anchors && kind.cannot.anchors === undefined;
      peer = await kind.start({ name: `${kind.name.toLowerCase()}`, dir, bitcoind, anchors: hasAnchors });
      const pair = new Pair(net, peer, hasAnchors);
      for (let i = 0; i < coins; i++)
        for (const size of [large, small]) await sendCoin(bitcoind, await peer.newAddress(), size);
      await net.fund({ ours: Array.from({ length: coins }, () => large), ...(beyond && { beyond: [large] }) });
      await pair.mine(1);
      await peer.hasCoins(2 * coins);
      await pair.connect('out');
      return pair;
    } catch (error) {
      await peer?.stop();
      await net.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.peer.stop();
    await this.net.stop();
  }

  /** Mines blocks; resolves when both have taken them. */
  async mine(blocks: number): Promise<void> {
    await this.peer.reach(await this.net.mine(blocks));
  }

  /** Connects the one to the other, and waits until both say so. */
  async connect(way: Way): Promise<void> {
    const us = { id: this.ours.id, host: '127.0.0.1', port: this.ours.port };
    // Where both connect at once, one of the two connections is closed again.
    await until('both to see the connection', async () => {
      if (way === 'out') await this.ours.call('connect', { ...this.peer.address });
      else await this.peer.connect(us);
      const { peers } = await this.ours.call('listpeers', { id: this.peer.id });
      const isTheirs = (await this.peer.peers()).includes(this.ours.id);
      return isTheirs && peers.some(({ connected }) => connected) ? true : undefined;
    });
  }

  /** Ends the connection: `out` by us, and `in` as well where the peer cannot. Either may make it anew at once. */
  async disconnect(way: Way): Promise<void> {
    if (way === 'out' || this.peer.kind.cannot.disconnecting !== undefined)
      await this.ours.call('disconnect', { id: this.peer.id, force: true });
    else await this.peer.disconnect(this.ours.id);
  }

  /** Opens a channel by us, `out`, or by the peer, and gives its id; blocks are yet to come. */
  async begin(way: Way, { sat, pushMsat = 0n, announce = true, anchors = this.anchors }: OpenTerms): Promise<string> {
    if (way === 'out') {
      const { channel_id } = await this.ours.call('fundchannel', {
        ...{ id: this.peer.id, amount: sat, push_msat: pushMsat, announce },
        channel_type: anchors ? [12, 22] : [12],
      });
      return channel_id;
    }
    return until(
      `${this.peer.name} to open a channel`,
      () => this.peer.open(this.ours.id, { sat, pushMsat, announce, anchors }),
      { every: 300 },
    );
  }

  /** Opens a channel, and waits until both can use it. */
  async open(way: Way, terms: OpenTerms): Promise<string> {
    const channelId = await this.begin(way, terms);
    await this.mine(6);
    await this.rest([channelId]);
    return channelId;
  }

  /** Our view of a channel. */
  async channel(channelId: string): Promise<Channel> {
    const { channels } = await this.ours.call('listpeerchannels', { channel_id: channelId });
    const [channel] = channels;
    if (channel === undefined) throw new Error(`we have no channel ${channelId}`);
    return channel;
  }

  /** The peer's view of it. */
  async theirs(channelId: string): Promise<PeerChannel> {
    const found = (await this.peer.channels()).find((one) => one.channelId === channelId);
    if (found === undefined) throw new Error(`${this.peer.name} has no channel ${channelId}`);
    return found;
  }

  /** Every channel of ours with the peer that is open. */
  private async openChannels(): Promise<readonly string[]> {
    const { channels } = await this.ours.call('listpeerchannels', { id: this.peer.id });
    return channels.filter(({ state }) => state === 'CHANNELD_NORMAL').map(({ channel_id: id }) => id);
  }

  /**
   * Waits until nothing is under way in these channels, all that are open unless told, and holds both to the same balances. Gives what
   * we have in all of them, in msat.
   */
  async rest(channelIds?: readonly string[]): Promise<bigint> {
    let sum = 0n;
    for (const id of channelIds ?? (await this.openChannels()))
      sum += await until(`both to agree on channel ${id}`, async () => {
        const [ours, theirs] = [await this.channel(id), await this.theirs(id)];
        const isUsable = ours.state === 'CHANNELD_NORMAL' && ours.peer_connected && theirs.usable;
        if (!isUsable || ours.htlcs.length > 0 || theirs.htlcs > 0) return undefined;
        const off = ours.to_us_msat / 1000n - theirs.theirSat;
        if (off > 1n || off < -1n)
          throw new Error(`we have ${ours.to_us_msat} msat of it, and ${this.peer.name} says ${theirs.theirSat} sat`);
        return ours.to_us_msat;
      });
    return sum;
  }

  /** What a payment adds to our side of the channels, in msat, whether it comes through or not. */
  async gained(payment: () => Promise<unknown>): Promise<bigint> {
    const before = await this.rest();
    await payment();
    return (await this.rest()) - before;
  }

  /** An invoice of ours. Blocks may come before what waits for it is settled. */
  async invoice(
    amountMsat: bigint,
    amp?: 'eob' | 'deployed',
  ): Promise<{ readonly bolt11: string; readonly payment_hash: string }> {
    const terms = { amount_msat: amountMsat, label: `${this.labels++}`, description: 'tea', cltv: 60 };
    // The peer pays over its own channels: a hint tells it nothing.
    const bare = this.peer.kind.cannot['hints of its own channels'] !== undefined;
    const hints = bare ? { exposeprivatechannels: false } : {};
    return this.ours.call('invoice', { ...terms, ...hints, ...(amp && { amp }) });
  }

  /** A payment for an invoice, by us or by the peer; both sides' books say that it came. */
  async pay(way: Way, amountMsat: bigint, shards?: number): Promise<void> {
    const { peer, ours } = this;
    if (way === 'out') {
      const { bolt11, paymentHash } = await peer.invoice(amountMsat);
      const paid = await ours.call('pay', { bolt11, ...(shards !== undefined && { shards }) });
      expect(paid).toMatchObject({ status: 'complete', payment_hash: paymentHash, amount_sent_msat: amountMsat });
      const got = await until(`${peer.name} to have got it`, () => peer.received(paymentHash));
      expect(got).toMatchObject({ amountMsat, ...(got.parts !== undefined && { parts: paid.parts }) });
      return;
    }
    const { bolt11, payment_hash } = await this.invoice(amountMsat);
    const { paymentHash, feeMsat, preimage } = await peer.pay(bolt11);
    expect({ paymentHash, feeMsat }).toEqual({ paymentHash: payment_hash, feeMsat: 0n });
    if (preimage !== undefined) expect(hex(sha256(unhex(preimage)))).toBe(payment_hash);
    const { invoices } = await ours.call('listinvoices', { payment_hash });
    expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: amountMsat }]);
  }

  /** Has the peer pay us: a channel that is new may not be among those that it pays from yet. */
  async firstPayment(): Promise<void> {
    await until(`${this.peer.name} to pay`, () => this.pay('in', 2_345_000n).then((): true => true));
  }

  /** How many channels a payment went over. */
  async used(payment: () => Promise<unknown>): Promise<number> {
    const balances = async (): Promise<readonly bigint[]> => {
      await this.rest();
      const { channels } = await this.ours.call('listpeerchannels');
      return channels.map(({ to_us_msat: balance }) => balance);
    };
    const before = await balances();
    await payment();
    const after = await balances();
    return after.filter((balance, i) => balance !== before[i]).length;
  }

  /** Pays ourselves through the peer, out of one channel into another: what moves, less the peer's fee. */
  async circle(from: Channel, to: Channel, amountMsat: bigint): Promise<void> {
    const { ours, peer } = this;
    const { bolt11, payment_hash } = await this.invoice(amountMsat);
    const { payment_secret } = await ours.call('decode', { string: bolt11 });
    const terms = to.updates?.remote;
    if (terms === undefined) throw new Error(`${peer.name} has not said what it asks for forwarding`);
    const fee = terms.fee_base_msat + (amountMsat * BigInt(terms.fee_proportional_millionths)) / 1_000_000n;
    const route = [
      {
        id: peer.id,
        channel: from.short_channel_id,
        amount_msat: amountMsat + fee,
        delay: terms.cltv_expiry_delta + 63,
      },
      { id: ours.id, channel: to.short_channel_id, amount_msat: amountMsat, delay: 63 },
    ];
    await ours.call('sendpay', { route, payment_hash, payment_secret });
    await ours.call('waitsendpay', { payment_hash, timeout: 30 });
    await this.rest();
  }

  /** With two channels and a peer that forwards: has us own about as much in either. */
  async level(): Promise<void> {
    if (this.peer.kind.cannot.forwarding !== undefined) return;
    for (let rounds = 0; rounds < 12; rounds++) {
      const { channels } = await this.ours.call('listpeerchannels');
      const [low, high] = [...channels].sort((a, b) => (a.to_us_msat < b.to_us_msat ? -1 : 1));
      if (channels.length !== 2 || low === undefined || high === undefined) return;
      const gap = (high.to_us_msat - low.to_us_msat) / 2n;
      if (gap < high.total_msat / 20n) return;
      const bounds = [gap, (high.spendable_msat * 9n) / 10n, (low.receivable_msat * 9n) / 10n];
      await this.circle(high, low, bounds.sort((a, b) => (a < b ? -1 : 1))[0] ?? 0n);
    }
  }

  /** A payment of ours that waits at the peer, or one of the peer that waits at our node. */
  async hold(way: Way, amountMsat: bigint): Promise<Waiting> {
    const { peer, ours } = this;
    if (way === 'out') {
      const { bolt11, paymentHash } = await peer.holdInvoice(amountMsat);
      const end = outcome(ours.call('pay', { bolt11 }));
      await peer.isHeld(paymentHash);
      return { paymentHash, end };
    }
    await ours.call('dev-ignore-htlcs', { id: peer.id, ignore: true });
    const { bolt11, payment_hash: paymentHash } = await this.invoice(amountMsat);
    const end = outcome(peer.pay(bolt11));
    await until('a payment to wait at our node', async () => {
      const { htlcs } = await ours.call('listhtlcs');
      const held = htlcs.find((one) => one.payment_hash === paymentHash && one.state === 'SENT_ADD_ACK_COMMIT');
      return held === undefined ? undefined : true;
    });
    // The commitment that the peer would publish lacks the HTLC until it has our signature: that goes out once it is saved, as what is
    // saved after it is, and the answer to a ping comes behind what the peer made of it.
    await this.invoice(1_000n);
    await ours.call('ping', { id: peer.id });
    await this.committed();
    return { paymentHash, end };
  }

  /**
   * Waits until the peer counts as many HTLCs as we do in each channel: it has revoked what was before them. Closed before that, lnd takes
   * back at once what is in one commitment only.
   */
  async committed(): Promise<void> {
    if (this.peer.kind.cannot['HTLCs counted'] !== undefined) return;
    for (const id of await this.openChannels())
      await until(`both to count the same HTLCs in channel ${id}`, async () =>
        (await this.theirs(id)).htlcs === (await this.channel(id)).htlcs.length ? true : undefined,
      );
  }

  /** Has a payment that waits be taken by its payee. */
  async settle(way: Way, { paymentHash }: Waiting): Promise<void> {
    if (way === 'out') await this.peer.settle(paymentHash);
    else await this.ours.call('dev-ignore-htlcs', { id: this.peer.id, ignore: false });
  }

  /** A payment that its payee refuses once it waits there; a peer that cannot does so at once. */
  async refused(way: Way, amountMsat: bigint): Promise<Waiting> {
    const { peer, ours } = this;
    if (way === 'out' && peer.kind.cannot['payments refused'] !== undefined) {
      const { bolt11, paymentHash } = await peer.invoice(amountMsat);
      await peer.refuse(paymentHash);
      return { paymentHash, end: outcome(ours.call('pay', { bolt11 })) };
    }
    const held = await this.hold(way, amountMsat);
    if (way === 'out') await peer.refuse(held.paymentHash);
    else {
      const { invoices } = await ours.call('listinvoices', { payment_hash: held.paymentHash });
      await ours.call('delinvoice', { label: invoices[0]?.label ?? '', status: 'unpaid' });
      await ours.call('dev-ignore-htlcs', { id: peer.id, ignore: false });
    }
    return held;
  }

  /** Ends the process of the payer or the payee as a power cut would, and starts it again. */
  async cutPower(whose: 'ours' | 'theirs'): Promise<void> {
    if (whose === 'ours') {
      await this.ours.kill();
      await this.ours.start();
    } else {
      await this.peer.kill();
      await this.peer.restart();
    }
    await this.connect('out');
  }
}
