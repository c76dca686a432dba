/** An lnd as a member of a lab: a process, asked over its REST interface. */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import { hex, reversed, unhex } from '../../../wire/bytes.ts';
import { cacheCandidates } from '../demo/cache.ts';
import { type LabChain, portOf } from './labchain.ts';
import { LabError } from './laberror.ts';
import type { LabNode } from './labfile.ts';
import type { Member, MemberChannel, MemberInfo, Paid } from './member.ts';
import { startDetached, stopProcess } from './processes.ts';

/** The release that is looked for among the downloads that are kept. */
const release = 'lnd-0.21.0-beta';
const callTimeout = 60_000;
/** Characters of the longest answer. */
const longest = 16 * 1024 * 1024;

/** The program: one on the PATH, or one in a cache folder. Throws LabError `no_program`. */
export const lndProgram = (env: NodeJS.ProcessEnv): string => {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const places = [...folders, ...cacheCandidates(env).map((folder) => join(folder, release))];
  const found = places.map((folder) => join(folder, 'lnd')).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new LabError(
    { code: 'no_program', program: 'lnd' },
    `there is no lnd here: neither on the PATH nor as ~/.cache/ampere/${release}/lnd`,
  );
};

/** The macaroon of an lnd in this folder. */
const macaroonIn = (dir: string): string => join(dir, 'data', 'chain', 'bitcoin', 'regtest', 'admin.macaroon');

const failed = z.object({ message: z.string() });
const answer = z.union([
  z.object({ error: failed }).transform(({ error }) => ({ error })),
  failed.extend({ code: z.number() }).transform((error) => ({ error })),
  z.object({ result: z.unknown() }).transform(({ result }) => ({ result })),
]);
const digits = z.string().regex(/^\d{1,20}$/);

const shapes = {
  info: z.object({ identity_pubkey: z.string(), synced_to_chain: z.boolean(), block_height: z.number() }),
  address: z.object({ address: z.string() }),
  balance: z.object({ confirmed_balance: digits }),
  opened: z.object({ funding_txid_bytes: z.string(), output_index: z.number() }),
  channels: z.object({
    channels: z.array(
      z.object({
        ...{ active: z.boolean(), remote_pubkey: z.string(), channel_point: z.string(), chan_id: digits },
        ...{ capacity: digits, local_balance: digits },
      }),
    ),
  }),
  graph: z.object({
    edges: z.array(
      z.object({
        ...{ channel_id: digits, node1_pub: z.string(), node2_pub: z.string() },
        ...{ node1_policy: z.object({}).nullish(), node2_policy: z.object({}).nullish() },
      }),
    ),
  }),
  invoice: z.object({ payment_request: z.string() }),
  sent: z.object({
    ...{ status: z.string(), failure_reason: z.string(), fee_msat: digits, value_msat: digits },
    htlcs: z.array(
      z.object({
        status: z.string(),
        route: z.object({
          total_amt_msat: digits,
          total_fees_msat: digits,
          hops: z.array(z.object({ pub_key: z.string() })),
        }),
      }),
    ),
  }),
} as const;

