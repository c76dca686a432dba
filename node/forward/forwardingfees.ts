/** Total forwarding fees earned since the node was created, for getinfo. */

import type { Change } from '../../wire/change.ts';
import { decode, encode } from '../../wire/codec.ts';
import { msat as codec } from '../../wire/fields.ts';
import { addMsat, type Msat, msat } from '../../wire/units.ts';
import type { Store } from '../ports/ports.ts';

const KEY = 'stats/fees';

export class ForwardingFees {
  private sum: Msat;

  private constructor(sum: Msat) {
    this.sum = sum;
  }

  static async load(store: Store): Promise<ForwardingFees> {
    const kept = await store.get(KEY);
    return new ForwardingFees(kept === undefined ? msat(0n) : decode(codec, kept));
  }

  get total(): Msat {
    return this.sum;
  }

  /** Adds a fee and returns the changes to store. */
  add(fee: Msat): readonly Change[] {
    this.sum = addMsat(this.sum, fee);
    return [{ key: KEY, value: encode(codec, this.sum) }];
  }
}
