/**
 * Onions seen before (BOLT 4: a shared secret must never be processed twice, or whoever recorded a packet could send it
 * again to watch where it goes). Entries live until the HTLC they came with has expired: later copies are too late by then.
 */

import { hex, text, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { bytes16, decode, encode, map, struct, u32 } from '../../wire/codec.ts';
import type { Store } from '../ports.ts';

const entry = struct({ expiry: u32, htlc: map(bytes16, text, utf8) });
const PREFIX = 'replay/';

interface Seen {
  readonly expiry: number;
  /** The HTLC that brought it: the same one may come again after a restart. */
  readonly htlc: string;
}

export class ReplayLog {
  private readonly seen = new Map<string, Seen>();

  static async load(store: Store): Promise<ReplayLog> {
    const log = new ReplayLog();
    for await (const [key, value] of store.entries(PREFIX))
      log.seen.set(key.slice(PREFIX.length), decode(entry, value));
    return log;
  }

  /** The record to keep when this onion is new, `known` when this very HTLC brought it before, `replayed` otherwise. */
  check(tag: Uint8Array, htlc: string, expiry: number): Change | 'known' | 'replayed' {
    const key = hex(tag);
    const before = this.seen.get(key);
    if (before !== undefined) return before.htlc === htlc ? 'known' : 'replayed';
    this.seen.set(key, { expiry, htlc });
    return { key: PREFIX + key, value: encode(entry, { expiry, htlc }) };
  }

  /** Forgets onions whose HTLCs can no longer be offered at this height. */
  prune(height: number): readonly Change[] {
    const changes: Change[] = [];
    for (const [key, { expiry }] of this.seen)
      if (expiry < height) {
        this.seen.delete(key);
        changes.push({ key: PREFIX + key, value: undefined });
      }
    return changes;
  }
}
