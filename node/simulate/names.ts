/** What nodes and channels of a simulation are called where the payment machines and routing want ids: their numbers, written as such. */
import { hex } from '../../wire/bytes.ts';
import { type Point, point, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import type { SimGraph } from './network.ts';

/** Ids that were made, which are asked for again and again. */
const ids: Point[] = [];
const MOST_KNOWN = 100_000;

/** 33 bytes that say the number of a node. They are on no curve: nothing is encrypted. */
export const nodeId = (node: number): Point => {
  const known = ids[node];
  if (known !== undefined) return known;
  const bytes = new Uint8Array(33);
  bytes[0] = 2;
  new DataView(bytes.buffer).setUint32(29, node);
  const id = point(bytes);
  if (node < MOST_KNOWN) ids[node] = id;
  return id;
};

/** The same as 66 hex digits. */
export const nodeKey = (node: number): string => hex(nodeId(node));

/** The number in a node's id. */
export const nodeOf = (id: Uint8Array): number => new DataView(id.buffer, id.byteOffset).getUint32(29);

/** Channels have the numbers from 1 on for short_channel_ids, for 0 means none. */
export const scidOf = (channel: number): ShortChannelId => shortChannelId(BigInt(channel + 1));

/** The direction of a channel that leads away from a node. */
export const directionFrom = ({ start }: SimGraph, scid: ShortChannelId, node: number): number => {
  const channel = Number(scid) - 1;
  return 2 * channel + (start[channel] === node ? 0 : 1);
};

/** The node at the end of a direction. */
export const endOf = ({ start, end }: SimGraph, direction: number): number =>
  ((direction & 1) === 0 ? end : start)[direction >> 1] ?? 0;
