/** The feerate that channels reckon with: our estimate, refreshed with each block, and what we let a peer choose. */
import type { Context } from '../../channel/io.ts';
import type { Chain, Log } from '../ports.ts';

/** sat per 1,000 weight. The upper bound is wide where ours is low: a regtest peer may have a fixed estimate far above ours. */
const BOUNDS = { least: 253, most: 100_000 } as const;
/** A peer may choose this many times our estimate. */
const TOLERANCE = 10;
/** Blocks within which a commitment should confirm. */
const TARGET = 6;

export class Feerates {
  private readonly chain: Chain;
  private readonly log: Log;
  private estimate: number = BOUNDS.least;

  constructor(chain: Chain, log: Log) {
    this.chain = chain;
    this.log = log;
  }

  /** sat per 1,000 weight for a commitment. */
  get current(): number {
    return this.estimate;
  }

  /** Asks the chain; the last estimate stays when it does not answer. Never rejects. */
  async refresh(): Promise<void> {
    try {
      this.estimate = await this.chain.feerate(TARGET);
    } catch (error) {
      this.log.debug(
        { reason: error instanceof Error ? error.message : String(error) },
        'no fee estimate now; the last one stays',
      );
    }
  }

  /** What a channel is told of the world at this height. */
  context(height: number): Context {
    return {
      height,
      feerate: this.estimate,
      minFeerate: BOUNDS.least,
      maxFeerate: Math.max(BOUNDS.most, this.estimate * TOLERANCE),
    };
  }
}
