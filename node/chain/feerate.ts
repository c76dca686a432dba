/** The feerates that channels use: our estimate, refreshed with each block, and the bounds for a feerate that a peer chooses. */
import type { Context } from '../../channel/model/io.ts';
import type { Change } from '../../wire/change.ts';
import { type Codec, decode, encode, struct, u32, u64 } from '../../wire/codec.ts';
import { FEERATE_FLOOR } from '../../wire/units.ts';
import type { Chain, Log, Store } from '../ports/ports.ts';
import { readRecord } from '../store/records.ts';
import { fallbackFeerate } from './bitcoind.ts';
import { SteadyFeerate } from './steadyfeerate.ts';

/**
 * A peer's feerate may be lower than our estimates by this factor: its estimate may be of another hour, and within a day estimates
 * were seen to change 18-fold. A commitment without anchors that pays so little carries no HTLCs (channel/rules/underpaid.ts), but is
 * kept until its funder raises the feerate; with less it would take days to confirm.
 */
const MAX_TIMES_LOWER = 10;
/**
 * And higher by this factor: for the same reason, and because without anchors BOLT 2 has a funder pay five times what is needed. What
 * it pays beyond our estimates counts as dust exposure, which has a limit of its own (channel/rules/exposure.ts).
 */
const MAX_TIMES_HIGHER = 10;
/** A peer may always choose this much, 50 sat/vbyte: estimates near the floor say little about what a peer believes. */
const ALWAYS = 12_500;
/** The same on regtest, where there are no estimates and some nodes use a fixed feerate far above ours. */
const ALWAYS_ON_REGTEST = 100_000;
/** Confirmation target of a commitment, in blocks. */
const TARGET = 6;
/** Seconds after which a new day of estimates begins; those of the last two days are kept. */
const DAY = 86_400n;
const KEY = 'chain/feerates';
const RELAY_KEY = 'chain/relayfeerates';

/** Lowest and highest of some estimates, sat per 1,000 weight. */
interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/**
 * The range of estimates of the last day or two in which the node ran. After a reconnect a peer retransmits an `update_fee` that it has
 * signed; a feerate that was acceptable when it was signed must not be refused because estimates changed since.
 */
interface RecentRange {
  /** When the newer of the two days began, unix seconds. */
  readonly since: bigint;
  readonly today: Range;
  readonly before: Range;
}

const range: Codec<Range> = struct({ lowest: u32, highest: u32 });
const codec: Codec<RecentRange> = struct({ since: u64, today: range, before: range });

const withEstimate = (seen: RecentRange | undefined, estimate: number, now: bigint): RecentRange => {
  const alone = { lowest: estimate, highest: estimate };
  if (seen === undefined) return { since: now, today: alone, before: alone };
  const { since, today } = seen;
  if (now - since >= DAY || now < since) return { since: now, today: alone, before: today };
  if (today.lowest <= estimate && estimate <= today.highest) return seen;
  const wider = { lowest: Math.min(today.lowest, estimate), highest: Math.max(today.highest, estimate) };
  return { ...seen, today: wider };
};

const changeOf = (key: string, before: RecentRange | undefined, now: RecentRange): readonly Change[] =>
  before === now ? [] : [{ key, value: encode(codec, now) }];

const lowestOf = (seen: RecentRange | undefined, now: number): number =>
  Math.min(now, seen?.today.lowest ?? now, seen?.before.lowest ?? now);
const highestOf = (seen: RecentRange | undefined, now: number): number =>
  Math.max(now, seen?.today.highest ?? now, seen?.before.highest ?? now);

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
  private estimate: number = FEERATE_FLOOR;
  private relayed: number = FEERATE_FLOOR;
  private seen: RecentRange | undefined;
  private relays: RecentRange | undefined;
  /** Estimates of bitcoind only, without the fallback feerate, which says nothing about the estimates of other nodes. */
  private needed = 0;
  private readonly steady = new SteadyFeerate();

  private constructor(parts: FeerateParts, seen: RecentRange | undefined, relays: RecentRange | undefined) {
    this.parts = parts;
    this.always = parts.network === 'regtest' ? ALWAYS_ON_REGTEST : ALWAYS;
    this.seen = seen;
    this.relays = relays;
  }

  /** Loads earlier estimates; `refresh` asks for the present one. Throws StoreError. */
  static async load(parts: FeerateParts): Promise<Feerates> {
    const kept = async (key: string): Promise<RecentRange | undefined> => {
      const value = await parts.store.get(key);
      return value && readRecord(key, value, (bytes) => decode(codec, bytes));
    };
    return new Feerates(parts, await kept(KEY), await kept(RELAY_KEY));
  }

  /** sat per 1,000 weight for a commitment. */
  get current(): number {
    return this.estimate;
  }

  /** Asks the chain for an estimate and returns the changes to store; keeps the last one when the chain does not answer. Never rejects. */
  async refresh(): Promise<readonly Change[]> {
    const { chain, log, now } = this.parts;
    try {
      [this.estimate, this.relayed] = await Promise.all([chain.feerate(TARGET), chain.relayFeerate()]);
    } catch (error) {
      log.debug(
        { reason: error instanceof Error ? error.message : String(error) },
        'no fee estimate available: keeping the last one',
      );
      return [];
    }
    const at = now();
    this.needed = this.estimate === fallbackFeerate ? 0 : this.estimate;
    this.steady.add(this.needed, at);
    const seen = withEstimate(this.seen, this.estimate, BigInt(at));
    const relays = withEstimate(this.relays, this.relayed, BigInt(at));
    const changes = [...changeOf(KEY, this.seen, seen), ...changeOf(RELAY_KEY, this.relays, relays)];
    [this.seen, this.relays] = [seen, relays];
    return changes;
  }

  /** The context of a channel's step at this height. */
  context(height: number): Context {
    const { estimate, relayed, seen, relays } = this;
    const highest = highestOf(seen, estimate);
    return {
      height,
      feerate: estimate,
      highestFeerate: Math.max(highest, highestOf(relays, relayed)),
      neededFeerate: this.needed,
      steadyFeerate: this.steady.at(this.parts.now()),
      relayFeerate: relayed,
      lowestRelayFeerate: lowestOf(relays, relayed),
      minFeerate: Math.max(FEERATE_FLOOR, Math.floor(lowestOf(seen, estimate) / MAX_TIMES_LOWER)),
      maxFeerate: Math.max(this.always, highest * MAX_TIMES_HIGHER),
    };
  }
}
