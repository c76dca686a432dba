/** Reconnects to the peers with channels after every loss, with growing pauses of up to a minute. */
import { hex } from '../../wire/bytes.ts';
import type { Point } from '../../wire/units.ts';
import type { Address, Clock, Entropy, Log } from '../ports/ports.ts';

interface Target {
  readonly id: Point;
  readonly addresses: readonly Address[];
  delay: number;
  cancel: () => void;
}

export interface RedialParts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly isConnected: (key: string) => boolean;
  /** Whether the limit of reconnects at once is reached. */
  readonly isBusy: () => boolean;
  /** Rejects where the peer is not reached there. */
  readonly connect: (id: Point, address: Address) => Promise<unknown>;
}

const BACKOFF_MS = { first: 500, most: 60_000 } as const;
/** A connection this old counts as one that worked. */
const STABLE_MS = 10_000;

export class Redial {
  private readonly parts: RedialParts;
  private readonly targets = new Map<string, Target>();
  private stopped = false;

  constructor(parts: RedialParts) {
    this.parts = parts;
  }

  /** From now on the peer is dialled whenever it is not connected. */
  keepConnected(id: Point, addresses: readonly Address[]): void {
    const key = hex(id);
    this.targets.get(key)?.cancel();
    this.targets.set(key, { id, addresses, delay: BACKOFF_MS.first, cancel: () => undefined });
    if (!this.parts.isConnected(key)) this.retry(key, 0);
  }

  /** Stops dialling the peer; an open connection stays. */
  stopReconnecting(id: Point): void {
    this.targets.get(hex(id))?.cancel();
    this.targets.delete(hex(id));
  }

  /** The peer is connected: stops dialling it for now. */
  connected(key: string): void {
    this.targets.get(key)?.cancel();
  }

  /**
   * A connection made at `since` was lost. If it lasted, the peer is dialled at once; if not, the pause grows each time.
   */
  lost(key: string, since: number): void {
    const kept = this.targets.get(key);
    if (kept === undefined) return;
    const stayed = this.parts.clock.now() - since > STABLE_MS;
    kept.delay = stayed ? BACKOFF_MS.first : Math.min(kept.delay * 2, BACKOFF_MS.most);
    this.retryLater(kept);
  }

  /** Stops all dialling. */
  stop(): void {
    this.stopped = true;
    for (const kept of this.targets.values()) kept.cancel();
    this.targets.clear();
  }

  private retryLater(kept: Target): void {
    // Randomized, so that two peers that lost each other do not keep dialling at the same moment.
    const spread = (this.parts.entropy.bytes(1)[0] ?? 0) / 256;
    this.retry(hex(kept.id), kept.delay * (0.75 + spread / 2));
  }

  private retry(key: string, delay: number): void {
    const kept = this.targets.get(key);
    if (kept === undefined || this.stopped || kept.addresses.length === 0) return;
    kept.cancel();
    kept.cancel = this.parts.clock.after(delay, () => void this.tryAll(key, kept));
  }

  private async tryAll(key: string, kept: Target): Promise<void> {
    if (this.parts.isBusy()) {
      this.retryLater(kept);
      return;
    }
    for (const address of kept.addresses) {
      if (this.parts.isConnected(key) || this.targets.get(key) !== kept) return;
      try {
        await this.parts.connect(kept.id, address);
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.parts.log.debug({ peer: key.slice(0, 16), reason }, 'could not reach a peer: retrying later');
      }
    }
    kept.delay = Math.min(kept.delay * 2, BACKOFF_MS.most);
    this.retryLater(kept);
  }
}
