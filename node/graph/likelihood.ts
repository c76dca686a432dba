/**
 * How likely a channel carries an amount, and what that is worth in the choice of a route: everything in plain numbers, amounts in msat
 * below 2^53. What a channel can send is not announced; what is known is its capacity, and what payments learnt from successes and
 * failures. The balance is reckoned with as a random number within those bounds (Pickhardt and Richter 2021, "Optimally Reliable &
 * Cheap Payment Flows on the Lightning Network").
 */

/**
 * How balances are spread before anything is learnt. `uniform`: every balance from nothing to the capacity is as likely as another.
 * `bimodal`: most lie near one of the two ends, within about `scale` msat, since payments that go one way alone drain channels.
 */
export type Prior = { readonly prior: 'uniform' } | { readonly prior: 'bimodal'; readonly scale: number };

export const UNIFORM: Prior = { prior: 'uniform' };

/** What is known of the balance of a channel in one direction: it carries `low` and does not carry `high`, which is more. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** What a payment knows of it: bounds, and what its own HTLCs take, which are reckoned to get through. */
export interface Known extends Bounds {
  readonly inFlight?: number;
}

/** The bounds of a channel of which only its capacity is known. */
export const boundsWithin = (capacity: number): Bounds => ({ low: 0, high: capacity + 1 });

/** 1 / (1 + e^-x) without overflow. */
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * The probability, from 0 to 1, that a channel carries `amount` beside what HTLCs of the same payment take of it. It falls as the amount rises: 1 up to `low`, 0 from `high` on, and between them as the
 * prior has it within the bounds.
 */
export const probabilityOf = (
  prior: Prior,
  capacity: number,
  { low, high, inFlight = 0 }: Known,
  amount: number,
): number => {
  const least = Math.max(low, inFlight);
  const all = amount + inFlight;
  if (all <= least) return 1;
  if (all >= high) return 0;
  if (prior.prior === 'uniform') return (high - all) / (high - least);
  // The density e^(-x/scale) + e^((x-top)/scale), its integral from `all` to `high` over that from `least` to `high`.
  const { scale } = prior;
  const top = capacity + 1;
  const side = (high + least - top) / scale;
  const share = logistic(-side) * Math.exp((least - all) / scale) + logistic(side);
  return Math.min(1, (share * Math.expm1((all - high) / scale)) / Math.expm1((least - high) / scale));
};

/**
 * Bounds that count less with time: with weights from 1 (just learnt) to 0 (long ago) for each of them, they go back to nothing and to
 * all of the capacity. What was carried fades in proportion; what was not, by a factor, for otherwise a failure of a small amount
 * would be forgotten at once where the capacity is large.
 */
export const fadedBounds = ({ low, high }: Bounds, capacity: number, lowWeight: number, highWeight: number): Bounds => {
  const top = capacity + 1;
  const most = Math.min(top, Math.max(1, high));
  return { low: Math.min(low, capacity) * lowWeight, high: top * (most / top) ** highWeight };
};

/** No channel is reckoned to be less likely than this: what failed makes a route dearer, it forbids none. */
export const LEAST_PROBABILITY = 1e-6;

/**
 * What it costs, in msat, to rely on something of this probability: `weight` times its negative logarithm, so that the costs of a
 * route's channels add up to that of the route. In the amount it rises; with the `uniform` prior and bounds that
 * stay as they are it is convex, down to LEAST_PROBABILITY.
 */
export const improbabilityCost = (probability: number, weight: number): number =>
  probability >= 1 ? 0 : -Math.log(Math.max(probability, LEAST_PROBABILITY)) * weight;

const MOST_COST = -Math.log(LEAST_PROBABILITY);

/**
 * `improbabilityCost` with the uniform prior where nothing is known but the capacity, for searches that ask it of tens of thousands of
 * channels: a series in place of the logarithm where the amount is a small part of the capacity, exact to a millionth.
 */
export const uniformCost = (capacity: number, amount: number, weight: number): number => {
  const part = amount / (capacity + 1);
  if (part < 0.05) return weight * part * (1 + part * (1 / 2 + part * (1 / 3 + part * (1 / 4 + part / 5))));
  return part < 1 - LEAST_PROBABILITY ? -Math.log(1 - part) * weight : MOST_COST * weight;
};

/** What a payer prefers, by name: low fees, few failures, or something between. */
export const preferences = ['cheap', 'balanced', 'reliable'] as const;
export type Preference = (typeof preferences)[number];

/** What is paid for a route e times as likely: so many msat, and so many millionths of the amount that is sent. */
const weights: Readonly<Record<Preference, { readonly base: number; readonly proportional: number }>> = {
  cheap: { base: 1_000, proportional: 10 },
  balanced: { base: 100_000, proportional: 1_000 },
  reliable: { base: 1_000_000, proportional: 10_000 },
};

/** The `weight` of `improbabilityCost`, in msat, for sending `amount` msat; `balanced` unless given. */
export const preferredWeight = (preference: Preference = 'balanced', amount: number | bigint): number => {
  const { base, proportional } = weights[preference];
  return base + (Number(amount) * proportional) / 1e6;
};