/** A short_channel_id as people write it, from lnd's number. */
const scidOf = (id: string): string => {
  const n = BigInt(id);
  return `${n >> 40n}x${(n >> 16n) & 0xffffffn}x${n & 0xffffn}`;
};

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export class LndMember implements Member {
  readonly node: LabNode;
  private readonly env: NodeJS.ProcessEnv;

  constructor(node: LabNode, env: NodeJS.ProcessEnv) {
    this.node = node;
    this.env = env;
  }

  async start({ url, cookie }: LabChain): Promise<void> {
    const { name, dir, peer, api, rpc = '' } = this.node;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const flags = [
      ...[`--lnddir=${dir}`, `--alias=${name}`, '--bitcoin.regtest', '--bitcoin.node=bitcoind'],
      ...[`--bitcoind.rpchost=127.0.0.1:${portOf(url)}`, `--bitcoind.rpccookie=${cookie}`, '--bitcoind.rpcpolling'],
      ...['--bitcoind.blockpollinginterval=200ms', '--bitcoind.txpollinginterval=200ms', '--noseedbackup'],
      ...['--accept-amp', '--accept-keysend', '--trickledelay=50', '--bitcoin.defaultchanconfs=3'],
      ...['--maxpendingchannels=20', `--listen=${peer}`, `--rpclisten=${rpc}`, `--restlisten=${api}`],
      ...this.node.flags,
    ];
    await startDetached({ name, dir, command: [lndProgram(this.env), ...flags] });
  }

  /** Calls a method: GET, or POST where there is a body. Of a stream it gives the last line. Throws LabError with lnd's words. */
  private async call<T>(path: string, result: z.ZodType<T>, body?: object): Promise<T> {
    const { dir, api, name } = this.node;
    const [macaroon, certificate] = await Promise.all([readFile(macaroonIn(dir)), readFile(join(dir, 'tls.cert'))]);
    const text = await new Promise<string>((resolve, reject) => {
      const asked = request(
        {
          ...{ host: '127.0.0.1', port: portOf(api), path, method: body === undefined ? 'GET' : 'POST' },
          ...{ ca: certificate, timeout: callTimeout, headers: { 'Grpc-Metadata-macaroon': hex(macaroon) } },
        },
        (response) => {
          let read = '';
          response.setEncoding('utf8').on('data', (more: string) => {
            read += more;
            if (read.length > longest) asked.destroy(new Error('its answer is too long'));
          });
          response.on('end', () => resolve(read));
          response.on('error', reject);
        },
      );
      asked.on('timeout', () => asked.destroy(new Error(`no answer within ${callTimeout / 1000} s`)));
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
    const last: unknown = JSON.parse(text.trim().split('\n').at(-1) ?? '');
    const { data } = answer.safeParse(last);
    if (data !== undefined && 'error' in data)
      throw new LabError({ code: 'refused', by: name }, `${name} (lnd): ${data.error.message}`);
    return result.parse(data === undefined ? last : data.result);
  }

  async info(): Promise<MemberInfo> {
    const {
      identity_pubkey: id,
      synced_to_chain: ready,
      block_height: height,
    } = await this.call('/v1/getinfo', shapes.info);
    return { id, ready, height };
  }

  stop(): Promise<'stopped' | 'killed' | 'was not running'> {
    return stopProcess(this.node.dir);
  }

  async address(): Promise<string> {
    return (await this.call('/v1/newaddress?type=0', shapes.address)).address;
  }

  async coinsSat(): Promise<bigint> {
    return BigInt((await this.call('/v1/balance/blockchain', shapes.balance)).confirmed_balance);
  }

  async connect(id: string, port: number): Promise<void> {
    const addr = { pubkey: id, host: `127.0.0.1:${port}` };
    await this.call('/v1/peers', z.unknown(), { addr, perm: false }).catch((error: unknown) => {
      if (!(error instanceof LabError) || !error.message.includes('already connected')) throw error;
    });
  }

  async open(id: string, capacitySat: bigint, pushSat: bigint): Promise<string> {
    const { funding_txid_bytes: txid, output_index: output } = await this.call('/v1/channels', shapes.opened, {
      node_pubkey: base64(unhex(id)),
      local_funding_amount: String(capacitySat),
      push_sat: String(pushSat),
      sat_per_vbyte: '5',
    });
    return `${hex(reversed(Buffer.from(txid, 'base64')))}:${output}`;
  }

  async setFees({ funding }: MemberChannel, baseMsat = 1000, ppm = 1): Promise<void> {
    const [txid = '', output = '0'] = funding.split(':');
    await this.call('/v1/chanpolicy', z.unknown(), {
      chan_point: { funding_txid_str: txid, output_index: Number(output) },
      ...{ base_fee_msat: String(baseMsat), fee_rate_ppm: ppm, time_lock_delta: 80 },
    });
  }

  async channels(): Promise<readonly MemberChannel[]> {
    const { channels } = await this.call('/v1/channels', shapes.channels);
    return channels.map((one) => ({
      ...{ funding: one.channel_point, scid: scidOf(one.chan_id), peer: one.remote_pubkey, usable: one.active },
      capacitySat: BigInt(one.capacity),
      oursMsat: BigInt(one.local_balance) * 1000n,
      state: one.active ? 'active' : 'inactive',
    }));
  }

  async edges(): Promise<ReadonlySet<string>> {
    const { edges } = await this.call('/v1/graph', shapes.graph);
    return new Set(
      edges.flatMap(({ channel_id: id, node1_pub: one, node2_pub: two, node1_policy, node2_policy }) => [
        ...(node1_policy ? [`${scidOf(id)}/${one}`] : []),
        ...(node2_policy ? [`${scidOf(id)}/${two}`] : []),
      ]),
    );
  }

  async invoice(amountMsat: bigint): Promise<string> {
    return (await this.call('/v1/invoices', shapes.invoice, { value_msat: String(amountMsat) })).payment_request;
  }

  async pay(bolt11: string): Promise<Paid> {
    const sent = await this.call('/v2/router/send', shapes.sent, {
      ...{
        payment_request: bolt11,
        timeout_seconds: 30,
        fee_limit_sat: '10000',
        no_inflight_updates: true,
        max_parts: 16,
      },
    });
    if (sent.status !== 'SUCCEEDED')
      throw new LabError(
        { code: 'refused', by: this.node.name },
        `${this.node.name} (lnd) could not pay: ${sent.failure_reason.replace('FAILURE_REASON_', '').toLowerCase()}`,
      );
    return {
      scheme: 'invoice',
      sentMsat: BigInt(sent.value_msat) + BigInt(sent.fee_msat),
      parts: sent.htlcs
        .filter(({ status }) => status === 'SUCCEEDED')
        .map(({ route }) => ({
          amountMsat: BigInt(route.total_amt_msat) - BigInt(route.total_fees_msat),
          feeMsat: BigInt(route.total_fees_msat),
          nodes: route.hops.map((hop) => hop.pub_key),
        })),
    };
  }
}
