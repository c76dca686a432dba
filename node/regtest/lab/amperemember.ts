/** A node of this program as a member of a lab. */
import { mkdir } from 'node:fs/promises';
import { type Client, ConnectionError, openClient } from '../../api/rpc/client.ts';
import type { CallParams, MethodName, Result } from '../../api/table.ts';
import { program } from '../demo/process.ts';
import { sleep } from '../demo/wait.ts';
import type { LabChain } from './labchain.ts';
import type { LabNode } from './labfile.ts';
import type { Member, MemberChannel, Paid } from './member.ts';
import { runningPid, startDetached, stopProcess } from './processes.ts';

const stopTimeout = 20_000;

/** Variables that would change what a node of the lab is; those of others stay. */
const cleaned = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AMPERE_') || name === 'AMPERE_CRYPTO'));

/** The flags that a node of a lab is started with. */
export const flagsOf = (node: LabNode, { url, cookie }: Pick<LabChain, 'url' | 'cookie'>): readonly string[] => [
  ...['--dir', node.dir, '--network', node.network, '--listen', node.peer, '--api', node.api],
  ...['--bitcoind', url, '--bitcoind-cookie', cookie, '--alias', node.name, ...node.flags],
];

/** What `pay` and `keysend` answer, as a lab tells of it. */
export const paidOf = ({
  scheme,
  amount_sent_msat: sentMsat,
  shards,
}: Pick<Result<'keysend'>, 'scheme' | 'amount_sent_msat' | 'shards'>): Paid => ({
  ...{ scheme, sentMsat },
  parts: (shards ?? [])
    .filter(({ status }) => status === 'complete')
    .map(({ amount_msat: amountMsat, amount_sent_msat: sent, route }) => ({
      ...{ amountMsat, feeMsat: sent - amountMsat },
      nodes: route.map(({ id }) => id),
    })),
});

export class AmpereMember implements Member {
  readonly node: LabNode;
  private readonly socket: string;

  constructor(node: LabNode) {
    this.node = node;
    this.socket = node.socket ?? '';
  }

  /** One call on a connection of its own. Throws CallError, ConnectionError. */
  async call<M extends MethodName>(method: M, params?: CallParams<M>): Promise<Result<M>> {
    const client = await openClient(this.socket);
    try {
      const call = client.call as (method: M, params: CallParams<M> | undefined) => ReturnType<Client['call']>;
      return (await call(method, params)) as Result<M>;
    } finally {
      client.close();
    }
  }

  async start(chain: LabChain): Promise<void> {
    const { name, dir } = this.node;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const command = [process.execPath, program, 'start', ...flagsOf(this.node, chain)];
    await startDetached({ name, dir, command, env: cleaned(process.env) });
  }

  async info() {
    const { id, blockheight: height, warning_starting: starting } = await this.call('getinfo');
    return { id, height, ready: starting === undefined };
  }

  async stop(): Promise<'stopped' | 'killed' | 'was not running'> {
    if ((await runningPid(this.node.dir)) !== undefined) return stopProcess(this.node.dir);
    try {
      await this.call('stop');
    } catch (error) {
      if (error instanceof ConnectionError) return 'was not running';
      throw error;
    }
    for (const end = Date.now() + stopTimeout; Date.now() < end; await sleep(100)) {
      const isUp = await openClient(this.socket).then(
        (client) => {
          client.close();
          return true;
        },
        () => false,
      );
      if (!isUp) break;
    }
    return 'stopped';
  }

  async address(): Promise<string> {
    const { bech32 = '' } = await this.call('newaddr');
    return bech32;
  }

  async coinsSat(): Promise<bigint> {
    const { outputs } = await this.call('listfunds');
    return outputs
      .filter(({ status, reserved }) => status === 'confirmed' && !reserved)
      .reduce((sum, { amount_msat: amount }) => sum + amount / 1000n, 0n);
  }

  async connect(id: string, port: number): Promise<void> {
    await this.call('connect', { id, host: '127.0.0.1', port });
  }

  async open(id: string, capacitySat: bigint, pushSat: bigint): Promise<string> {
    const { txid, outnum } = await this.call('fundchannel', { id, amount: capacitySat, push_msat: pushSat * 1000n });
    return `${txid}:${outnum}`;
  }

  async setFees({ scid }: MemberChannel, feebase: number | undefined, feeppm: number | undefined): Promise<void> {
    if (scid === undefined) return;
    await this.call('setchannel', {
      id: scid,
      ...(feebase !== undefined && { feebase: BigInt(feebase) }),
      ...(feeppm !== undefined && { feeppm }),
      enforcedelay: 0,
    });
  }

  async channels(): Promise<readonly MemberChannel[]> {
    const { channels } = await this.call('listpeerchannels');
    return channels.map((one) => ({
      funding: `${one.funding_txid}:${one.funding_outnum}`,
      scid: one.short_channel_id,
      peer: one.peer_id,
      capacitySat: one.total_msat / 1000n,
      oursMsat: one.to_us_msat,
      usable: one.state === 'CHANNELD_NORMAL' && one.peer_connected && one.reestablished === true,
      state: one.state,
    }));
  }

  async edges(): Promise<ReadonlySet<string>> {
    const { channels } = await this.call('listchannels');
    // What a node can read is in its own announcement.
    const { nodes } = await this.call('listnodes');
    const announced = new Set(nodes.flatMap(({ nodeid, features }) => (features === undefined ? [] : [nodeid])));
    return new Set(
      channels
        .filter(({ active, source }) => active && announced.has(source))
        .map(({ short_channel_id: scid, source }) => `${scid}/${source}`),
    );
  }

  async invoice(amountMsat: bigint): Promise<string> {
    const label = `lab ${new Date().toISOString()} ${Math.floor(performance.now() * 1000)}`;
    return (await this.call('invoice', { amount_msat: amountMsat, label, description: 'from the lab' })).bolt11;
  }

  async pay(bolt11: string): Promise<Paid> {
    return paidOf(await this.call('pay', { bolt11 }));
  }
}
