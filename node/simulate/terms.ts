/**
 * What channels of a made network are like: capacities and policies as in the public mainnet of 3 February 2026, of the 31,917
 * channels that were enabled both ways, between 6,250 nodes. What two tables say of one channel is drawn apart.
 */
import type { Random } from './random.ts';

/** How a channel is drawn: its capacity in sat, and the policy of each of its directions. */
export interface ChannelTerms {
  readonly capacity: (random: Random) => number;
  readonly policy: (random: Random) => PolicyTerms;
}

/** Amounts in msat, `feeProportional` in millionths, `cltvDelta` in blocks. */
export interface PolicyTerms {
  readonly feeBase: number;
  readonly feeProportional: number;
  readonly cltvDelta: number;
  readonly htlcMinimum: number;
  /** The part of the capacity that an HTLC may take, from 0 to 1. */
  readonly htlcMaximum: number;
}

/** The quantiles at 2.5 %, 7.5 % … 97.5 %: twenty values, each as frequent as any other. */
type Quantiles = readonly number[];

const CAPACITY: Quantiles = [
  ...[20_000, 100_000, 400_000, 800_000, 1_000_000, 1_000_000, 1_500_000, 2_000_000, 2_100_000, 3_000_000],
  ...[
    4_000_000, 5_000_000, 5_000_000, 6_000_000, 10_000_000, 10_000_000, 10_888_801, 16_777_215, 35_000_000, 117_708_151,
  ],
];
const FEE_BASE: Quantiles = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 250, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 2500];
const FEE_PROPORTIONAL: Quantiles = [
  ...[0, 1, 1, 1, 1, 1, 10, 20, 50, 100, 142, 210, 349, 499, 500, 758, 1000, 1600, 2500, 5000],
];
const CLTV_DELTA: Quantiles = [
  ...[18, 34, 40, 40, 40, 51, 80, 80, 80, 80, 80, 80, 80, 85, 100, 100, 144, 144, 144, 144],
];
const HTLC_MINIMUM: Quantiles = [1, 1, ...Array<number>(16).fill(1000), 5000, 1_000_000];
const HTLC_MAXIMUM: Quantiles = [0.025, 0.42, 0.5, 0.9, ...Array<number>(15).fill(0.99), 1];

const drawn = (table: Quantiles, random: Random): number => table[random.below(table.length)] ?? 0;

/** Between two neighbours of the table, evenly by their ratio. */
const between = (table: Quantiles, random: Random): number => {
  const at = random.next() * (table.length - 1);
  const below = table[Math.floor(at)] ?? 1;
  const above = table[Math.floor(at) + 1] ?? below;
  return Math.round(below * (above / below) ** (at - Math.floor(at)));
};

/** As in mainnet: the median capacity is 3,500,000 sat, and half of the directions ask no base fee. */
export const mainnetTerms: ChannelTerms = {
  capacity: (random) => between(CAPACITY, random),
  policy: (random) => ({
    feeBase: drawn(FEE_BASE, random),
    feeProportional: drawn(FEE_PROPORTIONAL, random),
    cltvDelta: drawn(CLTV_DELTA, random),
    htlcMinimum: drawn(HTLC_MINIMUM, random),
    htlcMaximum: drawn(HTLC_MAXIMUM, random),
  }),
};

/** Channels of one capacity in sat whose directions all ask the same, one thousandth of a sat and one millionth, and 40 blocks. */
export const plainTerms = (capacity: number): ChannelTerms => ({
  capacity: () => capacity,
  policy: () => ({ feeBase: 1, feeProportional: 1, cltvDelta: 40, htlcMinimum: 1, htlcMaximum: 1 }),
});
