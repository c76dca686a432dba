/** The feerates that channels reckon with: our estimate, refreshed with each block, and what we let a peer choose. */
import type { Context } from '../../channel/io.ts';
import type { Chain, Log } from '../ports.ts';

/** sat per 1,000 weight: what is relayed at all. */
const LEAST = 253;
/** How many times more, or less, than our estimate a peer may choose: its own estimate may be of another hour. */
const TOLERANCE = 10;
/** A peer may always choose this much: estimates near the floor say little about what a peer believes. */
const ALWAYS = 12_500;
/** The same on regtest, where nobody has an estimate and some peers have a fixed one far above ours. */
const ALWAYS_ON_REGTEST = 100_000;
/** Blocks within which a commitment should confirm. */
const TARGET = 6;

export class Feerates {
  private readonly chain: Pick<Chain, 'feerate' | 'relayFeerate'>;
  private readonly log: Log;
  private readonly always: number;
  private estimate: number = LEAST;
  private relayed: number = LEAST;

  constructor(chain: Pick<Chain, 'feerate' | 'relayFeerate'>, log: Log, network: string) {
    this.chain = chain;
    this.log = log;
    this.always = network === 'regtest' ? ALWAYS_ON_REGTEST : ALWAYS;
  }

  /** sat per 1,000 weight for a commitment. */
  get current(): number {
    return this.estimate;
  }

  /** Asks the chain; the last estimate stays when it does not answer. Never rejects. */
  async refresh(): Promise<void> {
    try {
      [this.estimate, this.relayed] = await Promise.all([this.chain.feerate(TARGET), this.chain.relayFeerate()]);
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
      relayFeerate: this.relayed,
      minFeerate: Math.max(LEAST, Math.floor(this.estimate / TOLERANCE)),
      maxFeerate: Math.max(this.always, this.estimate * TOLERANCE),
    };
  }
}
