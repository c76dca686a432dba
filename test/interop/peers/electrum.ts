/** Electrum's Lightning as one of the peers that the suite of cases runs over: Debian's daemon, with a server of its own. */
import { join } from 'node:path';
import { z } from 'zod';
import { networkOf } from '../../../node/ports/network.ts';
import { embeddedName } from '../../../node/regtest/demo/chain.ts';
import { runToEnd } from '../../../node/regtest/demo/run.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { scriptOfAddress } from '../../../node/wallet/address.ts';
import { hex } from '../../../wire/bytes.ts';
import { ElectrumProcess, findElectrum } from './electrumprocess.ts';
import { installElectrumx } from './electrumx.ts';
import type {
  Address,
  Cannot,
  CommandLine,
  Kind,
  OpenTerms,
  Peer,
  PeerChannel,
  PeerFailure,
  PeerInvoice,
  PeerOptions,
  PeerPaid,
  PeerReceived,
} from './peer.ts';

const cannot = {
  anchors: 'Electrum 4.3 knows channels of option_static_remotekey only',
  'all of a channel': 'Electrum keeps the fee of one more HTLC back than BOLT 2 asks for, and splits what is just all',
  'hints of its own channels':
    'Electrum takes the hint of a channel of its own for a way without asking what that carries ("Not enough balance. can send: …")',
  'failures of others':
    'Electrum passes a failure that comes from behind it on as it is, without a layer of its own (BOLT 4, "Returning Errors"), so the payer cannot read it',
  'terms said again':
    'Electrum says what it asks for forwarding when a channel opens and never again, so a node that was started again has no hint of the channel',
  keysend: 'Electrum has no command for a payment without an invoice, and takes none',
  'millisatoshi invoices': 'Electrum asks for whole satoshis',
  'amounts of choice': 'Electrum pays what an invoice asks for',
  'HTLCs counted': 'Electrum says how much is under way in a channel, not in how many HTLCs',
  'payments refused': 'Electrum has no command that refuses a payment that waits',
  'one payment taken of several': 'Electrum takes all that wait at once',
  'deployed AMP': 'Electrum has no AMP',
  disconnecting: 'Electrum has no command that ends a connection',
  announcing: 'Electrum announces no channel: all of its are private',
  update_fee: 'Electrum has one feerate on regtest, 45,000 sat per 1,000 weight, which nothing changes',
  'closing feerate': 'Electrum takes the feerate of a close from its own estimate',
  'closing script': 'Electrum pays a close to its own wallet',
  'closing with little left':
    'Electrum leaves out an output of its own below 546 sat, and takes no signature for a closing with it ("failed to verify their signature")',
} as const satisfies Cannot;

const refusal = (ability: keyof typeof cannot): Promise<never> => Promise.reject(new Error(cannot[ability]));

const channels = z.array(
  z.object({
    type: z.string(),
    channel_id: z.string(),
    channel_point: z.string(),
    state: z.string(),
    peer_state: z.string().optional(),
    remote_pubkey: z.string().optional(),
    local_balance: z.number().default(0),
    remote_balance: z.number().default(0),
    local_unsettled_sent: z.number().default(0),
    remote_unsettled_sent: z.number().default(0),
  }),
);
const history = z.array(
  z.object({
    type: z.string(),
    payment_hash: z.string().optional(),
    amount_msat: z.number(),
    fee_msat: z.number().nullish(),
  }),
);
const request = z.object({ lightning_invoice: z.string(), rhash: z.string(), status_str: z.string() });
/** A short_channel_id in hex: block, transaction, output (BOLT 7). */
const scidOf = (id: string): string =>
  [id.slice(0, 6), id.slice(6, 12), id.slice(12)].map((part) => Number.parseInt(part, 16)).join('x');
const policy = z.object({}).nullable();
const graph = z.object({
  channels: z.array(z.object({ short_channel_id: z.string(), policy1: policy, policy2: policy })),
});
/** Of each HTLC that failed: hops of its route, the channel or node that failed it, and the name of the failure. */
const attempt = z.tuple([z.string(), z.string(), z.string()]);
const paid = z.object({
  payment_hash: z.string(),
  success: z.boolean(),
  preimage: z.string().nullable(),
  log: z.array(attempt),
});
const nothing = z.unknown();
/** What it calls the payee, and whoever it does not know, where it says who failed an HTLC. */
const [payee, nobody] = ['Destination node', 'Unknown'];

/** States of a channel that is over, and still in its list. */
const gone: readonly string[] = ['CLOSING', 'FORCE_CLOSING', 'CLOSED', 'REDEEMED'];

