/** What a search needs that is not in the graph, with numbers for it: ourselves, a destination, nodes of hints, and their channels. */
import type { RouteQuery } from '../../amp/route.ts';
import type { Point, ShortChannelId } from '../../wire/units.ts';
import type { Balances } from './balances.ts';
import type { CompactGraph } from './compact.ts';
import type { NodeKey } from './graph.ts';
import { improbabilityCost, preferredWeight, probabilityOf, UNIFORM } from './likelihood.ts';
import { keyOfNode, nodeOfKey } from './nodekeys.ts';
import type { RouteContext, Terms } from './routecontext.ts';
import type { ExtraEdge } from './search.ts';

/** What a channel carries, in msat. */
interface Limits {
  readonly ceiling: bigint;
  readonly floor: bigint;
  /** Where its balance is not known. */
  readonly capacity: number | undefined;
}

/** A hint says nothing of a channel's capacity: 10 BTC, in msat, so that only what was learnt counts against it. */
const HINTED_CAPACITY = 1e12;

/** What a hinted channel may carry, in msat: an amount, beside all that other shards of the payment take of it. */
export const hintedCeiling = (amount: bigint): bigint => BigInt(HINTED_CAPACITY) + amount;

export class Extras {
  readonly edges: ExtraEdge[] = [];
  /** The hop that each is, in the same order. */
  readonly hops: { readonly scid: ShortChannelId; readonly terms: Terms | undefined }[] = [];
  private readonly compact: CompactGraph;
  private readonly numbers = new Map<NodeKey, number>();
  private readonly keys: NodeKey[] = [];

  constructor(compact: CompactGraph) {
    this.compact = compact;
  }

  number(key: NodeKey): number {
    const known = this.compact.nodeNumber(key) ?? this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.nodes;
    this.numbers.set(key, number);
    this.keys.push(key);
    return number;
  }

  key(node: number): NodeKey {
    return this.keys[node - this.compact.nodesEnd] ?? this.compact.key(node);
  }

  point(node: number): Point {
    return node < this.compact.nodesEnd ? this.compact.point(node) : nodeOfKey(this.key(node));
  }

  /** One more than the highest number. */
  get nodes(): number {
    return this.compact.nodesEnd + this.keys.length;
  }
}

/** Our outlets and the channels of route hints, as far as a query leaves them. */
export const extrasOf = (context: RouteContext, query: RouteQuery, balances: Balances): Extras => {
  const { source, outlets, hints, penalties, withoutMinimum = false, prior = UNIFORM } = context;
  const { compact } = context.graph;
  const extras = new Extras(compact);
  const us = keyOfNode(source);
  const weight = preferredWeight(context.prefer, query.amount);
  const improbability = (scid: ShortChannelId, from: NodeKey, capacity: number, amount: number): number =>
    improbabilityCost(probabilityOf(prior, capacity, balances.known(scid, from, capacity), amount), weight);
  const add = (
    scid: ShortChannelId,
    from: NodeKey,
    to: NodeKey,
    { ceiling, floor, capacity }: Limits,
    terms: Terms | undefined,
  ): void => {
    extras.hops.push({ scid, terms });
    extras.edges.push({
      ...{ from: extras.number(from), to: extras.number(to), ceiling: Number(ceiling) },
      floor: withoutMinimum ? 0 : Number(floor),
      feeBase: Number(terms?.feeBase ?? 0n),
      feeProportional: terms?.feeProportional ?? 0,
      delay: terms?.cltvExpiryDelta ?? 0,
      more: (amount) =>
        Number(penalties?.of(scid, from, BigInt(amount)) ?? 0n) +
        (capacity === undefined ? 0 : improbability(scid, from, capacity, amount)),
    });
  };
  for (const { scid, peer, spendable, slots, minimum, capacity, terms } of outlets) {
    const ceiling = balances.ceiling(scid, undefined, spendable, slots);
    add(scid, us, keyOfNode(peer), { ceiling, floor: minimum ?? 1n, capacity: capacity && Number(capacity) }, terms);
  }
  for (const hint of hints) {
    const from = keyOfNode(hint.from);
    // A payee next to us names its channel with us: our own channels are outlets, as far as they can be used.
    if (from === us) continue;
    const node = compact.nodeNumber(from);
    // BOLT 7: a node that requires unknown features is not routed through.
    if (node !== undefined && compact.unknownFeature[node] === 1) continue;
    const ceiling = balances.ceiling(hint.scid, from, hintedCeiling(query.amount));
    add(hint.scid, from, keyOfNode(hint.to), { ceiling, floor: 1n, capacity: HINTED_CAPACITY }, hint);
  }
  return extras;
};
