/**
 * How stores of earlier versions are brought forward, one step a schema. A step knows records as bytes: the code that wrote them
 * is gone. What it changes is committed together with the new schema's number, so a crash in between begins it again.
 */

import { concat } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
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

/** One row for each schema there has been before today's, oldest first; the schema's number is the count of rows. */
export const migrations: readonly Migration[] = [chainFacts, destinationsNotReady, paymentsByNumber, invoicesByNumber];
