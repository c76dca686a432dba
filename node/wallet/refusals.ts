/**
 * Why bitcoind last rejected unconfirmed transactions of ours. In memory only: after a restart they are broadcast again, and it rejects
 * them again.
 */
import { hex } from '../../wire/bytes.ts';
import type { Txid } from '../../wire/units.ts';

export class Refusals {
  private readonly reasons = new Map<string, string>();

  /** The reject reason in bitcoind's words; undefined where it accepted the transaction or was not asked yet. */
  of(id: Txid): string | undefined {
    return this.reasons.get(hex(id));
  }

  /** Notes an answer, undefined where it was accepted. Returns whether it differs from the last. */
  note(id: Txid, reason: string | undefined): boolean {
    const before = this.of(id);
    if (reason === undefined) this.reasons.delete(hex(id));
    else this.reasons.set(hex(id), reason);
    return before !== reason;
  }
}
