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

/** Draws payments between nodes that have channels. Throws RangeError where there are not two of those. */
export const drawOrders = (graph: SimGraph, wish: OrderWish, random: Random): readonly SimOrder[] => {
  const { count, least, most, rate } = wish;
  const connected = connectedNodes(graph);
  const [payers, payees] = [wish.payers ?? connected, wish.payees ?? connected];
  if (payers.length === 0 || payees.length === 0 || (payers.length === 1 && payees.every((node) => node === payers[0])))
    throw new RangeError('a payment needs two nodes that have channels');
  let at = 0;
  return Array.from({ length: count }, () => {
    const amount = Math.max(1, Math.round(least * (most / least) ** random.next()));
    if (rate !== undefined) at += random.exponential(1000 / rate);
    const payer = payers[random.below(payers.length)] ?? 0;
    let payee = payer;
    while (payee === payer) payee = payees[random.below(payees.length)] ?? 0;
    return { payer, payee, amount, at: rate === undefined ? undefined : at };
  });
};
