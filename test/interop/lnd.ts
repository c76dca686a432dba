/** An lnd node in a process of its own, from the test's side: found, started, asked over REST, ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import { freePort, type RunningBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { cacheCandidates } from '../../node/regtest/demo/cache.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { hex, unhex } from '../../wire/bytes.ts';

/** The release that is looked for among the downloads kept between runs. */
const release = 'lnd-0.21.0-beta';

/** The program: one on the PATH, or one put into a cache folder under its release; undefined where there is neither. */
export const findLnd = (env: NodeJS.ProcessEnv = process.env): string | undefined => {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, ...cacheCandidates(env).map((folder) => join(folder, release))]
    .map((folder) => join(folder, 'lnd'))
    .find((path) => existsSync(path));
};

/** What REST gives for an error: of the call, or as the last line of a stream. */
const failed = z.object({ message: z.string() });
const answer = z.union([
  z.object({ error: failed }).transform(({ error }) => ({ error })),
  failed.extend({ code: z.number() }).transform((error) => ({ error })),
  z.object({ result: z.unknown() }).transform(({ result }) => ({ result })),
]);

const info = z.object({ identity_pubkey: z.string(), synced_to_chain: z.boolean(), block_height: z.number() });
const channels = z.object({
  channels: z.array(z.object({ active: z.boolean(), remote_balance: z.string(), pending_htlcs: z.array(z.unknown()) })),
});
const sent = z.object({
  status: z.string(),
  failure_reason: z.string(),
  payment_hash: z.string(),
  htlcs: z.array(z.object({ status: z.string() })),
});
const invoice = z.object({
  state: z.string(),
  amt_paid_msat: z.string(),
  is_amp: z.boolean(),
  is_keysend: z.boolean(),
  htlcs: z.array(z.object({ state: z.string(), custom_records: z.record(z.string(), z.string()) })),
  amp_invoice_state: z.record(z.string(), z.object({ state: z.string(), amt_paid_msat: z.string() })),
});
export type LndInvoice = z.output<typeof invoice>;

const route = z.looseObject({ hops: z.array(z.looseObject({})) });

/** One HTLC of an AMP as a payer of one's own making sends it. */
export interface Shard {
  readonly sat: bigint;
  readonly totalSat: bigint;
  readonly paymentHash: Uint8Array;
  readonly paymentSecret: Uint8Array;
  readonly setId: Uint8Array;
  readonly share: Uint8Array;
  readonly childIndex: number;
}

/** Bytes as REST has them. */
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export interface LndOptions {
  readonly program: string;
  readonly dir: string;
  readonly bitcoind: RunningBitcoind;
}

export class Lnd {
  id = '';
  readonly port: number;
  private readonly restPort: number;
  private readonly dir: string;
  private readonly child: ChildProcess;
  private readonly killNow = (): void => void this.child.kill('SIGKILL');

  private constructor({ program, dir, bitcoind }: LndOptions, [port, rpcPort, restPort]: readonly number[]) {
    this.dir = dir;
    this.port = port ?? 0;
    this.restPort = restPort ?? 0;
    mkdirSync(dir, { recursive: true });
    const log = openSync(join(dir, 'log'), 'a', 0o600);
    const flags = [
      `--lnddir=${dir}`,
      '--bitcoin.regtest',
      '--bitcoin.node=bitcoind',
      `--bitcoind.rpchost=${bitcoind.host}:${bitcoind.port}`,
      `--bitcoind.rpcuser=${bitcoind.user}`,
      `--bitcoind.rpcpass=${bitcoind.password}`,
      '--bitcoind.rpcpolling',
      '--bitcoind.blockpollinginterval=200ms',
      '--bitcoind.txpollinginterval=200ms',
      '--noseedbackup',
      '--accept-amp',
      '--accept-keysend',
      '--trickledelay=50',
      '--bitcoin.defaultchanconfs=3',
      `--listen=127.0.0.1:${this.port}`,
      `--rpclisten=127.0.0.1:${rpcPort}`,
      `--restlisten=127.0.0.1:${this.restPort}`,
    ];
    this.child = spawn(program, flags, { stdio: ['ignore', log, log] });
    closeSync(log);
    process.once('exit', this.killNow);
    this.child.once('exit', () => process.removeListener('exit', this.killNow));
  }

  /** Starts one and waits until it has read the chain. Throws TooLate with the end of its log. */
  static async start(options: LndOptions): Promise<Lnd> {
    const lnd = new Lnd(options, [await freePort(), await freePort(), await freePort()]);
    try {
      lnd.id = await until(
        'lnd to be ready',
        async () => {
          const { identity_pubkey: id, synced_to_chain: ready } = await lnd.call('/v1/getinfo', info);
          return ready ? id : undefined;
        },
        { timeout: 90_000, every: 250 },
      );
      return lnd;
    } catch (error) {
      const tail = lnd.logTail();
      await lnd.stop();
      throw new Error(`lnd did not start. Its log ends:\n${tail}`, { cause: error });
    }
  }

