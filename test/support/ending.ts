/**
 * Channels that end on the chain, with real processes: HTLCs that are held, blocks until nothing is left to claim, and what
 * everybody has in the end, to the satoshi.
 */
import type { Transaction } from 'bitcoinjs-lib';
import { z } from 'zod';
import type { Channel, Network } from '../../node/regtest/demo/network.ts';
import type { NodeProcess } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { hex } from '../../wire/bytes.ts';
import { isLitter, Ledger, type OwnerOf } from '../interop/trace.ts';

/** How a channel's money ended. */
export interface Ending<Name extends string> {
  /** What each node has of it now, less what its transactions took from its wallet. */
  readonly gained: Readonly<Record<Name, bigint>>;
  /** What the transactions that a node made have paid; the one that spent the funding output is nobody's. */
  readonly fees: Readonly<Record<Name, bigint>>;
  /** What the transaction that spent the funding output paid, HTLCs without an output included. */
  readonly closingFee: bigint;
  /** In outputs that nobody will ever take: anchors. */
  readonly litter: bigint;
  /** Anchors that each node took to push a commitment: the funder paid for both. */
  readonly anchors: Readonly<Record<Name, bigint>>;
  /** Outputs that somebody still should take. */
  readonly open: readonly string[];
  readonly txs: readonly Transaction[];
}

/** A channel under test. */
export interface Held {
  readonly id: string;
  /** TXID:OUTPUT. */
  readonly funding: string;
}

/** A payment whose HTLC its payee leaves alone until it is let go. */
export interface Pending {
  readonly hash: string;
  readonly label: string;
  readonly from: NodeProcess;
  readonly to: NodeProcess;
}

const inputsOf = (tx: Transaction): readonly string[] =>
  tx.ins.map(({ hash, index }) => `${hex(Uint8Array.from(hash).reverse())}:${index}`);

/** HTLCs of a channel that are irrevocably committed, as its node sees it. */
const committed = ({ htlcs }: Channel): number => htlcs.filter(({ state }) => state.endsWith('ADD_ACK_COMMIT')).length;

export class Endings<Name extends string> {
  readonly network: Network<Name>;
  private readonly ledger: Ledger;
  private labels = 0;

  constructor(network: Network<Name>) {
    this.network = network;
    this.ledger = new Ledger(network.bitcoind);
  }

  private get nodes(): readonly NodeProcess[] {
    return this.network.names.map((name) => this.network.nodes[name]);
  }

  /** A node's view of a channel; undefined once it is over and done. */
  async channel(node: NodeProcess, id: string): Promise<Channel | undefined> {
    return (await node.call('listpeerchannels', { channel_id: id })).channels[0];
  }

  /** Resolves once the node's channel shows what is looked for. */
  until(node: NodeProcess, id: string, what: string, holds: (channel: Channel) => boolean): Promise<Channel> {
    return until(`${node.name}'s channel: ${what}`, async () => {
      const channel = await this.channel(node, id);
      return channel !== undefined && holds(channel) ? channel : undefined;
    });
  }

  reaches(node: NodeProcess, id: string, state: string): Promise<Channel> {
    return this.until(node, id, state, (channel) => channel.state === state);
  }

  /** A usable private channel, of which `pushed` satoshi are the peer's. */
  async open(from: Name, to: Name, sat: bigint, pushed: bigint, type?: readonly number[]): Promise<Held> {
    const [one, other] = [this.network.nodes[from], this.network.nodes[to]];
    await one.call('connect', { id: other.id, host: '127.0.0.1', port: other.port });
    const { txid, outnum, channel_id } = await one.call('fundchannel', {
      id: other.id,
      amount: sat,
      push_msat: pushed * 1000n,
      announce: false,
      ...(type && { channel_type: [...type] }),
    });
    await this.network.mine(1);
    for (const node of [one, other]) await this.reaches(node, channel_id, 'CHANNELD_NORMAL');
    return { id: channel_id, funding: `${txid}:${outnum}` };
  }

  /** Whether a node leaves the HTLCs of another alone. */
  async ignore(node: NodeProcess, peer: NodeProcess, ignore: boolean): Promise<void> {
    await node.call('dev-ignore-htlcs', { id: peer.id, ignore });
  }

  /** Begins a payment to a node that leaves its HTLC alone; resolves once that stands in both ends of a channel of its. */
  async pay(
    from: NodeProcess,
    to: NodeProcess,
    msat: bigint,
    last: { channel: Held; peer: NodeProcess },
  ): Promise<Pending> {
    const label = `payment ${++this.labels}`;
    const { id } = last.channel;
    const { bolt11, payment_hash } = await to.call('invoice', { amount_msat: msat, label, description: label });
    const before = (await this.channel(to, id))?.htlcs.length ?? 0;
    // Its end is read from listpays: the call may end with a node that is killed.
    from.call('pay', { bolt11 }).catch(() => undefined);
    for (const node of [last.peer, to])
      await this.until(node, id, 'one HTLC more', (channel) => committed(channel) === before + 1);
    return { hash: payment_hash, label, from, to };
  }

  /** `complete` or `failed` once the payment has ended. */
  async outcome({ from, hash }: Pick<Pending, 'from' | 'hash'>): Promise<string> {
    return until(`${from.name}'s payment to end`, async () => {
      const status = await this.standing({ from, hash });
      return status === 'pending' ? undefined : status;
    });
  }

  async standing({ from, hash }: Pick<Pending, 'from' | 'hash'>): Promise<string> {
    return (await from.call('listpays', { payment_hash: hash })).pays[0]?.status ?? 'none';
  }

