/**
 * Where channels are closed by force: our node between a payer of ours, ada, an LDK node, lou, who pays and holds payments,
 * and for each channel to be closed an LDK node of its own at its other end, lea.
 */
import { expect } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { sleep } from '../../node/regtest/demo/wait.ts';
import { fillPurses, mineFor, stride, strideFor } from './ground.ts';
import { Ours } from './ours.ts';
import { Ldk } from './peer.ts';
import { isLitter, Ledger, type Outpoint, type OwnerOf, purses, type Trace } from './trace.ts';

const sat = 1_000_000n;
const pushMsat = 500_000_000n;
/** Blocks between a payment that is held and its expiry: enough for all of them to be made, and to be settled late. */
const finalCltv = 60;
/** Blocks that LDK, as a payer, may have an HTLC last: what is asked for and our own share, and a little to hide it. */
const maxCltv = finalCltv + 44;
/** The last block anything waits for: an expiry, six blocks, a delay, and as many again for what follows. */
const mostBlocks = 400;

/** A channel with lea. */
export interface Theatre {
  readonly lea: Ldk;
  readonly channelId: string;
  readonly funding: Outpoint;
}

/** A payment under way: how it ends, `paid` or why not. */
export interface Held {
  readonly paymentHash: string;
  readonly end: Promise<string>;
}

export interface Sweeping {
  readonly robbed?: boolean;
}

const outcome = (payment: Promise<unknown>): Promise<string> =>
  payment.then(
    () => 'paid',
    (error: Error) => error.message,
  );

export class Field {
  readonly net: Network<'ada' | 'ours'>;
  readonly ada: Ours;
  readonly ours: Ours;
  readonly lou: Ldk;
  private readonly ledger: Ledger;
  /** Channels of ours with ada and lou. */
  private readonly links: string[] = [];
  private readonly leas: Ldk[] = [];
  /** Scripts our wallet has been seen with; it forgets coins that are long spent. */
  private readonly scripts = new Set<string>();

  private constructor(net: Field['net'], lou: Ldk) {
    this.net = net;
    this.ada = new Ours(net.nodes.ada);
    this.ours = new Ours(net.nodes.ours);
    this.lou = lou;
    this.ledger = new Ledger(net.bitcoind);
  }

  static async start(): Promise<Field> {
    const flags = ['--dev', '--log-level', 'debug'];
    const net = await startNetwork({ nodes: { ada: flags, ours: flags } });
    let lou: Ldk | undefined;
    try {
      lou = await Ldk.start({ name: 'lou', dir: net.dir, bitcoind: net.bitcoind });
      const field = new Field(net, lou);
      await field.link();
      return field;
    } catch (error) {
      await lou?.stop();
      await net.stop();
      throw error;
    }
  }

  /** Opens what leads to our node from ada, and from lou. */
  private async link(): Promise<void> {
    const { net, ada, ours, lou } = this;
    const coins = Array.from({ length: 12 }, () => 1_000_000n);
    await net.fund({ ada: [11_000_000n], ours: [11_000_000n, ...coins] });
    await ada.node.call('connect', { id: ours.node.id, host: '127.0.0.1', port: ours.node.port });
    const first = await ada.node.call('fundchannel', { id: ours.node.id, amount: 10_000_000n, announce: false });
    await ours.connect(lou, 'ours');
    const terms = { amount: 10_000_000n, push_msat: 5_000_000_000n, announce: false };
    const second = await ours.node.call('fundchannel', { id: lou.id, ...terms });
    await mineFor(net, [lou], 6);
    await ours.agree(lou, second.channel_id);
    for (const side of [ada, ours])
      await side.when('open', first.channel_id, ({ state }) => state === 'CHANNELD_NORMAL');
    this.links.push(first.channel_id, second.channel_id);
    await lou.call('hold', { on: true });
  }

  private async leave(): Promise<void> {
    for (const lea of this.leas.splice(0)) await lea.stop();
  }

  async stop(): Promise<void> {
    await this.leave();
    await this.lou.stop();
    await this.net.stop();
  }

  /** A private channel with a new LDK node, which holds what it is paid; those before are done with unless it is `beside` them. */
  async open(name: string, opener: 'ours' | 'theirs', anchors: boolean, beside = false): Promise<Theatre> {
    const { net, ours } = this;
    if (!beside) await this.leave();
    const lea = await Ldk.start({ name, dir: net.dir, bitcoind: net.bitcoind, anchors });
    this.leas.push(lea);
    await fillPurses(net, [lea]);
    // Theirs: nobody but the test makes the connection anew.
    await ours.connect(lea, 'theirs');
    const channelId =
      opener === 'ours'
        ? (
            await ours.node.call('fundchannel', {
              id: lea.id,
              amount: sat,
              push_msat: pushMsat,
              announce: false,
            })
          ).channel_id
        : (await lea.call('open', { id: ours.node.id, sat, pushMsat, announce: false })).channelId;
    await this.blocks(6);
    await ours.agree(lea, channelId);
    await this.owners(lea);
    expect((await lea.channel(channelId)).anchors).toBe(anchors);
    await lea.call('hold', { on: true });
    const { funding_txid, funding_outnum } = await ours.channel(channelId);
    return { lea, channelId, funding: { txid: funding_txid, vout: funding_outnum } };
  }

