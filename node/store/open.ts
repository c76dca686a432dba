/**
 * What a store says about itself: whose network it belongs to and by which schema its records are written. Checked before
 * anything else is read. An older schema is brought forward step by step; a newer one is left untouched and refused.
 */
import { text, u32be, utf8 } from '../../wire/bytes.ts';
import type { ChainName } from '../../wire/chains.ts';
import type { Store } from '../ports.ts';
import { StoreError } from './errors.ts';
import { migrations } from './migrations.ts';

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
