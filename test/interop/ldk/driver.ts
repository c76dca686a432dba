/** The calls of calls.ts, done with an LDK node. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Transaction } from 'bitcoinjs-lib';
import * as ldk from 'lightningdevkit';
import { hex, unhex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { Blocks } from './blocks.ts';
import type { CallName, Calls, Paid, Report, StartOptions } from './calls.ts';
import { Claims, handle } from './events.ts';
import { LdkNode } from './node.ts';
import { Sockets } from './sockets.ts';
import { Thief } from './thief.ts';
import { channelIdOf, channelOf, good, isPanic, nameIn, present, scidOf, spendableValue } from './values.ts';

type Handlers = { [N in CallName]: (given: Calls[N]['given']) => Promise<Calls[N]['result']> };

/** Milliseconds between two looks at bitcoind's tip. */
const pollEvery = 100;
const invoiceExpiry = 3600;
const minFinalCltv = 24;
/** Blocks that two forwards and what LDK hides the end of a route may take, beside what the payee asks for, unless told otherwise. */
const wayCltv = 220;

interface Waiting {
  readonly wanted: (report: Report) => boolean;
  readonly resolve: (report: Report) => void;
}

class Driver {
  private readonly node: LdkNode;
  private readonly blocks: Blocks;
  private readonly sockets: Sockets;
  private readonly claims = new Claims();
  private readonly thieves: Thief[] = [];
  private readonly report: (report: Report) => void;
  private readonly waiting = new Set<Waiting>();
  /** Set while LDK is being asked what to do next; a stir meanwhile makes it another round. */
  private turning = false;
  private stirred = false;
  /** Transactions on their way to bitcoind: how many times LDK gave some, and the end of the last. */
  private sending = 0;
  private sent: Promise<void> = Promise.resolve();

  constructor(options: StartOptions, blocks: Blocks, report: (report: Report) => void) {
    this.blocks = blocks;
    this.report = report;
    this.node = new LdkNode(options, { blocks, broadcast: (txs) => this.send(txs), log: (line) => console.log(line) });
    this.sockets = new Sockets(this.node.peers, () => this.stir());
  }

  async start(): Promise<Calls['start']['result']> {
    const port = await this.sockets.listen();
    setInterval(() => this.node.peers.timer_tick_occurred(), 10_000);
    setInterval(() => this.tick(), 60_000);
    setInterval(() => void this.follow().catch((error: unknown) => console.log('chain', error)), pollEvery);
    return { id: hex(this.node.channels.get_our_node_id()), port };
  }

  private async follow(): Promise<number> {
    const height = await this.blocks.sync();
    this.stir();
    return height;
  }

  private tick(): void {
    this.node.channels.timer_tick_occurred();
    this.node.monitors.rebroadcast_pending_claims();
    this.stir();
  }

  private tell(report: Report): void {
    this.report(report);
    for (const one of this.waiting)
      if (one.wanted(report)) {
        this.waiting.delete(one);
        one.resolve(report);
      }
  }

  private next<E extends Report['event']>(
    events: readonly E[],
    of: (report: Extract<Report, { event: E }>) => boolean,
  ): Promise<Extract<Report, { event: E }>> {
    return new Promise((resolve) => {
      this.waiting.add({
        wanted: (report) => events.some((event) => event === report.event) && of(report as never),
        resolve: (report) => resolve(report as never),
      });
    });
  }

  /**
   * One after the other: bitcoind refuses an HTLC transaction that overtakes its commitment, and LDK, which gives it away
   * right behind that, does not give it away again for fifteen blocks.
   */
  private send(txs: readonly Uint8Array[]): void {
    const txids = txs.map((tx) => Transaction.fromBuffer(tx).getId());
    this.sending++;
    this.sent = this.sent
      .then(() => this.blocks.broadcast(txs))
      .then(
        () => this.tell({ event: 'broadcast', txids }),
        (error: unknown) => {
          console.log('refused', txids, String(error));
          this.tell({ event: 'broadcast', txids, refused: String(error) });
        },
      )
      .finally(() => this.sending--);
  }