  /**
   * Has a payment wait at an LDK node; a block is mined then. So no two have the same expiry: LDK 0.1.2 puts timeouts of one
   * expiry into one transaction, and cannot make that again without one that was fulfilled meanwhile.
   */
  async hold(payer: Ours | Ldk, payee: Ldk, amountMsat: bigint): Promise<Held> {
    const { bolt11, paymentHash } = await payee.call('invoice', { amountMsat, description: 'held', finalCltv });
    const end = outcome(
      payer instanceof Ours ? payer.node.call('pay', { bolt11 }) : payer.call('pay', { bolt11, maxCltv }),
    );
    await payee.report('claimable', (one) => one.paymentHash === paymentHash);
    await this.blocks(1);
    return { paymentHash, end };
  }

  /** Resolves when no HTLC is left on the channels that nobody closes. */
  async rested(): Promise<void> {
    const [withAda = '', withLou = ''] = this.links;
    await this.ours.agree(this.lou, withLou);
    for (const side of [this.ada, this.ours])
      await side.when('come to rest', withAda, ({ htlcs, state }) => state === 'CHANNELD_NORMAL' && htlcs.length === 0);
  }

  /** Ends the connection with lea, for good: neither makes it anew. */
  async part({ lea }: Theatre): Promise<void> {
    await lea.call('disconnect', { id: this.ours.node.id });
    await this.ours.apart(lea);
  }

  /** Has an LDK node claim a payment it holds. */
  async settle(payee: Ldk, { paymentHash }: Held): Promise<void> {
    await payee.call('settle', { paymentHash });
    await payee.report('claimed', (one) => one.paymentHash === paymentHash);
  }

  /** Starts our process again, and its connections but that with lea. */
  async revive(): Promise<void> {
    await this.ours.node.start();
    await this.ada.node.call('connect', { id: this.ours.node.id, host: '127.0.0.1', port: this.ours.node.port });
    await this.ours.connect(this.lou, 'theirs');
  }

  /** Mines blocks; resolves when everybody has taken them. */
  private blocks(count: number): Promise<void> {
    return mineFor(this.net, [this.lou, ...this.leas], count);
  }

  /** Mines blocks, with a moment for our node to do something about them. */
  async mine(count: number): Promise<void> {
    await this.blocks(count);
    await sleep(150);
  }

  /** Mines up to a height. */
  async mineTo(height: number): Promise<void> {
    for (;;) {
      const left = height - (await this.ours.node.call('getinfo')).blockheight;
      if (left <= 0) return;
      await this.mine(Math.min(left, stride));
    }
  }

  /** Whether anything spends the funding output, in a block or not. */
  async isSpent({ funding: { txid, vout } }: Theatre): Promise<boolean> {
    return (await this.net.bitcoind.call('gettxout', txid, vout, true)) === null;
  }

  /** Whose scripts are whose: `ours`, or an LDK node's name. */
  private async owners(lea: Ldk): Promise<OwnerOf> {
    const { outputs } = await this.ours.node.call('listfunds', { spent: true });
    for (const { scriptpubkey } of outputs) this.scripts.add(scriptpubkey);
    const theirs = await purses([lea]);
    return (script) => (this.scripts.has(script) ? 'ours' : theirs(script));
  }

  /** What became of the channel so far. */
  async trace({ lea, funding }: Theatre): Promise<Trace> {
    return this.ledger.trace(funding, await this.owners(lea));
  }

  /**
   * Mines until every output has come home and, unless LDK has lost it all, LDK waits for nothing.
   */
  async untilSwept(theatre: Theatre, { robbed = false }: Sweeping = {}): Promise<Trace> {
    const waits = async () => (robbed ? [] : await theatre.lea.call('balances'));
    for (let mined = 0, count = stride; mined < mostBlocks; mined += count) {
      count = robbed ? stride : await strideFor(this.leas);
      await this.mine(count);
      if ((await waits()).length > 0) continue;
      const traced = await this.trace(theatre);
      if (traced.left.every(isLitter)) return traced;
    }
    const { left } = await this.trace(theatre);
    const still = left.map(({ txid, vout, sat: value }) => `${txid}:${vout} with ${value} sat`);
    for (const { kind, sat: value } of await waits()) still.push(`${kind} of ${value} sat`);
    throw new Error(`after ${mostBlocks} blocks there is still ${still.join(', ')}`);
  }
}