const btc = (sat: bigint): string => `${sat / 100_000_000n}.${String(sat % 100_000_000n).padStart(8, '0')}`;

export const noElectrum = 'Electrum is not on the PATH: `apt-get install electrum python3-venv`';

class ElectrumPeer implements Peer {
  readonly kind = electrum;
  readonly name: string;
  id = '';
  private readonly process: ElectrumProcess;
  /** Commitment transactions that it remembers, by channel id. */
  private readonly old = new Map<string, string>();
  /** How payments of its failed, by payment hash. */
  private readonly failures = new Map<string, PeerFailure>();

  constructor(process: ElectrumProcess, name: string) {
    this.process = process;
    this.name = name;
  }

  get address(): Address {
    return { id: this.id, host: '127.0.0.1', port: this.process.port };
  }

  get commandLine(): CommandLine {
    const { program, dir } = this.process;
    const examples = ['electrum add_request 0.0005 -m tea', 'electrum lnpay lnbcrt…', 'electrum list_channels'];
    return { name: 'electrum', words: [program, '--regtest', '-D', dir], examples };
  }

  logTail(lines?: number): string {
    return this.process.logTail(lines);
  }

  async reach(height: number): Promise<void> {
    await until(`${this.name} to reach block ${height}`, async () => {
      const { blockchain_height: reached } = await this.process.info();
      return reached >= height && (await this.process.call('is_synchronized', z.boolean())) ? true : undefined;
    });
  }

  newAddress(): Promise<string> {
    return this.process.call('createnewaddress', z.string());
  }

  async hasCoins(count: number): Promise<void> {
    const coins = z.array(z.object({ height: z.number() }));
    await until(`${this.name} to have ${count} coins`, async () =>
      (await this.process.call('listunspent', coins)).filter(({ height }) => height > 0).length >= count
        ? true
        : undefined,
    );
  }

  async connect({ id, host, port }: Address): Promise<void> {
    await this.process.call('add_peer', nothing, [`${id}@${host}:${port}`]);
  }

  disconnect(): Promise<never> {
    return refusal('disconnecting');
  }

  async peers(): Promise<readonly string[]> {
    const rows = z.array(z.object({ node_id: z.string(), initialized: z.boolean() }));
    const list = await this.process.call('list_peers', rows);
    return list.filter(({ initialized }) => initialized).map(({ node_id }) => node_id);
  }

  private async rows() {
    return (await this.process.call('list_channels', channels)).filter(({ type }) => type === 'CHANNEL');
  }

  private async row(channelId: string) {
    const found = (await this.rows()).find((one) => one.channel_id === channelId);
    if (found === undefined) throw new Error(`${this.name} has no channel ${channelId}`);
    return found;
  }

  async open(id: string, { sat, pushMsat = 0n }: OpenTerms): Promise<string> {
    const given = { connection_string: id, amount: btc(sat), push_amount: btc(pushMsat / 1000n) };
    const point = await this.process.call('open_channel', z.string(), given);
    return until(
      `${this.name} to list the channel`,
      async () => (await this.rows()).find((one) => one.channel_point === point)?.channel_id,
    );
  }

  async channels(): Promise<readonly PeerChannel[]> {
    return (await this.rows())
      .filter(({ state }) => !gone.includes(state))
      .map((one) => {
        const [txid = '', vout = '0'] = one.channel_point.split(':');
        const underWay = one.local_unsettled_sent + one.remote_unsettled_sent;
        return {
          channelId: one.channel_id,
          funding: { txid, vout: Number(vout) },
          capacitySat: BigInt(one.local_balance + one.remote_balance + underWay),
          usable: one.state === 'OPEN' && one.peer_state === 'GOOD',
          anchors: false,
          htlcs: underWay > 0 ? 1 : 0,
          theirSat: BigInt(one.remote_balance),
        };
      });
  }

  async invoice(amountMsat: bigint): Promise<PeerInvoice> {
    if (amountMsat % 1000n !== 0n) return refusal('millisatoshi invoices');
    const given = { amount: btc(amountMsat / 1000n), memo: 'biscuits', force: true };
    const { lightning_invoice: bolt11, rhash: paymentHash } = await this.process.call('add_request', request, given);
    return { bolt11, paymentHash };
  }

