/**
 * Two nodes of ours and two peers in a line, q, ada, p and bob, with a channel between neighbours: what cases about payments over
 * several hops take place on.
 */
import { type Network, startNetwork } from '../../../node/regtest/demo/network.ts';
import type { NodeProcess } from '../../../node/regtest/demo/process.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { sendCoin } from '../coins.ts';
import type { Kind, Peer } from '../peers/peer.ts';
import type { Stage } from './case.ts';

const sat = 5_000_000n;
const pushMsat = 2_500_000_000n;
/** Each side of the line opens from coins of this size, in satoshi. */
const coin = 20_000_000n;

export interface LineOptions {
  /** Whether the channels at both ends, which the peers open, are public. That in the middle is. */
  readonly announce: boolean;
  /** Whether those that are private have option_scid_alias in their type. */
  readonly scidAlias?: boolean;
}

export class Line implements Stage {
  readonly net: Network<'ada' | 'bob'>;
  readonly p: Peer;
  readonly q: Peer;
  /** How many channels of the line are public: none where the peers announce none. */
  readonly announced: number;
  private labels = 0;

  private constructor(net: Network<'ada' | 'bob'>, announced: number, p: Peer, q: Peer) {
    this.net = net;
    this.announced = announced;
    this.p = p;
    this.q = q;
  }

  get ada(): NodeProcess {
    return this.net.nodes.ada;
  }

  get bob(): NodeProcess {
    return this.net.nodes.bob;
  }

  /** Starts the line, and waits until all four know the public channels of it. Those of peers that announce none are private. */
  static async start(kind: Kind, { announce, scidAlias = false }: LineOptions): Promise<Line> {
    const flags = ['--dev', '--log-level', 'debug'];
    const net = await startNetwork({ nodes: { ada: flags, bob: flags }, ...(kind.chain && { chain: kind.chain }) });
    const peers: Peer[] = [];
    try {
      const { dir, bitcoind } = net;
      const startPeer = async (name: string): Promise<Peer> => {
        const peer = await kind.start({ name: `${kind.name.toLowerCase()}-${name}`, dir, bitcoind, scidAlias });
        peers.push(peer);
        await sendCoin(bitcoind, await peer.newAddress(), coin);
        return peer;
      };
      const [p, q] = await Promise.all([startPeer('p'), startPeer('q')]);
      await net.fund({ ada: [coin], bob: [coin] });
      const isPublic = kind.cannot.announcing === undefined;
      const line = new Line(net, isPublic ? (announce ? 3 : 1) : 0, p, q);
      await line.mine(1);
      for (const peer of [p, q]) await peer.hasCoins(1);
      await line.link({ announce: isPublic && announce, scidAlias }, isPublic);
      return line;
    } catch (error) {
      for (const peer of peers) await peer.stop();
      await net.stop();
      throw error;
    }
  }

  private async link({ announce, scidAlias = false }: LineOptions, isPublic: boolean): Promise<void> {
    const { ada, bob, p, q } = this;
    await q.connect(addressOf(ada));
    await p.connect(addressOf(ada));
    await p.connect(addressOf(bob));
    await until('q to open its channel', () => q.open(ada.id, { sat, pushMsat, announce }), { every: 300 });
    await ada.call('fundchannel', { id: p.id, amount: sat, push_msat: pushMsat, announce: isPublic });
    await until('p to open its channel', () => p.open(bob.id, { sat, pushMsat, announce }), { every: 300 });
    // Where aliases are known, lnd forgets a channel and adds it anew once it is announced: terms that come in just that moment, which are
    // those of a channel that was just opened, it refuses from then on.
    const before = scidAlias ? 3 : 0;
    if (scidAlias) {
      await this.mine(before);
      await this.usable();
    }
    await this.mine(6 - before);
    await this.know(this.announced);
    await this.usable();
  }

  /** Connects neighbours that are not connected, and waits until every channel between them is usable. */
  async usable(): Promise<void> {
    const { ada, bob, p, q } = this;
    for (const { peer, node } of [
      { peer: q, node: ada },
      { peer: p, node: ada },
      { peer: p, node: bob },
    ])
      await until(`${peer.name} to be connected with ${node.name}`, async () => {
        if (!(await peer.peers()).includes(node.id)) await peer.connect(addressOf(node));
        return true;
      });
    await until('every channel to be usable', async () => {
      for (const { node, count } of [
        { node: ada, count: 2 },
        { node: bob, count: 1 },
      ]) {
        const { channels } = await node.call('listpeerchannels');
        const usable = channels.filter((one) => one.state === 'CHANNELD_NORMAL' && one.reestablished);
        if (usable.length < count) return undefined;
        // Hints and forwards need what the peer asks for.
        if (channels.some(({ updates }) => updates?.remote === undefined)) return undefined;
      }
      for (const { peer, count } of [
        { peer: p, count: 2 },
        { peer: q, count: 1 },
      ])
        if ((await peer.channels()).filter(({ usable }) => usable).length !== count) return undefined;
      return true;
    });
  }

  /** Resolves once all four know so many public channels, with what both ends of each ask. */
  async know(count: number): Promise<void> {
    for (const node of [this.ada, this.bob])
      await until(`${node.name} to know ${count} channels`, async () => {
        const { channels } = await node.call('listchannels');
        const known = channels.filter((one) => one.active && one.public);
        if (known.length === 2 * count) return true;
        throw new Error(
          `it knows ${known.map((one) => `${one.short_channel_id}/${one.direction}`).join(' ') || 'none'}`,
        );
      });
    for (const peer of [this.p, this.q])
      await until(
        `${peer.name} to know ${count} channels`,
        async () => {
          const known = await peer.graph();
          if (known.filter(({ directions }) => directions === 2).length >= count) return true;
          throw new Error(`it knows ${known.map((one) => `${one.directions} of ${one.scid}`).join(', ') || 'none'}`);
        },
        { timeout: 60_000, every: 200 },
      );
  }

  async stop(): Promise<void> {
    for (const peer of [this.p, this.q]) await peer.stop();
    await this.net.stop();
  }

  /** Mines blocks; resolves when all have taken them. */
  async mine(blocks: number): Promise<void> {
    const height = await this.net.mine(blocks);
    for (const peer of [this.p, this.q]) await peer.reach(height);
  }

  /** An invoice of a node of ours. */
  async invoice(node: NodeProcess, amountMsat: bigint, amp?: 'eob' | 'deployed') {
    const terms = { amount_msat: amountMsat, label: `${this.labels++}`, description: 'tea' };
    return node.call('invoice', { ...terms, ...(amp && { amp }) });
  }
}

export const addressOf = ({ id, port }: NodeProcess) => ({ id, host: '127.0.0.1', port });
