/** Deleting payments that are over, of `pay` and of `sendpay`. One that is pending cannot be deleted: its HTLCs need its record. */
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import type { PaymentStore } from './paymentstore.ts';
import { type Part, partOfPayment, partOfSendpay } from './sendpayprogress.ts';
import type { SendpayStore } from './sendpaystore.ts';

/** Payments whose records one write deletes. */
const PAYMENTS_PER_WRITE = 1000;

/** Which payments of a payment hash: those that stand so, all of them or one part of one group. */
export interface PaymentsToDelete {
  readonly paymentHash: Uint8Array;
  readonly status: 'complete' | 'failed';
  readonly part?: { readonly partid: bigint; readonly groupid: bigint } | undefined;
}

/** What was deleted, in order of creation; or how one stands that was not, where none stands as it should; or that there is none. */
export type DeletedPayments =
  | { readonly deleted: readonly Part[] }
  | { readonly refused: 'status'; readonly status: Part['status'] }
  | { readonly refused: 'unknown' };

/** Resolves once it is durable. Throws StoreError. */
export type DeletePayments = (which: PaymentsToDelete) => Promise<DeletedPayments>;

interface DeletionParts {
  readonly store: Pick<Store, 'commit'>;
  readonly gate: Pick<Gate, 'allSaved'>;
  readonly payments: Pick<PaymentStore, 'list' | 'deletion'>;
  readonly sendpays: Pick<SendpayStore, 'byHash' | 'deletion'>;
}

/** All of a payment hash, by what is saved of them: one that is claimed in part is pending until all its HTLCs are over. */
const partsOf = async ({ payments, sendpays }: DeletionParts, paymentHash: Uint8Array): Promise<readonly Part[]> => {
  const found: Part[] = [];
  for await (const record of payments.list(0n, paymentHash)) found.push(partOfPayment(record));
  found.push(...(await sendpays.byHash(paymentHash)).map(partOfSendpay));
  return found.sort((a, b) => (a.createdIndex < b.createdIndex ? -1 : 1));
};

/** Deletes payments from these stores. */
export const paymentDeletion =
  (parts: DeletionParts): DeletePayments =>
  async ({ paymentHash, status, part }) => {
    // Then whatever is over is on disk alone, and nothing writes it any more.
    await parts.gate.allSaved();
    const all = await partsOf(parts, paymentHash);
    const named = all.filter(
      ({ partid, groupid }) => part === undefined || (partid === part.partid && groupid === part.groupid),
    );
    const deleted = named.filter((one) => one.status === status);
    const [other] = named;
    if (other === undefined) return { refused: 'unknown' };
    if (deleted.length === 0) return { refused: 'status', status: other.status };
    for (let first = 0; first < deleted.length; first += PAYMENTS_PER_WRITE) {
      const changes: Change[] = [];
      for (const { record } of deleted.slice(first, first + PAYMENTS_PER_WRITE))
        changes.push(
          ...(record.of === 'pay' ? parts.payments.deletion(record.payment) : parts.sendpays.deletion(record.sendpay)),
        );
      await parts.store.commit(changes);
    }
    return { deleted };
  };
