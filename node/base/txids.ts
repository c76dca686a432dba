/** Transaction ids for people: in reversed byte order, as bitcoind and explorers show them. */
import { hex, reversed } from '../../wire/bytes.ts';
import type { Txid } from '../../wire/units.ts';

/** A txid in hex, its bytes reversed. */
export const displayedTxid = (id: Txid): string => hex(reversed(id));
