/** Where the peers that we keep a channel with were last reached, so that a restart finds them again. */
import { hex, text, unhex, utf8 } from '../../wire/bytes.ts';
import { bytes16, decode, encode, list, map, struct, u8, u16 } from '../../wire/codec.ts';
import { type Point, point } from '../../wire/units.ts';
import type { Address, Store } from '../ports/ports.ts';
import { readRecord } from '../store/records.ts';

const PREFIX = 'address/';
/** Addresses remembered per peer, the latest first. */
const MAX_ADDRESSES = 4;

const record = list(u8, struct({ host: map(bytes16, text, utf8), port: u16 }));

export class AddressBook {
  private readonly store: Store;
  private readonly known = new Map<string, readonly Address[]>();

  private constructor(store: Store) {
    this.store = store;
  }

  /** Throws StoreError. */
  static async load(store: Store): Promise<AddressBook> {
    const addresses = new AddressBook(store);
    for await (const [key, value] of store.entries(PREFIX))
      addresses.known.set(
        key.slice(PREFIX.length),
        readRecord(key, value, (bytes) => decode(record, bytes)),
      );
    return addresses;
  }

  of(peer: Point): readonly Address[] {
    return this.known.get(hex(peer)) ?? [];
  }

  *all(): Generator<readonly [Point, readonly Address[]]> {
    for (const [peer, addresses] of this.known) yield [point(unhex(peer)), addresses];
  }

  /** Puts an address where this peer was just reached in front. */
  async reached(peer: Point, address: Address): Promise<void> {
    const before = this.of(peer);
    const same = (a: Address) => a.host === address.host && a.port === address.port;
    if (before[0] !== undefined && same(before[0])) return;
    const now = [address, ...before.filter((a) => !same(a))].slice(0, MAX_ADDRESSES);
    this.known.set(hex(peer), now);
    await this.store.commit([{ key: PREFIX + hex(peer), value: encode(record, now) }]);
  }
}
