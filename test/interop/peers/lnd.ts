/** lnd as one of the peers that the suite of cases runs over: built from its Go module, or the one on the PATH. */

import { dirname, join } from 'node:path';
import { z } from 'zod';
import { systemEntropy } from '../../../node/base/entropy.ts';
import { embeddedName } from '../../../node/regtest/demo/chain.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { deployedAmp, send, sendAmount } from './lndamp.ts';
import { channels, graph, invoice, nothing, transactions } from './lndanswers.ts';
import { noGo } from './lndbuild.ts';
import { base64, findLnd, hexOf, LndProcess, versionOf } from './lndprocess.ts';
import type {
  Address,
  Cannot,
  CloseTerms,
  CommandLine,
  DeployedAmp,
  Kind,
  OpenTerms,
  Peer,
  PeerChannel,
  PeerInvoice,
  PeerOptions,
  PeerPaid,
  PeerReceived,
} from './peer.ts';

const cannot = {
  update_fee:
    'lnd looks at the feerate of its commitments 10 to 60 minutes after each connection, a constant that no option and no call of it changes',
} as const satisfies Cannot;

/** sat per virtual byte for channels it opens, and its record type for a preimage in a payment without an invoice. */
const fundingFeerate = '2';
const keysendRecord = 5482373484;
/** Weight units to a virtual byte. */
const wuPerVbyte = 4;

/** A channel's id from `TXID:OUTPUT` of its funding: the output's number laid over the end of the txid (BOLT 2). */
const channelIdOf = (point: string): string => {
  const [txid = '', vout = '0'] = point.split(':');
  const id = unhex(txid).reverse();
  const view = new DataView(id.buffer, id.byteOffset);
  view.setUint16(30, view.getUint16(30) ^ Number(vout));
  return hex(id);
};

const scidOf = (text: string): string => {
  const id = BigInt(text);
  return `${id >> 40n}x${(id >> 16n) & 0xffffffn}x${id & 0xffffn}`;
};

/** Of how many directions of a channel lnd knows the terms. */
const directionsOf = ({ node1_policy: one, node2_policy: two }: z.output<typeof graph>['edges'][number]): number =>
  [one, two].filter((row) => row !== undefined && row !== null).length;

class LndPeer implements Peer {
  readonly kind = lnd;
  readonly name: string;
  id = '';
  readonly amp: DeployedAmp;
  private readonly lnd: LndProcess;
  private readonly anchors: boolean;
  private readonly scidAlias: boolean;
  /** Preimages of invoices whose payments wait, by payment hash. */
  private readonly preimages = new Map<string, Uint8Array>();

  constructor(process: LndProcess, { name, anchors = true, scidAlias = false }: PeerOptions) {
    this.lnd = process;
    this.name = name;
    this.anchors = anchors;
    this.scidAlias = scidAlias;
    this.amp = deployedAmp(process);
  }

  get address(): Address {
    return { id: this.id, host: '127.0.0.1', port: this.lnd.port };
  }

  get commandLine(): CommandLine {
    const { program, dir, rpcPort } = this.lnd;
    const words = [
      join(dirname(program), 'lncli'),
      `--lnddir=${dir}`,
      `--rpcserver=127.0.0.1:${rpcPort}`,
      '--network=regtest',
    ];
    const examples = ['lncli addinvoice 50000', 'lncli payinvoice --force lnbcrt…', 'lncli listchannels'];
    return { name: 'lncli', words, examples };
  }

  logTail(lines?: number): string {
    return this.lnd.logTail(lines);
  }

  async reach(height: number): Promise<void> {
    await until(`lnd to reach block ${height}`, async () => {
      const { block_height: reached, synced_to_chain: ready } = await this.lnd.info();
      return reached >= height && ready ? true : undefined;
    });
  }

  async newAddress(): Promise<string> {
    return (await this.lnd.call('/v1/newaddress?type=0', z.object({ address: z.string() }))).address;
  }

  async hasCoins(count: number): Promise<void> {
    const coins = z.object({ utxos: z.array(z.unknown()) });
    await until(`lnd to have ${count} coins`, async () =>
      (await this.lnd.call('/v2/wallet/utxos', coins, { body: { min_confs: 1, max_confs: 1_000_000 } })).utxos.length >=
      count
        ? true
        : undefined,
    );
  }

  async connect({ id, host, port }: Address): Promise<void> {
    if ((await this.peers()).includes(id)) return;
    const body = { addr: { pubkey: id, host: `${host}:${port}` }, perm: false, timeout: '20' };
    await this.lnd.call('/v1/peers', nothing, { body });
  }

