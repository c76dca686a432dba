/** `ampere lab status`: what runs, and what is in the channels. */
import { homedir } from 'node:os';
import { z } from 'zod';
import { type Column, satText, tableLines } from '../../base/table.ts';
import { openRpc } from '../../chain/rpc.ts';
import { rpcOptionsOf } from './labchain.ts';
import type { LabFile } from './labfile.ts';
import type { MemberChannel } from './member.ts';
import { membersOf } from './members.ts';
import { runningPid } from './processes.ts';

export interface NodeStatus {
  readonly name: string;
  readonly kind: 'ampere' | 'lnd';
  readonly id: string | undefined;
  readonly state: 'running' | 'starting' | 'not running';
  readonly pid: number | undefined;
  readonly height: number | undefined;
  readonly coins_sat: bigint | undefined;
  readonly api: string;
  readonly peer: string;
}

export interface ChannelStatus {
  readonly scid: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly capacity_sat: bigint;
  /** msat of the opener and of its peer, as each of them says; undefined where it does not run. */
  readonly from_msat: bigint | undefined;
  readonly to_msat: bigint | undefined;
  readonly usable: boolean;
  readonly state: string;
}

export interface LabStatus {
  readonly dir: string;
  readonly shape: string;
  readonly chain: { readonly version: string; readonly url: string; readonly height: number | undefined };
  readonly nodes: readonly NodeStatus[];
  readonly channels: readonly ChannelStatus[];
}

const heightOf = async (chain: LabFile['chain']): Promise<number | undefined> => {
  const rpc = openRpc({ ...rpcOptionsOf(chain), timeout: 5_000 });
  try {
    return await rpc.call('getblockcount', [], z.number());
  } catch {
    return undefined;
  } finally {
    rpc.close();
  }
};

/** How a lab is now; what does not run is shown as such. */
export const statusOf = async (dir: string, lab: LabFile, env: NodeJS.ProcessEnv): Promise<LabStatus> => {
  const members = [...membersOf(lab, env).values()];
  const lists = new Map<string, readonly MemberChannel[]>();
  const nodes = await Promise.all(
    members.map(async (member): Promise<NodeStatus> => {
      const { name, kind, id, api, peer } = member.node;
      const [pid, info] = await Promise.all([runningPid(member.node.dir), member.info().catch(() => undefined)]);
      const known = { name, kind, pid, api, peer, id: info?.id ?? id };
      if (info?.ready !== true)
        return {
          ...known,
          state: pid === undefined && info === undefined ? 'not running' : 'starting',
          height: info?.height,
          coins_sat: undefined,
        };
      lists.set(name, await member.channels().catch(() => []));
      return {
        ...known,
        state: 'running',
        height: info.height,
        coins_sat: await member.coinsSat().catch(() => undefined),
      };
    }),
  );
  return {
    ...{ dir, shape: lab.shape },
    chain: { version: lab.chain.version, url: lab.chain.url, height: await heightOf(lab.chain) },
    nodes,
    channels: channelsOf(lab, nodes, lists),
  };
};

/** Every channel that a node of the lab shows with another one of it, once, its opener first where the lab opened it. */
const channelsOf = (
  lab: LabFile,
  nodes: readonly NodeStatus[],
  lists: ReadonlyMap<string, readonly MemberChannel[]>,
): readonly ChannelStatus[] => {
  const nameOf = new Map(nodes.flatMap(({ id, name }) => (id === undefined ? [] : [[id, name] as const])));
  const opener = new Map(lab.channels.map(({ funding, from }) => [funding, from]));
  const found = new Map<string, ChannelStatus>();
  for (const [name, list] of lists)
    for (const one of list) {
      const peer = nameOf.get(one.peer);
      if (peer === undefined) continue;
      const from = opener.get(one.funding) ?? found.get(one.funding)?.from ?? name;
      const before = found.get(one.funding);
      const sides = from === name ? { from_msat: one.oursMsat } : { to_msat: one.oursMsat };
      found.set(one.funding, {
        ...{ from, to: from === name ? peer : name, from_msat: undefined, to_msat: undefined },
        ...before,
        ...sides,
        scid: one.scid ?? before?.scid,
        capacity_sat: one.capacitySat,
        usable: one.usable && (before?.usable ?? true) && lists.has(peer),
        state: one.state,
      });
    }
  const order = new Map(lab.channels.map(({ funding }, at) => [funding, at]));
  const place = (funding: string): number => order.get(funding) ?? order.size;
  return [...found].sort(([a], [b]) => place(a) - place(b)).map(([, one]) => one);
};

const sat = (msat: bigint | undefined): string => (msat === undefined ? '' : satText(String(msat)));

const nodeColumns: readonly Column<NodeStatus>[] = [
  { title: 'node', cell: ({ name, kind }) => (kind === 'lnd' && name !== 'lnd' ? `${name} (lnd)` : name) },
  { title: 'state', cell: ({ state }) => state },
  { title: 'pid', cell: ({ pid }) => String(pid ?? ''), right: true },
  { title: 'block', cell: ({ height }) => String(height ?? ''), right: true },
  {
    title: 'coins sat',
    cell: ({ coins_sat: coins }) => sat(coins === undefined ? undefined : coins * 1000n),
    right: true,
  },
  { title: 'peers at', cell: ({ peer }) => peer.replace('127.0.0.1', '') },
  { title: 'API at', cell: ({ api }) => api.replace('127.0.0.1', '') },
];

const channelColumns: readonly Column<ChannelStatus>[] = [
  { title: 'channel', cell: ({ scid }) => scid ?? '' },
  { title: 'between', cell: ({ from, to }) => `${from}–${to}` },
  { title: 'size sat', cell: ({ capacity_sat: capacity }) => sat(capacity * 1000n), right: true },
  { title: 'left', cell: ({ from_msat: ours }) => sat(ours), right: true },
  { title: 'right', cell: ({ to_msat: theirs }) => sat(theirs), right: true },
  {
    title: '',
    cell: ({ usable, state }) => (usable ? '' : /NORMAL|active/.test(state) ? 'not connected' : state.toLowerCase()),
  },
];

const shortPath = (path: string): string =>
  path.startsWith(`${homedir()}/`) ? `~${path.slice(homedir().length)}` : path;

/** The status in lines of at most 80 columns, but for long names. */
export const statusLines = ({ dir, shape, chain, nodes, channels }: LabStatus): readonly string[] => [
  `lab    ${shortPath(dir)} (${shape})`,
  `chain  ${chain.version}`,
  `       ${chain.url}, ${chain.height === undefined ? 'not running' : `block ${chain.height}`}`,
  '',
  ...tableLines(nodeColumns, nodes),
  '',
  ...(channels.length === 0 ? ['no channels'] : tableLines(channelColumns, channels)),
];
