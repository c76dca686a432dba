/**
 * Detects that the block height has been out of date for too long, because bitcoind is unreachable or behind. Without the height no
 * HTLC deadline can be met: an HTLC that the peers resolve off chain is safe, any other may be lost. So the operator gets an error every
 * ten minutes, and no HTLC is accepted or offered until the height is current. Peers stay connected, to resolve pending HTLCs.
 */
import { GRACE_PERIOD } from '../../channel/rules/deadlines.ts';
import { EXPIRY_MARGIN } from '../../channel/rules/limits.ts';
import type { Clock, Log } from '../ports/ports.ts';

/** Milliseconds between two blocks, on the average. */
const BLOCK_MS = 600_000;
/** Milliseconds without a current height that are too long: by then the smallest safety margin of an HTLC may have passed, in blocks. */
export const TOO_LONG_MS = Math.min(EXPIRY_MARGIN, GRACE_PERIOD) * BLOCK_MS;
/** Milliseconds of failed calls before it counts as an outage: a machine that was suspended has had no current height for long. */
const ASKED_MS = 60_000;
/** Milliseconds between two checks that show that the machine was suspended. */
const SLEPT_MS = 30_000;
/** Milliseconds after which the error is logged again. */
const AGAIN_MS = 600_000;

export interface OutageParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** Whether the block height is current; where it is not, the chain is asked. */
  readonly isSynced: () => boolean;
  /** Whether there is a channel with money at risk. */
  readonly atStake: () => boolean;
}

export class ChainOutage {
  private readonly parts: OutageParts;
  /** When the height was current last. */
  private heard: number;
  private looked: number;
  /** Since when calls fail; undefined while they succeed. */
  private asked: number | undefined;
  /** When the outage was logged last; undefined while there is none. */
  private said: number | undefined;

  constructor(parts: OutageParts) {
    this.parts = parts;
    this.heard = parts.clock.now();
    this.looked = this.heard;
  }

  /** Whether the outage has lasted too long: no HTLC may be accepted or offered. */
  get isHalting(): boolean {
    return this.said !== undefined;
  }

  /** One line for operators: since when, what it means, and what to do; undefined while there is no outage. */
  warning(): string | undefined {
    if (!this.isHalting) return undefined;
    const minutes = Math.floor((this.parts.clock.now() - this.heard) / 60_000);
    return `the block height has not been current for ${minutes} minutes: no HTLCs are accepted or offered, and pending ones may be lost at their deadlines; make sure that bitcoind is running, reachable and synced`;
  }

  /** Checks the height; to be called every second. */
  check(): void {
    const { clock, log, isSynced, atStake } = this.parts;
    const now = clock.now();
    const slept = now - this.looked > SLEPT_MS;
    this.looked = now;
    if (isSynced()) {
      if (this.isHalting) log.info({}, 'the block height is current again: HTLCs are accepted and offered as before');
      this.heard = now;
      this.asked = undefined;
      this.said = undefined;
      return;
    }
    if (this.asked === undefined || slept) this.asked = now;
    if (now - this.heard < TOO_LONG_MS || (!this.isHalting && now - this.asked < ASKED_MS)) return;
    if (this.said !== undefined && now - this.said < AGAIN_MS) return;
    this.said = now;
    // bitcoind's initial block download takes days, and a node without channels loses nothing by it.
    log[atStake() ? 'error' : 'debug']({ minutes: Math.floor((now - this.heard) / 60_000) }, this.warning() ?? '');
  }
}