  async disconnect(id: string): Promise<void> {
    await this.lnd.call(`/v1/peers/${id}`, nothing, { method: 'DELETE' });
  }

  async peers(): Promise<readonly string[]> {
    const list = z.object({ peers: z.array(z.object({ pub_key: z.string() })) });
    return (await this.lnd.call('/v1/peers', list)).peers.map(({ pub_key }) => pub_key);
  }

  async open(id: string, terms: OpenTerms): Promise<string> {
    const { sat: amount, pushMsat = 0n, announce = true, anchors = this.anchors } = terms;
    const opened = z.object({ funding_txid_bytes: z.string(), output_index: z.number() });
    const body = {
      node_pubkey: base64(unhex(id)),
      local_funding_amount: String(amount),
      push_sat: String(pushMsat / 1000n),
      sat_per_vbyte: fundingFeerate,
      private: !announce,
      commitment_type: anchors ? 'ANCHORS' : 'STATIC_REMOTE_KEY',
      scid_alias: this.scidAlias && !announce,
    };
    const point = await this.lnd.call('/v1/channels', opened, { body });
    const txid = hex(unhex(hexOf(point.funding_txid_bytes)).reverse());
    return channelIdOf(`${txid}:${point.output_index}`);
  }

  private async rows() {
    return (await this.lnd.call('/v1/channels', channels)).channels;
  }

  /**
   * Channels that its payments and invoices know: by none does one leave before lnd has written it, and its terms, to its graph, and of none
   * does an invoice have a hint before lnd knows what the other side asks.
   */
  private async known(): Promise<ReadonlySet<string>> {
    const { edges } = await this.lnd.call('/v1/graph?include_unannounced=true', graph);
    const own = edges.filter((one) => directionsOf(one) === 2);
    return new Set(own.map(({ channel_id }) => channel_id));
  }

  async channels(): Promise<readonly PeerChannel[]> {
    const known = await this.known();
    return (await this.rows()).map((one) => {
      const [txid = '', vout = '0'] = one.channel_point.split(':');
      const anchors = one.commitment_type === 'ANCHORS';
      // Its own side lacks what it pays for the commitment where it is the opener; so does the other side's where that is.
      const theirSat = one.initiator ? one.remote_balance : one.capacity - one.local_balance;
      return {
        channelId: channelIdOf(one.channel_point),
        funding: { txid, vout: Number(vout) },
        capacitySat: one.capacity,
        usable: one.active && known.has(one.chan_id),
        anchors,
        htlcs: one.pending_htlcs.length,
        theirSat,
      };
    });
  }

  async invoice(amountMsat: bigint): Promise<PeerInvoice> {
    const made = z.object({ payment_request: z.string(), r_hash: z.string() });
    const body = { value_msat: String(amountMsat), memo: 'biscuits', private: true };
    const { payment_request: bolt11, r_hash } = await this.lnd.call('/v1/invoices', made, { body });
    return { bolt11, paymentHash: hexOf(r_hash) };
  }

  pay(bolt11: string, amountMsat?: bigint): Promise<PeerPaid> {
    return amountMsat === undefined
      ? send(this.lnd, { payment_request: bolt11, max_parts: 16 })
      : sendAmount(this.lnd, bolt11, amountMsat);
  }

  keysend(id: string, amountMsat: bigint, records: Readonly<Record<number, string>> = {}): Promise<PeerPaid> {
    const preimage = systemEntropy.bytes(32);
    return send(this.lnd, {
      dest: base64(unhex(id)),
      amt_msat: String(amountMsat),
      payment_hash: base64(sha256(preimage)),
      dest_custom_records: Object.fromEntries([
        [keysendRecord, base64(preimage)],
        ...Object.entries(records).map(([type, value]) => [type, base64(unhex(value))]),
      ]),
    });
  }

  async received(paymentHash: string): Promise<PeerReceived | undefined> {
    const { state, amt_paid_msat: amountMsat, htlcs } = await this.lnd.call(`/v1/invoice/${paymentHash}`, invoice);
    const parts = htlcs.filter((one) => one.state === 'SETTLED').length;
    const records = htlcs.flatMap(({ custom_records: own }) =>
      Object.entries(own).map(([type, value]) => [type, hexOf(value)]),
    );
    return state === 'SETTLED' ? { amountMsat, parts, records: Object.fromEntries(records) } : undefined;
  }

