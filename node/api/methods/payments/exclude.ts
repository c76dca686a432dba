/** What a payment is to avoid, as Core Lightning's `pay` takes it: nodes, and channels in one direction (`103x1x0/1`). */
import type { Exclusions } from '../../../../amp/route.ts';
import { equal, hex, unhex } from '../../../../wire/bytes.ts';
import { msat, type Point, point, type ShortChannelId } from '../../../../wire/units.ts';
import { coreOf } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import type { Hint } from '../../../graph/routecontext.ts';
import * as param from '../../params.ts';

type Excluded = { readonly node: Point } | { readonly scid: ShortChannelId; readonly direction: 0 | 1 };

/** Not even the smallest HTLC. */
const NOTHING = msat(0n);
const MOST_EXCLUDED = 1_000;
const EXPECTED = 'a node id, or a short_channel_id and a direction such as 103x1x0/1';

const excludedFrom = (given: unknown): Excluded => {
  if (typeof given !== 'string') throw new RangeError(EXPECTED);
  if (/^0[23][0-9a-fA-F]{64}$/.test(given)) return { node: point(unhex(given)) };
  const [, scid, direction] = /^([^/]+)\/([01])$/.exec(given) ?? [];
  if (scid === undefined) throw new RangeError(EXPECTED);
  return { scid: param.scidFrom(scid), direction: direction === '1' ? 1 : 0 };
};

export const excludeParam = param.many(
  param.param<string, Excluded>('node id|short_channel_id/direction', excludedFrom),
  MOST_EXCLUDED,
);

/** The ends of a channel in the order of their ids: those of the graph, of one of our own, or of a hint of the invoice. */
const endsOf = (
  { graph, channels, keys }: Pick<Node, 'graph' | 'channels' | 'keys'>,
  scid: ShortChannelId,
  hints: readonly Hint[],
): readonly string[] | undefined => {
  const announced = graph.channel(scid);
  if (announced !== undefined) return announced.nodes;
  const entry = channels.byShortId(scid);
  const core = entry && coreOf(entry.machine.state);
  if (core !== undefined) return [hex(keys.nodeId), hex(core.params.peer)].sort();
  const hint = hints.find((one) => one.scid === scid);
  return hint && [hex(hint.from), hex(hint.to)].sort();
};

/** What the payment's machine is told to avoid. A channel that nobody knows is on no route, and left out. */
export const exclusions = (
  node: Pick<Node, 'graph' | 'channels' | 'keys'>,
  given: readonly Excluded[],
  hints: readonly Hint[],
): Exclusions => {
  const nodes = given.flatMap((one) => ('node' in one ? [one.node] : []));
  const excluded = given.flatMap((one): Exclusions['excluded'] => {
    if ('node' in one) return [];
    const end = endsOf(node, one.scid, hints)?.[one.direction];
    if (end === undefined) return [];
    const from = point(unhex(end));
    return [{ scid: one.scid, from: equal(from, node.keys.nodeId) ? undefined : from, atLeast: NOTHING }];
  });
  return { nodes, excluded };
};
