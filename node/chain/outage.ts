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
/** Milliseconds of silence that are too long: by then as many blocks may have come as the smallest margin that we hold. */
export const TOO_LONG_MS = Math.min(EXPIRY_MARGIN, GRACE_PERIOD) * BLOCK_MS;
/** Milliseconds for which the chain was asked in vain before that counts: a machine that wakes up has heard nothing for long. */
const ASKED_MS = 60_000;
/** Milliseconds between two looks after which the machine must have slept. */
const SLEPT_MS = 30_000;
/** Milliseconds after which it is said again. */
const AGAIN_MS = 600_000;

export interface OutageParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** Whether the height of the chain is known, as far as anybody can tell; where it is not, the chain is asked. */
  readonly isSynced: () => boolean;
  /** Whether there is a channel in which something could be lost. */
  readonly atStake: () => boolean;
}

export class ChainOutage {
  private readonly parts: OutageParts;
  /** When the height was known last. */
  private heard: number;
  private looked: number;
  /** Since when the chain is asked in vain; undefined while it is not. */
  private asked: number | undefined;
  /** When it was said last that this has lasted too long; undefined while it has not. */
  private said: number | undefined;

  constructor(parts: OutageParts) {
    this.parts = parts;
    this.heard = parts.clock.now();
    this.looked = this.heard;
  }

  /** Whether it has lasted too long: no HTLC may be taken or offered. */
  get isHalting(): boolean {
    return this.said !== undefined;
  }

  /** One line for operators that says since when, what that means, and what to do; undefined while all is well. */
  warning(): string | undefined {
    if (!this.isHalting) return undefined;
    const minutes = Math.floor((this.parts.clock.now() - this.heard) / 60_000);
    return `the block height has not been current for ${minutes} minutes: no HTLCs are accepted or offered, and pending ones may be lost at their deadlines; make sure that bitcoind is running, reachable and synced`;
  }

  /** Looks how things stand; to be called every second. */
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
    // A bitcoind that fetches its first blocks takes days, and a node without channels has time.
    log[atStake() ? 'error' : 'debug']({ minutes: Math.floor((now - this.heard) / 60_000) }, this.warning() ?? '');
  }
}
