/** The network as all nodes of the page know it together: nodes, and channels with both ends. Plain values, no drawing. */
import type { ChannelRow, InfoRow } from './rows.ts';

/** The most that is drawn: beyond that nobody sees anything, and a browser gets slow. */
export const mostNodes = 60;
export const mostEdges = 160;

/** A node that the page can ask. */
export interface OwnNode {
  readonly name: string;
  readonly there: boolean;
  readonly info: InfoRow | undefined;
  readonly channels: readonly ChannelRow[];
}

export interface NodeView {
  readonly id: string;
  readonly label: string;
  /** The name by which the page asks it; undefined for a node of somebody else. */
  readonly own: string | undefined;
  readonly there: boolean;
}

export interface ChannelView {
  readonly id: string;
  /** Node ids. */
  readonly a: string;
  readonly b: string;
  readonly scid: string | undefined;
  readonly state: string;
  readonly usable: boolean;
  readonly total: bigint;
  /** What is a's, and what is b's, msat; the rest is in flight. */
  readonly ofA: bigint;
  readonly ofB: bigint;
  readonly htlcs: number;
  /** What each of its ends that the page can ask says of it, by the name of the node. */
  readonly rows: ReadonlyMap<string, ChannelRow>;
}

export interface Network {
  readonly nodes: readonly NodeView[];
  readonly channels: readonly ChannelView[];
  /** How many are left out. */
  readonly hiddenNodes: number;
  readonly hiddenChannels: number;
}

const worth = (amount: number | string): bigint => BigInt(amount);
const atLeast0 = (n: bigint): bigint => (n < 0n ? 0n : n);

/** A channel as its ends say; `a` is the end that stands first among our nodes, `order`. */
const viewOf = (
  rows: ReadonlyMap<string, ChannelRow>,
  idOf: ReadonlyMap<string, string>,
  order: readonly string[],
): ChannelView | undefined => {
  const [first] = rows;
  if (first === undefined) return undefined;
  const [owner, row] = first;
  const us = idOf.get(owner) ?? '';
  const theirs = order.indexOf(row.peer_id);
  const [a, b] = theirs < 0 || order.indexOf(us) < theirs ? [us, row.peer_id] : [row.peer_id, us];
  const total = worth(row.total_msat);
  const inFlight = row.htlcs.reduce((sum, { amount_msat }) => sum + worth(amount_msat), 0n);
  const ofUs = worth(row.to_us_msat);
  const other = [...rows].find(([name]) => name !== owner)?.[1];
  const ofThem = other === undefined ? atLeast0(total - ofUs - inFlight) : worth(other.to_us_msat);
  return {
    ...{ id: row.channel_id, a, b, scid: row.short_channel_id, state: row.state, total },
    usable: [...rows.values()].every((one) => one.state === 'CHANNELD_NORMAL' && one.peer_connected),
    ofA: us === a ? ofUs : ofThem,
    ofB: us === a ? ofThem : ofUs,
    htlcs: row.htlcs.length,
    rows,
  };
};

/** Puts together what the nodes say. `aliases` are names of nodes of others, by id. */
export const networkOf = (own: readonly OwnNode[], aliases: ReadonlyMap<string, string>): Network => {
  const idOf = new Map(own.flatMap(({ name, info }) => (info === undefined ? [] : [[name, info.id] as const])));
  const order = [...idOf.values()];
  const byChannel = new Map<string, Map<string, ChannelRow>>();
  for (const { name, channels } of own) {
    if (!idOf.has(name)) continue;
    for (const row of channels) {
      const rows = byChannel.get(row.channel_id) ?? new Map<string, ChannelRow>();
      byChannel.set(row.channel_id, rows.set(name, row));
    }
  }
  const all = [...byChannel.values()].flatMap((rows) => viewOf(rows, idOf, order) ?? []);
  const bySize = all.toSorted((x, y) => (x.total === y.total ? 0 : x.total > y.total ? -1 : 1));
  const nodes = new Map<string, NodeView>();
  for (const { name, info, there } of own)
    if (info !== undefined) nodes.set(info.id, { id: info.id, label: info.alias, own: name, there });
  const everybody = new Set([...nodes.keys(), ...all.flatMap(({ a, b }) => [a, b])]);
  const channels: ChannelView[] = [];
  for (const channel of bySize) {
    const strange = [channel.a, channel.b].filter((id) => !nodes.has(id));
    if (channels.length >= mostEdges || nodes.size + strange.length > mostNodes) continue;
    for (const id of strange)
      nodes.set(id, { id, label: aliases.get(id) ?? `${id.slice(0, 8)}…`, own: undefined, there: true });
    channels.push(channel);
  }
  return {
    nodes: [...nodes.values()],
    channels,
    hiddenNodes: everybody.size - nodes.size,
    hiddenChannels: all.length - channels.length,
  };
};