  async holdInvoice(amountMsat: bigint): Promise<PeerInvoice> {
    const preimage = systemEntropy.bytes(32);
    const hash = sha256(preimage);
    const made = z.object({ payment_request: z.string() });
    const body = { hash: base64(hash), value_msat: String(amountMsat), memo: 'held', private: true, cltv_expiry: '60' };
    const { payment_request: bolt11 } = await this.lnd.call('/v2/invoices/hodl', made, { body });
    this.preimages.set(hex(hash), preimage);
    return { bolt11, paymentHash: hex(hash) };
  }

  async isHeld(paymentHash: string): Promise<void> {
    await until(`a payment to wait at ${this.name}`, async () =>
      (await this.lnd.call(`/v1/invoice/${paymentHash}`, invoice)).state === 'ACCEPTED' ? true : undefined,
    );
  }

  async settle(paymentHash: string): Promise<void> {
    const preimage = base64(this.preimages.get(paymentHash) ?? new Uint8Array());
    await this.lnd.call('/v2/invoices/settle', nothing, { body: { preimage } });
  }

  async refuse(paymentHash: string): Promise<void> {
    await this.lnd.call('/v2/invoices/cancel', nothing, { body: { payment_hash: base64(unhex(paymentHash)) } });
  }

  private async closing(channelId: string, query: string): Promise<void> {
    const found = (await this.channels()).find((one) => one.channelId === channelId);
    if (found === undefined) throw new Error(`${this.name} has no channel ${channelId}`);
    const { txid, vout } = found.funding;
    // A stream that ends with the closing in a block; its first line says that the closing is out.
    await this.lnd.call(`/v1/channels/${txid}/${vout}?${query}`, nothing, { method: 'DELETE', first: true });
  }

  async close(channelId: string, { perKw, address }: CloseTerms = {}): Promise<void> {
    const rate = perKw === undefined ? '' : `&sat_per_vbyte=${Math.ceil((perKw * wuPerVbyte) / 1000)}`;
    const script = address === undefined ? '' : `&delivery_address=${address}`;
    await this.closing(channelId, `no_wait=true${rate}${script}`);
  }

  async forceClose(channelId: string): Promise<void> {
    await this.closing(channelId, 'force=true');
  }

  feerate(): Promise<never> {
    return Promise.reject(new Error(cannot.update_fee));
  }

  async graph(): Promise<readonly { scid: string; directions: number }[]> {
    const { edges } = await this.lnd.call('/v1/graph', graph);
    return edges.map((one) => ({ scid: scidOf(one.channel_id), directions: directionsOf(one) }));
  }

  async scripts(): Promise<readonly string[]> {
    const { transactions: rows } = await this.lnd.call('/v1/transactions', transactions);
    const outputs = rows.flatMap(({ output_details: details }) => details);
    return outputs.filter(({ is_our_address: own }) => own).map(({ pk_script: script }) => script);
  }

  async remembering(something: () => Promise<void>): Promise<void> {
    await something();
    await this.lnd.kill();
    this.lnd.remember();
    await this.lnd.start();
  }

  async publishOld(channelId: string): Promise<void> {
    await this.lnd.kill();
    this.lnd.forget();
    await this.lnd.start();
    await this.forceClose(channelId);
  }

  kill(): Promise<void> {
    return this.lnd.kill();
  }

  async restart(): Promise<void> {
    await this.lnd.start();
  }

  stop(): Promise<void> {
    return this.lnd.kill(); // its folder goes with the test
  }

  /** Starts one that has read the chain. */
  static async start(program: string, options: PeerOptions): Promise<LndPeer> {
    const { name, dir, bitcoind, scidAlias = false } = options;
    const flags = scidAlias ? ['--protocol.option-scid-alias'] : [];
    const started = new LndPeer(await LndProcess.start({ program, dir: join(dir, name), bitcoind, flags }), options);
    started.id = (await started.lnd.info()).identity_pubkey;
    return started;
  }
}

const program = (): string => {
  const found = findLnd();
  if (found === undefined) throw new Error(noGo);
  return found;
};

export const lnd: Kind = {
  name: 'lnd',
  cannot,
  missing: async () => {
    // The chain that this program brings along does not know all that lnd asks of one.
    if (process.env['BITCOIND'] === embeddedName)
      return 'lnd needs a bitcoind, and BITCOIND asks for the embedded chain';
    return findLnd() === undefined ? noGo : undefined;
  },
  version: () => versionOf(program()),
  start: (options) => LndPeer.start(program(), options),
};
