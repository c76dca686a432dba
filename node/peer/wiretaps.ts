/** Whoever wants to see every wire message of the node, both ways. What a tap does with it changes nothing of the connection. */

/** Called with each message as it is sent (before encryption) or received (after decryption). `peer`: the node id in hex. */
export type WireTap = (direction: 'in' | 'out', peer: string, raw: Uint8Array) => void;

export class WireTaps {
  private readonly taps = new Set<WireTap>();

  /** Adds a tap; the function that comes back removes it. */
  add(tap: WireTap): () => void {
    this.taps.add(tap);
    return () => void this.taps.delete(tap);
  }

  note(direction: 'in' | 'out', peer: string, raw: Uint8Array): void {
    for (const tap of this.taps)
      try {
        tap(direction, peer, raw);
      } catch {
        // A line less in a trace.
      }
  }
}