  /** Gives up on the peer, and resolves with the id of the commitment once the mempool has it. */
  async forceClose(node: NodeProcess, id: string): Promise<string> {
    // The peer answers an error with its own commitment, which may be in the mempool first: it hears of it on the next connection.
    await node.call('dev-disconnect', { rules: ['-WIRE_ERROR'] });
    const { type, txids } = await node.call('close', { id, unilateraltimeout: 1 });
    const [txid] = txids ?? [];
    if (type !== 'unilateral' || txid === undefined) throw new Error(`expected a close alone, got ${type}`);
    await until(`${node.name}'s commitment to be published`, async () => {
      const pool = z.array(z.string()).parse(await this.network.bitcoind.call('getrawmempool'));
      if (pool.includes(txid)) return true;
      throw new Error(`not in the mempool; the node says: ${(await this.channel(node, id))?.status.join('; ')}`);
    });
    await node.call('dev-disconnect', { rules: [] });
    return txid;
  }

  /** Whose scripts these are, by all coins that the nodes have ever had. */
  private async owners(): Promise<OwnerOf> {
    const owners = new Map<string, string>();
    for (const name of this.network.names) {
      const { outputs } = await this.network.nodes[name].call('listfunds', { spent: true });
      for (const { scriptpubkey } of outputs) owners.set(scriptpubkey, name);
    }
    return (script) => owners.get(script);
  }

  /** Follows a channel's money through the chain as it is now. */
  async of({ funding }: Held): Promise<Ending<Name>> {
    const [txid = '', vout = ''] = funding.split(':');
    const ownerOf = await this.owners();
    const trace = await this.ledger.trace({ txid, vout: Number(vout) }, ownerOf);
    const spenders = new Map(trace.txs.flatMap((tx) => inputsOf(tx).map((input) => [input, tx] as const)));
    /** Who made a transaction: whose money it brings, at once or where its outputs are taken later. */
    const makerOf = (tx: Transaction): string | undefined => {
      const owner = tx.outs.map(({ script }) => ownerOf(hex(script))).find((name) => name !== undefined);
      const later = tx.outs.flatMap((_, index) => spenders.get(`${tx.getId()}:${index}`) ?? []);
      return owner ?? later.map(makerOf).find((name) => name !== undefined);
    };
    const [closing, ...others] = trace.txs;
    const anchors = (closing?.outs ?? []).flatMap(({ value: sat, script }, vout) => {
      const outpoint = { txid: closing?.getId() ?? '', vout };
      const by = spenders.get(`${outpoint.txid}:${vout}`);
      return by !== undefined && isLitter({ ...outpoint, sat, script: hex(script) })
        ? [{ maker: makerOf(by), sat }]
        : [];
    });
    const each = (amountOf: (name: Name) => bigint): Record<Name, bigint> =>
      Object.fromEntries(this.network.names.map((name) => [name, amountOf(name)])) as Record<Name, bigint>;
    const made = others.map((tx) => ({ maker: makerOf(tx), fee: trace.feeOf(tx) }));
    return {
      gained: each((name) => trace.gained.get(name) ?? 0n),
      fees: each((name) => made.reduce((sum, { maker, fee }) => sum + (maker === name ? fee : 0n), 0n)),
      closingFee: closing === undefined ? 0n : trace.feeOf(closing),
      litter: trace.left.filter(isLitter).reduce((sum, { sat }) => sum + sat, 0n),
      anchors: each((name) => anchors.reduce((sum, { maker, sat }) => sum + (maker === name ? sat : 0n), 0n)),
      open: trace.left.filter((one) => !isLitter(one)).map((one) => `${one.txid}:${one.vout}`),
      txs: trace.txs,
    };
  }

  /** Mines until every output of the channel has been taken by somebody; `between` is done after each `step` of blocks. */
  async sweep(
    channel: Held,
    { step = 8, between = async () => undefined }: { step?: number; between?: () => Promise<void> } = {},
  ): Promise<Ending<Name>> {
    for (let mined = 0; mined < 320; mined += step) {
      await this.network.mine(step);
      await between();
      const ending = await this.of(channel);
      if (ending.open.length === 0) return ending;
    }
    const lines = await Promise.all(
      this.nodes.map(async (node) => `${node.name}: ${(await this.channel(node, channel.id))?.status.join('\n  ')}`),
    );
    throw new Error(`not swept to the last output: ${(await this.of(channel)).open.join(', ')}\n${lines.join('\n')}`);
  }

  /** Satoshi in a node's wallet, unconfirmed change included. */
  async wallet(node: NodeProcess): Promise<bigint> {
    const { outputs } = await node.call('listfunds');
    return outputs.reduce((sum, { amount_msat }) => sum + amount_msat / 1000n, 0n);
  }

  /** Takes the last blocks off and puts empty ones in their place, one more than there were. */
  async reorganize(depth: number): Promise<void> {
    const { bitcoind } = this.network;
    const height = z.number().parse(await bitcoind.call('getblockcount'));
    await bitcoind.call('invalidateblock', await bitcoind.call('getblockhash', height - depth + 1));
    const address = await bitcoind.call('getnewaddress');
    for (let i = 0; i <= depth; i++) await bitcoind.call('generateblock', address, []);
    const hash = z.string().parse(await bitcoind.call('getbestblockhash'));
    for (const node of this.nodes.filter(({ running }) => running))
      await until(`${node.name} to follow the new branch to ${hash}`, async () =>
        (await node.call('getinfo')).blockheight === height + 1 ? true : undefined,
      );
  }
}