  /** Resolves when LDK has nothing more to say of what it was told, and bitcoind has what LDK gave away. */
  private async rest(): Promise<void> {
    while (this.turning || this.sending > 0) {
      await this.sent;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Lets LDK send what it has to send and handle what has happened, until nothing is left. */
  private stir(): void {
    this.stirred = true;
    if (this.turning) return;
    this.turning = true;
    setImmediate(() => void this.turn());
  }

  private async turn(): Promise<void> {
    const { node, blocks } = this;
    const tell = (report: Report) => this.tell(report);
    const world = { node, blocks, tell };
    while (this.stirred) {
      this.stirred = false;
      node.peers.process_events();
      for (const event of [node, ...this.thieves].flatMap((one) => one.takeEvents())) {
        this.stirred = true;
        try {
          await handle(world, this.claims, event);
        } catch (error) {
          if (isPanic(error)) throw error;
          tell({ event: 'trouble', in: event.constructor.name, what: String(error) });
        }
      }
    }
    this.turning = false;
  }

  private once(): ldk.Retry {
    return ldk.Retry.constructor_attempts(0);
  }

  /** The outcome of a payment that was given to LDK under its hash. Throws Error with LDK's reason. */
  private async paid(hash: Uint8Array, sent: { is_ok(): boolean }): Promise<Paid> {
    if (
      sent instanceof ldk.Result_NoneRetryableSendFailureZ_Err ||
      sent instanceof ldk.Result_ThirtyTwoBytesRetryableSendFailureZ_Err
    )
      throw new Error(`pay: ${nameIn(ldk.RetryableSendFailure, sent.err)}`);
    const paymentHash = hex(hash);
    this.stir();
    const report = await this.next(['sent', 'failed'], (one) => one.paymentHash === paymentHash);
    if (report.event === 'failed') throw new Error(`pay: ${report.reason}`);
    return { paymentHash, preimage: report.preimage, feeMsat: report.feeMsat };
  }

  readonly handlers: Omit<Handlers, 'start'> = {
    sync: async () => {
      await this.follow(); // it may have begun before the block that is meant
      const height = await this.follow();
      await this.rest();
      return { height };
    },
    connect: async ({ id, host, port }) => {
      await this.sockets.connect(unhex(id), { host, port });
    },
    disconnect: async ({ id }) => {
      this.node.peers.disconnect_by_node_id(unhex(id));
      this.stir();
    },
    peers: async () => this.sockets.connected(),
    open: async ({ id, sat, pushMsat = 0n, announce = true }) => {
      const temporary = channelIdOf(this.node.open(unhex(id), sat, pushMsat, announce));
      this.stir();
      // A channel that comes to nothing is closed under the id it had at first.
      const report = await this.next(
        ['channel_pending', 'channel_closed'],
        (one) => (one.event === 'channel_pending' ? one.temporaryId : one.channelId) === temporary,
      );
      if (report.event === 'channel_closed') throw new Error(`open: ${report.reason}`);
      await this.rest(); // the event comes before bitcoind has the transaction
      return { channelId: report.channelId, txid: report.txid };
    },
    channels: async () => this.node.channels.list_channels().map(channelOf),
    invoice: async ({ amountMsat, description, finalCltv = minFinalCltv }) => {
      const made = ldk.UtilMethods.constructor_create_invoice_from_channelmanager(
        this.node.channels,
        ldk.Option_u64Z.constructor_some(amountMsat),
        description,
        invoiceExpiry,
        ldk.Option_u16Z.constructor_some(finalCltv),
      );
      const invoice = good<ldk.Bolt11Invoice>('invoice', made);
      return { bolt11: invoice.to_str(), paymentHash: hex(invoice.payment_hash()) };
    },
    pay: async ({ bolt11, maxCltv, amountMsat }) => {
      const invoice = good<ldk.Bolt11Invoice>('invoice', ldk.Bolt11Invoice.constructor_from_str(bolt11));
      const parameters = good<ldk.ThreeTuple_ThirtyTwoBytesRecipientOnionFieldsRouteParametersZ>(
        'invoice',
        ldk.UtilMethods.constructor_payment_parameters_from_invoice(invoice),
      );
      const hash = parameters.get_a();
      const [onion, route] = [parameters.get_b(), parameters.get_c()];
      if (amountMsat !== undefined) route.set_final_value_msat(amountMsat);
      const payee = route.get_payment_params();
      payee.set_max_total_cltv_expiry_delta(maxCltv ?? Number(invoice.min_final_cltv_expiry_delta()) + wayCltv);
      route.set_payment_params(payee);
      return this.paid(hash, this.node.channels.send_payment(hash, onion, hash, route, this.once()));
    },
    keysend: async ({ id, amountMsat, finalCltv = minFinalCltv, extraTlvs = [] }) => {
      const secret = this.node.keys.as_EntropySource().get_secure_random_bytes();
      const hash = sha256(secret);
      const payee = ldk.PaymentParameters.constructor_for_keysend(unhex(id), finalCltv, false);
      const route = ldk.RouteParameters.constructor_from_payment_params_and_value(payee, amountMsat);
      const records = extraTlvs.map(([type, value]) => ldk.TwoTuple_u64CVec_u8ZZ.constructor_new(type, unhex(value)));
      const bare = ldk.RecipientOnionFields.constructor_spontaneous_empty();
      const onion = good<ldk.RecipientOnionFields>('keysend', bare.with_custom_tlvs(records));
      const known = ldk.Option_ThirtyTwoBytesZ.constructor_some(secret);
      return this.paid(hash, this.node.channels.send_spontaneous_payment(known, onion, hash, route, this.once()));
    },
    hold: async ({ on }) => {
      this.claims.hold = on;
    },
    settle: async ({ paymentHash }) => {
      this.claims.settle(this.node, paymentHash);
      this.stir();
    },
    refuse: async ({ paymentHash }) => {
      this.node.channels.fail_htlc_backwards(unhex(paymentHash));
      this.stir();
    },
    close: async ({ channelId, peer }) => {
      const id = ldk.ChannelId.constructor_new(unhex(channelId));
      good('close', this.node.channels.close_channel(id, unhex(peer)));
      this.stir();
    },
    forceClose: async ({ channelId, peer }) => {
      // Asked while it waits for an event to be taken, LDK 0.1.2 panics: its monitor's updates get out of order.
      await this.rest();
      const id = ldk.ChannelId.constructor_new(unhex(channelId));
      const closed = this.node.channels.force_close_broadcasting_latest_txn(id, unhex(peer), 'closed by the test');
      good('forceClose', closed);
      this.stir();
      await this.rest();
    },
    keep: async ({ on }) => {
      this.node.keeping = on;
    },
    steal: async ({ channelId }) => {
      const stored = this.node.kept.get(channelId);
      if (stored === undefined) throw new Error(`nothing was kept of channel ${channelId}`);
      const thief = new Thief(this.node, stored);
      this.thieves.push(thief);
      this.blocks.also(thief);
      thief.strike();
      this.stir();
      await this.rest();
    },
    purse: async () => ({ script: this.node.purse.script, coins: this.node.purse.list() }),
    balances: async () => [
      ...this.node.monitors
        .get_claimable_balances([])
        .map((one) => ({ kind: one.constructor.name.replace(/^.*_/, ''), sat: one.claimable_amount_satoshis() })),
      ...this.node.unswept().map((one) => ({ kind: 'Unswept', sat: spendableValue(one) })),
    ],
    graph: async () => {
      const graph = this.node.graph.read_only();
      try {
        return [...graph.list_channels()].map((scid) => {
          const info = graph.channel(scid);
          const directions = [info.get_one_to_two(), info.get_two_to_one()].filter((one) => present(one) !== undefined);
          return { scid: scidOf(scid), directions: directions.length };
        });
      } finally {
        graph.free(); // it is a lock
      }
    },
    feerate: async ({ perKw }) => {
      this.node.feerate = perKw;
    },
    tick: async () => {
      this.tick();
    },
  };
}

/** Loads LDK and starts a node on the chain's tip. */
export const startDriver = async (options: StartOptions, report: (report: Report) => void) => {
  const wasm = fileURLToPath(import.meta.resolve('lightningdevkit/liblightningjs.wasm'));
  await ldk.initializeWasmFromBinary(readFileSync(wasm));
  const driver = new Driver(options, await Blocks.open(options.bitcoind), report);
  return { driver, started: await driver.start() };
};
