/**
 * Migrations of stores that earlier versions wrote, one step for each schema. A step treats records as bytes, since the code that wrote
 * them is gone. Its changes are committed together with the number of the new schema, so that after a crash the step is run again.
 */

import { concat, text, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { sha256 } from '../../wire/crypto.ts';
import { invoicesByNumber, type Migration, paymentsByNumber } from './numbering.ts';

/** First bytes of a channel's `phase`, and the fields that phases got for closes which a reorg may undo. */
const phases: ReadonlyMap<number, Uint8Array> = new Map([
  // failed: no mutual close was agreed
  [2, Uint8Array.of(0)],
  // onchain: no reason of the failure on record, not outdated, no mutual close agreed
  [3, Uint8Array.of(0, 0, 0, 0)],
]);
/** An HTLC that is not resolved. */
const notOver = Uint8Array.of(0);

/** 0 to 1: fields that a channel on chain needs. */
const chainFacts: Migration = async (store) => {
  const changes: Change[] = [];
  for await (const [key, value] of store.entries('channel/')) {
    const [, , record] = key.split('/');
    const more = record === 'phase' ? phases.get(value[0] ?? 0) : record === 'htlc' ? notOver : undefined;
    if (more !== undefined) changes.push({ key, value: concat(value, more) });
  }
  return changes;
};

/** Nothing to wait for: height 0, time 0. */
const notWaiting = new Uint8Array(8);

/** 1 to 2: the records of pending payments say until when the destination is not ready. */
const destinationsNotReady: Migration = async (store) => {
  const changes: Change[] = [];
  for await (const [key, value] of store.entries('payment/'))
    if (key.endsWith('/learnt/0')) changes.push({ key, value: concat(value, notWaiting) });
  return changes;
};

/**
 * 4 to 5: the replay log has half of an onion's tag as its key, and the HTLC that brought it in a few bytes. Before, the value was the
 * height of its expiry, a length and the HTLC's name.
 */
const smallReplays: Migration = async (store) => {
  const changes: Change[] = [];
  for await (const [key, value] of store.entries('replay/')) {
    const name = text(value.subarray(6));
    const channel = name.slice(0, name.lastIndexOf('/'));
    const brought = [sha256(utf8(name)).subarray(0, 8), sha256(utf8(channel)).subarray(0, 4)];
    changes.push({ key, value: undefined });
    changes.push({ key: key.slice(0, 'replay/'.length + 32), value: concat(value.subarray(0, 4), ...brought) });
  }
  return changes;
};

/**
 * 5 to 6: nothing that is there has to change. Records of new kinds came, and some got fields at their end: a version that knows neither
 * says that the store is newer, and does not take it for a damaged one.
 */
const newKinds: Migration = async () => [];

/** 6 to 7: gossip is in a file of its own, and not in the store. The network is asked for it again. */
const gossipApart: Migration = async (store) => {
  const changes: Change[] = [];
  for (const kind of ['graph/channel/', 'graph/policy/', 'graph/node/'])
    for await (const [key] of store.entries(kind)) changes.push({ key, value: undefined });
  return changes;
};

/** One row for each earlier schema, the oldest first; the number of today's schema is the count of rows. */
export const migrations: readonly Migration[] = [
  chainFacts,
  destinationsNotReady,
  paymentsByNumber,
  invoicesByNumber,
  smallReplays,
  newKinds,
  gossipApart,
];
