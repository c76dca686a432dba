/** The feerates that channels reckon with: our estimate, refreshed with each block, and what we let a peer choose. */
import type { Context } from '../../channel/io.ts';
import type { Change } from '../../wire/change.ts';
import { type Codec, decode, encode, struct, u32, u64 } from '../../wire/codec.ts';
import type { Chain, Log, Store } from '../ports.ts';
import { readRecord } from '../store/records.ts';

/** sat per 1,000 weight: what is relayed at all. */
const LEAST = 253;
/** How many times more, or less, than our estimates a peer may choose: its own estimate may be of another hour. */
const TOLERANCE = 10;
/** A peer may always choose this much: estimates near the floor say little about what a peer believes. */
const ALWAYS = 12_500;
/** The same on regtest, where nobody has an estimate and some peers have a fixed one far above ours. */
const ALWAYS_ON_REGTEST = 100_000;
/** Blocks within which a commitment should confirm. */
const TARGET = 6;
/** Seconds after which estimates belong to the day before, and those of the day before that are forgotten. */
const DAY = 86_400n;

const KEY = 'chain/feerates';

/** Lowest and highest of some estimates, sat per 1,000 weight. */
interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/**
 * The estimates of the last day or two in which the node ran. A peer cannot take back a feerate that it has signed, and says
 * it again after a reconnect; what was right when it was signed must not be refused for what happened to the chain since.
 */
interface Seen {
  /** When the newer of both days began, unix seconds. */
  readonly since: bigint;
  readonly today: Range;
  readonly before: Range;
}

const range: Codec<Range> = struct({ lowest: u32, highest: u32 });
const codec: Codec<Seen> = struct({ since: u64, today: range, before: range });

const withEstimate = (seen: Seen | undefined, estimate: number, now: bigint): Seen => {
  const alone = { lowest: estimate, highest: estimate };
  if (seen === undefined) return { since: now, today: alone, before: alone };
  const { since, today } = seen;
  if (now - since >= DAY || now < since) return { since: now, today: alone, before: today };
  if (today.lowest <= estimate && estimate <= today.highest) return seen;
  const wider = { lowest: Math.min(today.lowest, estimate), highest: Math.max(today.highest, estimate) };
  return { ...seen, today: wider };
};

export interface FeerateParts {
  readonly chain: Pick<Chain, 'feerate' | 'relayFeerate'>;
  readonly store: Pick<Store, 'get'>;
  readonly log: Log;
  /** Unix seconds. */
  readonly now: () => number;
  readonly network: string;
}

export class Feerates {
  private readonly parts: FeerateParts;
  private readonly always: number;
  private estimate: number = LEAST;
  private relayed: number = LEAST;
  private seen: Seen | undefined;

  private constructor(parts: FeerateParts, seen: Seen | undefined) {
    this.parts = parts;
    this.always = parts.network === 'regtest' ? ALWAYS_ON_REGTEST : ALWAYS;
    this.seen = seen;
  }

  /** With what was kept of earlier estimates; `refresh` asks for one of now. Throws StoreError. */
  static async load(parts: FeerateParts): Promise<Feerates> {
    const kept = await parts.store.get(KEY);
    return new Feerates(parts, kept && readRecord(KEY, kept, (value) => decode(codec, value)));
  }

  /** sat per 1,000 weight for a commitment. */
  get current(): number {
    return this.estimate;
  }

  /** Asks the chain, and says what to keep; the last estimate stays when it does not answer. Never rejects. */
  async refresh(): Promise<readonly Change[]> {
    const { chain, log, now } = this.parts;
    try {
      [this.estimate, this.relayed] = await Promise.all([chain.feerate(TARGET), chain.relayFeerate()]);
    } catch (error) {
      log.debug(
        { reason: error instanceof Error ? error.message : String(error) },
        'no fee estimate now; the last one stays',
      );
      return [];
    }
    const seen = withEstimate(this.seen, this.estimate, BigInt(now()));
    if (seen === this.seen) return [];
    this.seen = seen;
    return [{ key: KEY, value: encode(codec, seen) }];
  }

  /** What a channel is told of the world at this height. */
  context(height: number): Context {
    const { estimate, relayed, seen } = this;
    const lowest = Math.min(estimate, seen?.today.lowest ?? estimate, seen?.before.lowest ?? estimate);
    const highest = Math.max(estimate, seen?.today.highest ?? estimate, seen?.before.highest ?? estimate);
    return {
      height,
      feerate: estimate,
      relayFeerate: relayed,
      minFeerate: Math.max(LEAST, Math.floor(lowest / TOLERANCE)),
      maxFeerate: Math.max(this.always, highest * TOLERANCE),
    };
  }
}
