/** How ids of transactions are written for people: bitcoind and all explorers turn them round. */
import { hex, reversed } from '../../wire/bytes.ts';
import type { Txid } from '../../wire/units.ts';

/** A txid as people write it. */
export const displayedTxid = (id: Txid): string => hex(reversed(id));
