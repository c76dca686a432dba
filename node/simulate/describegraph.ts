/**
 * Reads the graph that lnd writes as JSON (`lncli describegraph`). The file is read piece by piece; numbers are decimal strings, or
 * numbers where they are small. What is malformed is refused with its field; what only carries nothing is left out, and counted.
 */
import { GraphFileError, MOST_CHANNELS } from '../graph/gossmap.ts';
import { eachItem, JsonItemsError } from './jsonitems.ts';
import type { SimGraph } from './network.ts';

/** What of a file is not in its graph, and what the graph has beyond the file's list of nodes. */
export interface ReadNotes {
  /** Channels of a node with itself. */
  readonly loops: number;
  /** Channels without capacity. */
  readonly empty: number;
  /** Channels whose id another one has already. */
  readonly repeated: number;
  /** Nodes of channels that the list of nodes does not have; they are in the graph. */
  readonly unlisted: number;
}

export interface ReadGraph {
  readonly graph: SimGraph;
  readonly notes: ReadNotes;
}

/** Most nodes of a graph. */
export const MOST_NODES = 2 * MOST_CHANNELS;
/** Most sat of a channel: so much in msat is below 2^53, where numbers are exact. */
export const MOST_CAPACITY = 9_000_000_000_000;
const [MOST_U16, MOST_U32, MOST_U64] = [2n ** 16n - 1n, 2n ** 32n - 1n, 2n ** 64n - 1n];

type Fields = Readonly<Record<string, unknown>>;

const asObject = (where: string, value: unknown): Fields => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new GraphFileError(where, 'an object');
  return value as Fields;
};

/** A number of an object: a decimal string, or a whole number. `absent` is what it is where there is none. */
const amountOf = (where: string, fields: Fields, name: string, most: bigint, absent?: bigint): bigint => {
  const value = fields[name] ?? absent;
  const digits =
    typeof value === 'string' ? value : Number.isSafeInteger(value) || typeof value === 'bigint' ? `${value}` : '';
  if (!/^\d{1,20}$/.test(digits) || BigInt(digits) > most)
    throw new GraphFileError(`${where}.${name}`, `a decimal number from 0 to ${most}`);
  return BigInt(digits);
};

const idOf = (where: string, fields: Fields, name: string): string => {
  const value = fields[name];
  if (typeof value !== 'string' || !/^0[23][0-9a-f]{64}$/i.test(value))
    throw new GraphFileError(`${where}.${name}`, 'a node id of 66 hex digits');
  return value.toLowerCase();
};

/** Channels as they are read. */
class Channels {
  readonly start: number[] = [];
  readonly end: number[] = [];
  readonly capacity: number[] = [];
  readonly disabled: number[] = [];
  readonly htlcMinimum: number[] = [];
  readonly htlcMaximum: number[] = [];
  readonly feeBase: number[] = [];
  readonly feeProportional: number[] = [];
  readonly cltvDelta: number[] = [];

  policy(where: string, value: unknown, capacity: number): void {
    const fields = value === null || value === undefined ? undefined : asObject(where, value);
    const { disabled = false } = fields ?? { disabled: true };
    if (typeof disabled !== 'boolean') throw new GraphFileError(`${where}.disabled`, 'true or false');
    const number = (name: string, most: bigint, absent?: bigint): number =>
      fields === undefined ? 0 : Number(amountOf(where, fields, name, most, absent));
    const most = number('max_htlc_msat', MOST_U64, 0n);
    this.disabled.push(disabled ? 1 : 0);
    this.htlcMinimum.push(number('min_htlc', MOST_U64));
    // A node that states none takes what the channel has.
    this.htlcMaximum.push(most === 0 ? capacity * 1000 : Math.min(most, capacity * 1000));
    this.feeBase.push(number('fee_base_msat', MOST_U32));
    this.feeProportional.push(number('fee_rate_milli_msat', MOST_U32));
    this.cltvDelta.push(number('time_lock_delta', MOST_U16));
  }

  graph(ids: readonly string[]): SimGraph {
    return {
      ...{ nodes: ids.length, channels: this.capacity.length, ids },
      ...{ start: Uint32Array.from(this.start), end: Uint32Array.from(this.end) },
      ...{ capacity: Float64Array.from(this.capacity), disabled: Uint8Array.from(this.disabled) },
      ...{ htlcMinimum: Float64Array.from(this.htlcMinimum), htlcMaximum: Float64Array.from(this.htlcMaximum) },
      ...{ feeBase: Float64Array.from(this.feeBase), feeProportional: Float64Array.from(this.feeProportional) },
      cltvDelta: Float64Array.from(this.cltvDelta),
    };
  }
}

/**
 * Reads a file, given in pieces, of at most `mostChannels` channels. A direction without a policy is disabled; one of lnd's light clients that knows no capacity leaves its
 * channel out. Throws GraphFileError.
 */
export const readDescribeGraph = (chunks: Iterable<Uint8Array>, mostChannels = MOST_CHANNELS): ReadGraph => {
  const numbers = new Map<string, number>();
  const channelIds = new Set<string>();
  const channels = new Channels();
  const notes = { loops: 0, empty: 0, repeated: 0, unlisted: 0 };
  const unlisted = new Set<string>();
  const number = (id: string): number => {
    const known = numbers.get(id);
    if (known !== undefined) return known;
    if (numbers.size >= MOST_NODES) throw new GraphFileError('nodes', `at most ${MOST_NODES} nodes`);
    numbers.set(id, numbers.size);
    return numbers.size - 1;
  };

  const edge = (where: string, fields: Fields): void => {
    const id = amountOf(where, fields, 'channel_id', MOST_U64);
    const [from, to] = [idOf(where, fields, 'node1_pub'), idOf(where, fields, 'node2_pub')];
    const capacity = Number(amountOf(where, fields, 'capacity', BigInt(MOST_CAPACITY)));
    if (channelIds.has(`${id}`)) notes.repeated++;
    else if (from === to) notes.loops++;
    else if (capacity === 0) notes.empty++;
    else {
      if (channelIds.size >= mostChannels) throw new GraphFileError('edges', `at most ${mostChannels} channels`);
      channelIds.add(`${id}`);
      for (const node of [from, to]) if (!numbers.has(node)) unlisted.add(node);
      channels.start.push(number(from));
      channels.end.push(number(to));
      channels.capacity.push(capacity);
      channels.policy(`${where}.node1_policy`, fields['node1_policy'], capacity);
      channels.policy(`${where}.node2_policy`, fields['node2_policy'], capacity);
    }
  };

  const seen = new Set<string>();
  try {
    eachItem(chunks, ['nodes', 'edges'], (list, item, place) => {
      const where = `${list}[${place}]`;
      seen.add(list);
      const fields = asObject(where, item);
      if (list === 'edges') edge(where, fields);
      else {
        const id = idOf(where, fields, 'pub_key');
        number(id);
        unlisted.delete(id);
      }
    });
  } catch (error) {
    if (error instanceof JsonItemsError) throw new GraphFileError(error.field, error.expected);
    throw error;
  }
  if (!seen.has('edges')) throw new GraphFileError('edges', 'a list with at least one channel');
  return { graph: channels.graph([...numbers.keys()]), notes: { ...notes, unlisted: unlisted.size } };
};
