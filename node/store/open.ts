/**
 * What a store says about itself: whose network it belongs to and by which schema its records are written. Checked before
 * anything else is read. An older schema is brought forward step by step; a newer one is left untouched and refused.
 */
import { text, u32be, utf8 } from '../../wire/bytes.ts';
import type { ChainName } from '../../wire/chains.ts';
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports.ts';
import { StoreError } from './errors.ts';

/** From the schema of that index to the next: the changes to make, committed together with the new number. */
export type Migration = (store: Store) => Promise<readonly Change[]>;

/** One row for each schema there has been before today's, oldest first; the schema's number is the count of rows. */
export const migrations: readonly Migration[] = [];

const schemaKey = 'meta/schema';
const networkKey = 'meta/network';

const schemaOf = async (store: Store): Promise<number | undefined> => {
  const record = await store.get(schemaKey);
  if (record === undefined) return undefined;
  if (record.length !== 4) throw new StoreError({ code: 'corrupt', key: schemaKey, detail: 'expected 4 bytes' });
  return new DataView(record.buffer, record.byteOffset).getUint32(0);
};

/**
 * Makes a store ready: marks a new one, checks and brings forward an old one. Throws StoreError `newer_schema`,
 * `other_network`, `corrupt`. The store stays open either way.
 */
export const prepareStore = async (store: Store, network: ChainName, steps = migrations): Promise<void> => {
  const found = await schemaOf(store);
  if (found === undefined) {
    return store.commit([
      { key: schemaKey, value: u32be(steps.length) },
      { key: networkKey, value: utf8(network) },
    ]);
  }
  if (found > steps.length) throw new StoreError({ code: 'newer_schema', found, supported: steps.length });
  const owner = text((await store.get(networkKey)) ?? new Uint8Array());
  if (owner !== network)
    throw new StoreError({ code: 'other_network', expected: network, found: owner || 'no network' });
  for (let schema = found; schema < steps.length; schema++) {
    const changes = (await steps[schema]?.(store)) ?? [];
    await store.commit([...changes, { key: schemaKey, value: u32be(schema + 1) }]);
  }
};
