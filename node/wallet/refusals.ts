/**
 * Why the network does not take transactions of ours that wait for a block, as it said last. Not kept: after a restart they are
 * given to it again, and it says so again.
 */
import { hex } from '../../wire/bytes.ts';
import type { Txid } from '../../wire/units.ts';

export class Refusals {
  private readonly reasons = new Map<string, string>();

  /** The reason, in the network's words; undefined while it takes the transaction, or was not asked yet. */
  of(id: Txid): string | undefined {
    return this.reasons.get(hex(id));
  }

  /** Takes note of an answer, where undefined is a yes; whether that is another than the last. */
  note(id: Txid, reason: string | undefined): boolean {
    const before = this.of(id);
    if (reason === undefined) this.reasons.delete(hex(id));
    else this.reasons.set(hex(id), reason);
    return before !== reason;
  }
}
