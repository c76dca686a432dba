/** bitcoind for LDK: blocks in order, reorgs included, transactions to send, and coins to fund channels with. */
import { z } from 'zod';
import { openRpc, type Rpc } from '../../../node/chain/rpc.ts';
import { hex, reversed, unhex } from '../../../wire/bytes.ts';
import type { StartOptions } from './calls.ts';

interface Seen {
  /** As it is shown. */
  readonly hash: string;
  readonly header: Uint8Array;
}

/** Who is told of blocks: the ChannelManager and the ChainMonitor. */
export interface Listener {
  block_connected(block: Uint8Array, height: number): void;
  block_disconnected(header: Uint8Array, height: number): void;
}

const headerLength = 80;
const btc = (sat: bigint): string => `${sat / 100_000_000n}.${String(sat % 100_000_000n).padStart(8, '0')}`;
const hash = z.string();

export class Blocks {
  private readonly rpc: Rpc;
  /** Hash in internal order and height of the block the node was born at. */
  readonly birth: { readonly hash: Uint8Array; readonly height: number };
  private readonly seen: Seen[] = [];
  private listeners: readonly Listener[] = [];
  private running: Promise<number> | undefined;

  private constructor(rpc: Rpc, birth: Blocks['birth']) {
    this.rpc = rpc;
    this.birth = birth;
  }

  static async open({ host, port, user, password }: StartOptions['bitcoind']): Promise<Blocks> {
    const rpc = openRpc({ host, port, auth: { user, password } });
    const height = await rpc.call('getblockcount', [], z.number());
    const tip = await rpc.call('getblockhash', [height], hash);
    return new Blocks(rpc, { hash: reversed(unhex(tip)), height });
  }

  listen(listeners: readonly Listener[]): void {
    this.listeners = listeners;
  }

  /** One more, who is told of blocks from the next on. */
  also(listener: Listener): void {
    this.listeners = [...this.listeners, listener];
  }

  private get height(): number {
    return this.birth.height + this.seen.length;
  }

  /** Tells the listeners everything up to the tip, and gives the height. One at a time. */
  sync(): Promise<number> {
    this.running ??= this.follow().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async follow(): Promise<number> {
    const best = await this.rpc.call('getbestblockhash', [], hash);
    if (best === this.seen.at(-1)?.hash) return this.height;
    const tip = await this.rpc.call('getblockcount', [], z.number());
    for (let last = this.seen.at(-1); last !== undefined; last = this.seen.at(-1)) {
      const there = this.height <= tip ? await this.rpc.call('getblockhash', [this.height], hash) : undefined;
      if (there === last.hash) break;
      for (const listener of this.listeners) listener.block_disconnected(last.header, this.height);
      this.seen.pop();
    }
    while (this.height < tip) {
      const next = await this.rpc.call('getblockhash', [this.height + 1], hash);
      const block = unhex(await this.rpc.call('getblock', [next, 0], hash));
      this.seen.push({ hash: next, header: block.slice(0, headerLength) });
      for (const listener of this.listeners) listener.block_connected(block, this.height);
    }
    return this.height;
  }

  /** Sends transactions, a parent before its child where one pays for the other. Throws ChainError with the reason. */
  async broadcast(txs: readonly Uint8Array[]): Promise<void> {
    const raw = txs.map(hex);
    if (raw.length === 1) await this.rpc.call('sendrawtransaction', raw, z.string());
    else await this.rpc.call('submitpackage', [raw], z.object({ package_msg: z.literal('success') }));
  }

  /** A signed transaction of bitcoind's wallet that pays an address, not sent. */
  async fund(address: string, sat: bigint): Promise<Uint8Array> {
    const draft = await this.rpc.call('createrawtransaction', [[], { [address]: btc(sat) }], z.string());
    const funded = await this.rpc.call(
      'fundrawtransaction',
      [draft, { lockUnspents: true, fee_rate: '5' }],
      z.object({ hex: z.string() }),
    );
    const signed = await this.rpc.call('signrawtransactionwithwallet', [funded.hex], z.object({ hex: z.string() }));
    return unhex(signed.hex);
  }
}