  /** The last lines of its log. */
  logTail(lines = 30): string {
    return readFileSync(join(this.dir, 'log'), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** Calls a method: GET, or POST where there is a body. Of a stream it gives the last line. Throws Error with lnd's words. */
  async call<T>(path: string, result: z.ZodType<T>, body?: object): Promise<T> {
    const macaroon = hex(readFileSync(join(this.dir, 'data', 'chain', 'bitcoin', 'regtest', 'admin.macaroon')));
    const text = await new Promise<string>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: this.restPort,
        path,
        method: body === undefined ? 'GET' : 'POST',
        rejectUnauthorized: false, // its certificate is its own
        headers: { 'Grpc-Metadata-macaroon': macaroon },
      };
      const asked = request(options, (response) => {
        let read = '';
        response.setEncoding('utf8').on('data', (more: string) => {
          read += more;
        });
        response.on('end', () => resolve(read));
      });
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
    const last: unknown = JSON.parse(text.trim().split('\n').at(-1) ?? '');
    const { data } = answer.safeParse(last);
    if (data !== undefined && 'error' in data) throw new Error(data.error.message);
    return result.parse(data === undefined ? last : data.result);
  }

  /** Resolves when it has read this block and its wallet has, too. */
  async reach(height: number): Promise<void> {
    await until(`lnd to reach block ${height}`, async () => {
      const { block_height: reached, synced_to_chain: ready } = await this.call('/v1/getinfo', info);
      return reached >= height && ready ? true : undefined;
    });
  }

  /** A new address of its wallet. */
  async address(): Promise<string> {
    return (await this.call('/v1/newaddress?type=0', z.object({ address: z.string() }))).address;
  }

  /** Opens a channel to a peer that is connected. Throws while the wallet is not ready. */
  async open(id: string, sat: bigint, pushSat: bigint): Promise<void> {
    await this.call('/v1/channels', z.unknown(), {
      node_pubkey: base64(unhex(id)),
      local_funding_amount: String(sat),
      push_sat: String(pushSat),
      sat_per_vbyte: '2',
    });
  }

  /** What its peers have in its channels, in satoshi, once so many are usable and no HTLC is under way. */
  async peersHave(count: number): Promise<bigint> {
    return until(`${count} channels of lnd to come to rest`, async () => {
      const all = (await this.call('/v1/channels', channels)).channels;
      const resting = all.filter(({ active, pending_htlcs: htlcs }) => active && htlcs.length === 0);
      if (resting.length !== count) return undefined;
      return all.reduce((sum, { remote_balance: theirs }) => sum + BigInt(theirs), 0n);
    });
  }

  /** Pays, as SendPaymentV2 has it, and says in how many HTLCs. Throws Error with lnd's words for what did not succeed. */
  async pay(given: object): Promise<{ readonly parts: number; readonly paymentHash: string }> {
    const limits = { timeout_seconds: 30, fee_limit_sat: '1000', no_inflight_updates: true };
    const paid = await this.call('/v2/router/send', sent, { ...limits, ...given });
    if (paid.status !== 'SUCCEEDED') throw new Error(paid.failure_reason);
    const parts = paid.htlcs.filter(({ status }) => status === 'SUCCEEDED').length;
    return { parts, paymentHash: paid.payment_hash };
  }

  /** Sends one HTLC to a peer: the preimage in hex, or the code of its failure. */
  async send(id: string, shard: Shard): Promise<string> {
    const found = z.object({ routes: z.tuple([route]) });
    const [way] = (await this.call(`/v1/graph/routes/${id}/${shard.sat}`, found)).routes;
    const mpp = { payment_addr: base64(shard.paymentSecret), total_amt_msat: String(shard.totalSat * 1000n) };
    const amp = { root_share: base64(shard.share), set_id: base64(shard.setId), child_index: shard.childIndex };
    const hops = way.hops.map((hop) => ({ ...hop, tlv_payload: true, mpp_record: mpp, amp_record: amp }));
    const ended = z.object({ preimage: z.string(), failure: z.object({ code: z.string() }).nullable() });
    const given = { payment_hash: base64(shard.paymentHash), route: { ...way, hops } };
    const { preimage, failure } = await this.call('/v2/router/route/send', ended, given);
    return failure?.code ?? hex(Buffer.from(preimage, 'base64'));
  }

  /** Makes an invoice: its bolt11. */
  async invoice(sat: bigint, isAmp = false): Promise<string> {
    const made = z.object({ payment_request: z.string() });
    return (await this.call('/v1/invoices', made, { value: String(sat), is_amp: isAmp })).payment_request;
  }

  /** The invoice made last, also one that a spontaneous payment made. */
  async lastInvoice(): Promise<LndInvoice> {
    const found = z.object({ invoices: z.tuple([invoice]) });
    return (await this.call('/v1/invoices?reversed=true&num_max_invoices=1', found)).invoices[0];
  }

  /** Ends it and resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL'); // its folder goes with the test
    await gone;
  }
}
