/** Which payments there are to be: who pays whom, how much, and when. */
import type { SimGraph } from './network.ts';
import type { Random } from './random.ts';

/** One payment to be made. */
export interface SimOrder {
  readonly payer: number;
  readonly payee: number;
  /** Msat. */
  readonly amount: number;
  /** When it begins, in milliseconds; undefined: once the one before has ended. */
  readonly at: number | undefined;
}

export interface OrderWish {
  readonly count: number;
  /** Smallest and largest amount, in msat; between them all ratios are as likely. */
  readonly least: number;
  readonly most: number;
  /** Payments that begin in a second, by chance; undefined: one after the other. */
  readonly rate: number | undefined;
  /** The only nodes that pay, and that are paid; all that have a channel where absent. */
  readonly payers?: readonly number[] | undefined;
  readonly payees?: readonly number[] | undefined;
}

/** Nodes that have a channel they could pay by. */
export const connectedNodes = ({ nodes, channels, start, end, capacity }: SimGraph): readonly number[] => {
  const has = new Uint8Array(nodes);
  for (let channel = 0; channel < channels; channel++)
    if ((capacity[channel] ?? 0) > 0) {
      has[start[channel] ?? 0] = 1;
      has[end[channel] ?? 0] = 1;
    }
  return Array.from(has.keys()).filter((node) => has[node] === 1);
};

/** Times the amount that the channels of a payer have in sum, and those by which its payee can be reached; and draws for a node that does. */
const ROOM = 2;
const DRAWS = 50;

/** By node, in msat: the capacity of its channels, and of those that lead to it. */
const capacitiesOf = ({ nodes, channels, start, end, capacity, disabled }: SimGraph) => {
  const [own, into] = [new Float64Array(nodes), new Float64Array(nodes)];
  const add = (sums: Float64Array, node: number, amount: number): void => {
    sums[node] = (sums[node] ?? 0) + amount;
  };
  for (let channel = 0; channel < channels; channel++) {
    const msats = (capacity[channel] ?? 0) * 1000;
    const [one, other] = [start[channel] ?? 0, end[channel] ?? 0];
    add(own, one, msats);
    add(own, other, msats);
    if (disabled[2 * channel] !== 1) add(into, other, msats);
    if (disabled[2 * channel + 1] !== 1) add(into, one, msats);
  }
  return { own, into };
};

/**
 * Draws payments between nodes that have channels, of which those of the payer and those that lead to the payee have twice the amount in
 * sum, as far as such nodes are easily found. Throws RangeError where there are not two nodes with channels.
 */
export const drawOrders = (graph: SimGraph, wish: OrderWish, random: Random): readonly SimOrder[] => {
  const { count, least, most, rate } = wish;
  const connected = connectedNodes(graph);
  const payees = wish.payees ?? connected;
  // Who alone is paid does not pay.
  const only = new Set(payees).size === 1 ? payees[0] : undefined;
  const payers = (wish.payers ?? connected).filter((node) => node !== only);
  if (payers.length === 0 || payees.length === 0 || payees.every((node) => payers.every((other) => other === node)))
    throw new RangeError('a payment needs two nodes that have channels');
  const { own, into } = capacitiesOf(graph);
  const drawn = (from: readonly number[], capacities: Float64Array, amount: number, not?: number): number => {
    let node = not ?? 0;
    for (let tries = 0; tries < DRAWS || node === not; tries++) {
      node = from[random.below(from.length)] ?? 0;
      if (node !== not && (capacities[node] ?? 0) >= ROOM * amount) break;
    }
    return node;
  };
  let at = 0;
  return Array.from({ length: count }, () => {
    const amount = Math.max(1, Math.round(least * (most / least) ** random.next()));
    if (rate !== undefined) at += random.exponential(1000 / rate);
    const payer = drawn(payers, own, amount);
    return { payer, payee: drawn(payees, into, amount, payer), amount, at: rate === undefined ? undefined : at };
  });
};
