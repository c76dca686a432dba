/**
 * How stores of earlier versions are brought forward, one step a schema. A step knows records as bytes: the code that wrote them
 * is gone. What it changes is committed together with the new schema's number, so a crash in between begins it again.
 */

import { concat, text, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { sha256 } from '../../wire/crypto.ts';
import { invoicesByNumber, type Migration, paymentsByNumber } from './numbering.ts';

/** First bytes of a channel's `phase`, and what the phases learnt to say about a close that a reorg may take back. */
const phases: ReadonlyMap<number, Uint8Array> = new Map([
  // failed: no closing was agreed
  [2, Uint8Array.of(0)],
  // onchain: given up for no reason on record, not outdated, no closing agreed
  [3, Uint8Array.of(0, 0, 0, 0)],
]);
/** An HTLC that is not over. */
const notOver = Uint8Array.of(0);

/** 0 to 1: what a channel on chain needs to know. */
const chainFacts: Migration = async (store) => {
  const changes: Change[] = [];
  for await (const [key, value] of store.entries('channel/')) {
    const [, , record] = key.split('/');
    const more = record === 'phase' ? phases.get(value[0] ?? 0) : record === 'htlc' ? notOver : undefined;
    if (more !== undefined) changes.push({ key, value: concat(value, more) });
  }
  return changes;
};

/** No height and no time to wait for. */
const notWaiting = new Uint8Array(8);

/** 1 to 2: what a payment under way has learnt says until when its destination is not ready. */
const destinationsNotReady: Migration = async (store) => {
  const changes: Change[] = [];
  for await (const [key, value] of store.entries('payment/'))
    if (key.endsWith('/learnt/0')) changes.push({ key, value: concat(value, notWaiting) });
  return changes;
};

/**
 * 4 to 5: an onion seen before is found by half of its tag, and says in a few bytes which HTLC brought it. It said so by that one's
 * name, behind the height of its expiry and a length.
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

/** One row for each schema there has been before today's, oldest first; the schema's number is the count of rows. */
export const migrations: readonly Migration[] = [
  chainFacts,
  destinationsNotReady,
  paymentsByNumber,
  invoicesByNumber,
  smallReplays,
];
