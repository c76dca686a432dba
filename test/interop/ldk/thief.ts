/**
 * LDK as a thief. It would never publish an old commitment by itself; a copy of its monitor of a channel, made from what it
 * stored at the time, knows no better, and behaves on the chain as an owner of that commitment does.
 */
import { Block } from 'bitcoinjs-lib';
import * as ldk from 'lightningdevkit';
import { rawOf } from '../../support/spend.ts';
import type { Listener } from './blocks.ts';
import type { LdkNode } from './node.ts';
import { good } from './values.ts';

const headerLength = 80;

export class Thief implements Listener {
  private readonly node: LdkNode;
  private readonly monitor: ldk.ChannelMonitor;
  private readonly events: ldk.Event[] = [];
  private readonly handler = ldk.EventHandler.new_impl({
    handle_event: (event) => {
      this.events.push(event);
      return ldk.Result_NoneReplayEventZ.constructor_ok();
    },
  });

  /** A monitor as it was stored. */
  constructor(node: LdkNode, stored: Uint8Array) {
    const { keys } = node;
    const read = ldk.UtilMethods.constructor_C2Tuple_ThirtyTwoBytesChannelMonitorZ_read(
      stored,
      keys.as_EntropySource(),
      keys.as_SignerProvider(),
    );
    this.node = node;
    this.monitor = good<ldk.TwoTuple_ThirtyTwoBytesChannelMonitorZ>('thief', read).get_b();
  }

  /** Publishes the commitment of that time. */
  strike(): void {
    const { broadcaster, fees, logger } = this.node;
    this.monitor.broadcast_latest_holder_commitment_txn(broadcaster, fees, logger);
  }

  block_connected(raw: Uint8Array, height: number): void {
    const { broadcaster, fees, logger } = this.node;
    const txs = (Block.fromBuffer(raw).transactions ?? []).map((tx, i) =>
      ldk.TwoTuple_usizeTransactionZ.constructor_new(i, rawOf(tx)),
    );
    this.monitor.block_connected(raw.slice(0, headerLength), txs, height, broadcaster, fees, logger);
  }

  block_disconnected(header: Uint8Array, height: number): void {
    const { broadcaster, fees, logger } = this.node;
    this.monitor.block_disconnected(header, height, broadcaster, fees, logger);
  }

  /** What it wants done: fees paid, outputs swept. */
  takeEvents(): readonly ldk.Event[] {
    this.monitor.process_pending_events(this.handler, this.node.logger);
    return this.events.splice(0);
  }
}
