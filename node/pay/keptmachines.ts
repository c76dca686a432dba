/** The machines of payments under way, as they are kept. */
import type { Payment } from '../../amp/payment.ts';
import { restorePayment } from '../../amp/paymentstore.ts';
import type { Store } from '../ports/ports.ts';
import { readRecord } from '../store/records.ts';

/** Before the payment's id and a slash. */
export const MACHINES = 'payment/';

/** All of a store, by the payment's id. Throws StoreError. */
export const keptMachines = async (store: Store): Promise<ReadonlyMap<string, Payment>> => {
  const found = new Map<string, Map<string, Uint8Array>>();
  for await (const [key, value] of store.entries(MACHINES)) {
    const [, id = '', ...rest] = key.split('/');
    const records = found.get(id) ?? new Map<string, Uint8Array>();
    found.set(id, records.set(rest.join('/'), value));
  }
  const machines = new Map<string, Payment>();
  for (const [id, records] of found) {
    const first = records.entries().next().value;
    if (first !== undefined)
      machines.set(
        id,
        readRecord(`${MACHINES}${id}/${first[0]}`, first[1], () => restorePayment(records)),
      );
  }
  return machines;
};
