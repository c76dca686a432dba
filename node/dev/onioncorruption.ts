/** Corrupts the onions of incoming HTLCs, so that their HMAC is invalid (BOLT 4, `invalid_onion_hmac`). */
import type { ChannelEventHandler } from '../channels/hostparts.ts';

export class OnionCorruption {
  private on = false;

  /** Whether onions are corrupted from now on. */
  set(on: boolean): void {
    this.on = on;
  }

  wrap(next: ChannelEventHandler): ChannelEventHandler {
    return (entry, event) => {
      if (!this.on || event.event !== 'received') return next(entry, event);
      const onion = event.onion.slice();
      // The last byte belongs to the packet's HMAC.
      onion.set([0xff ^ (onion.at(-1) ?? 0)], onion.length - 1);
      return next(entry, { ...event, onion });
    };
  }
}