  async pay(bolt11: string): Promise<PeerPaid> {
    const { success, payment_hash: paymentHash, preimage, log } = await this.process.call('lnpay', paid, [bolt11]);
    const [, place, name] = log.at(-1) ?? [];
    if (name !== undefined) this.failures.set(paymentHash, { isFinal: place === payee, isOnWay: place !== nobody });
    if (!success) throw new Error(`${this.name} could not pay: ${JSON.stringify(log)}`);
    const feeMsat = BigInt((await this.entry(paymentHash))?.fee_msat ?? 0);
    return { paymentHash, feeMsat, ...(preimage !== null && { preimage }) };
  }

  async failure(paymentHash: string): Promise<PeerFailure | undefined> {
    return this.failures.get(paymentHash);
  }

  private async entry(paymentHash: string) {
    return (await this.process.call('lightning_history', history)).find((one) => one.payment_hash === paymentHash);
  }

  keysend(): Promise<never> {
    return refusal('keysend');
  }

  async received(paymentHash: string): Promise<PeerReceived | undefined> {
    const found = await this.entry(paymentHash);
    return found && { amountMsat: BigInt(found.amount_msat) };
  }

  async holdInvoice(amountMsat: bigint): Promise<PeerInvoice> {
    await this.process.call('enable_htlc_settle', nothing, [false]);
    return this.invoice(amountMsat);
  }

  /** It takes a payment for paid as soon as it could take it. */
  async isHeld(paymentHash: string): Promise<void> {
    await until(`a payment to wait at ${this.name}`, async () =>
      (await this.process.call('get_request', request, [paymentHash])).status_str === 'Paid' ? true : undefined,
    );
  }

  async settle(): Promise<void> {
    await this.process.call('enable_htlc_settle', nothing, [true]);
  }

  /** One that is yet to come: it forgets the invoice. */
  async refuse(paymentHash: string): Promise<void> {
    await this.process.call('delete_request', nothing, [paymentHash]);
  }

  async close(channelId: string): Promise<void> {
    await this.process.call('close_channel', nothing, [(await this.row(channelId)).channel_point]);
  }

  async forceClose(channelId: string): Promise<void> {
    await this.process.call('close_channel', nothing, [(await this.row(channelId)).channel_point, true]);
  }

  feerate(): Promise<never> {
    return refusal('update_fee');
  }

  async graph(): Promise<readonly { scid: string; directions: number }[]> {
    const { channels: known } = await this.process.call('dumpgraph', graph);
    return known.map(({ short_channel_id: id, policy1, policy2 }) => ({
      scid: scidOf(id),
      directions: [policy1, policy2].filter((one) => one !== null).length,
    }));
  }

  async scripts(): Promise<readonly string[]> {
    const addresses = await this.process.call('listaddresses', z.array(z.string()));
    return addresses.map((address) => hex(scriptOfAddress(address, networkOf('regtest'))));
  }

  async remembering(something: () => Promise<void>): Promise<void> {
    await something();
    for (const { channel_id, channel_point, state } of await this.rows()) {
      if (gone.includes(state)) continue;
      this.old.set(channel_id, await this.process.call('get_channel_ctx', z.string(), [channel_point, true]));
    }
  }

  async publishOld(channelId: string): Promise<void> {
    await this.process.call('broadcast', nothing, [this.old.get(channelId)]);
  }

  kill(): Promise<void> {
    return this.process.kill();
  }

  async restart(): Promise<void> {
    await this.process.start();
  }

  stop(): Promise<void> {
    return this.process.stop();
  }

  /** Starts one that has read the chain. */
  static async start({ name, dir, bitcoind }: PeerOptions): Promise<ElectrumPeer> {
    const program = findElectrum();
    if (program === undefined) throw new Error(noElectrum);
    const serverProgram = await installElectrumx((line) => console.log(line));
    const options = { program, serverProgram, dir: join(dir, name), bitcoind };
    const started = new ElectrumPeer(await ElectrumProcess.start(options), name);
    const [id = ''] = (await started.process.call('nodeid', z.string())).split('@');
    started.id = id;
    return started;
  }
}

export const electrum: Kind = {
  name: 'Electrum',
  cannot,
  feerate: 45_000n,
  // It makes one or two a second.
  payments: 25,
  chain: ['-txindex=1'],
  missing: async () => {
    if (process.env['BITCOIND'] === embeddedName)
      return 'the server that Electrum needs wants a bitcoind, and BITCOIND asks for the embedded chain';
    if (findElectrum() === undefined) return noElectrum;
    try {
      await installElectrumx((line) => console.log(line));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  },
  version: async () => (await runToEnd([findElectrum() ?? '', 'version', '--offline'])).out.trim(),
  start: (options) => ElectrumPeer.start(options),
};
