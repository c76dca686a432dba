/** How long one hop takes: an HTLC to the next node, or its answer back. */
import type { Random } from './random.ts';

/** Milliseconds: always the same, evenly between two, or with a long tail around a median. */
export type Latency =
  | { readonly kind: 'fixed'; readonly ms: number }
  | { readonly kind: 'between'; readonly least: number; readonly most: number }
  | { readonly kind: 'tail'; readonly median: number; readonly spread: number };

/** A hop of two or three round trips between nodes over the open network, some of which are slow. */
export const defaultLatency: Latency = { kind: 'tail', median: 150, spread: 0.6 };

/** The largest that is drawn, in milliseconds. */
const LONGEST = 600_000;

/** The milliseconds of one hop. */
export const drawLatency = (latency: Latency, random: Random): number => {
  switch (latency.kind) {
    case 'fixed':
      return latency.ms;
    case 'between':
      return latency.least + random.next() * (latency.most - latency.least);
    case 'tail':
      return Math.min(LONGEST, latency.median * Math.exp(latency.spread * random.normal()));
  }
};

const NUMBER = String.raw`(\d{1,6}(?:\.\d{1,3})?)`;

/** Reads `100`, `50..300` or `tail:150:0.6` (a log-normal distribution: its median, and the deviation of the logarithm); undefined for anything else. */
export const readLatency = (text: string): Latency | undefined => {
  const fixed = new RegExp(`^${NUMBER}$`).exec(text);
  if (fixed !== null) return { kind: 'fixed', ms: Number(fixed[1]) };
  const between = new RegExp(`^${NUMBER}\\.\\.${NUMBER}$`).exec(text);
  if (between !== null) {
    const [least, most] = [Number(between[1]), Number(between[2])];
    return least <= most ? { kind: 'between', least, most } : undefined;
  }
  const tail = new RegExp(`^tail:${NUMBER}:${NUMBER}$`).exec(text);
  if (tail === null) return undefined;
  const [median, spread] = [Number(tail[1]), Number(tail[2])];
  return spread <= 3 ? { kind: 'tail', median, spread } : undefined;
};
