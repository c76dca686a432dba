/**
 * The store's own records: the network it belongs to, the schema of its records, the node. They are checked before anything else is
 * read. An older schema is migrated step by step; a newer one is refused and left unchanged.
 */
import { text, u32be, utf8 } from '../../wire/bytes.ts';
import type { ChainName } from '../../wire/chains.ts';
import type { Point } from '../../wire/units.ts';
import type { Store } from '../ports/ports.ts';
import { StoreError } from './errors.ts';
import { migrations } from './migrations.ts';

const meta = 'meta/';
const schemaKey = `${meta}schema`;
const networkKey = `${meta}network`;
/** The node's id, 33 bytes. */
const ownerKey = `${meta}node`;
/** Present where the seed was created together with the store: no block before the first one followed can pay it. */
const freshKey = `${meta}fresh`;

const schemaOf = async (store: Store): Promise<number | undefined> => {
  const record = await store.get(schemaKey);
  if (record === undefined) return undefined;
  if (record.length !== 4) throw new StoreError({ code: 'corrupt', key: schemaKey, detail: 'expected 4 bytes' });
  return new DataView(record.buffer, record.byteOffset).getUint32(0);
};

/** Checks that a store may be read by this node; nothing is changed. Throws StoreError `newer_schema`, `other_network`, `corrupt`. */
export const checkStore = async (store: Store, network: ChainName, steps = migrations): Promise<void> => {
  const found = await schemaOf(store);
  if (found === undefined) return;
  if (found > steps.length) throw new StoreError({ code: 'newer_schema', found, supported: steps.length });
  const owner = text((await store.get(networkKey)) ?? new Uint8Array());
  if (owner !== network)
    throw new StoreError({ code: 'other_network', expected: network, found: owner || 'no network' });
};

/** Writes the records of a new store, or checks and migrates an old one. Throws as `checkStore`; the store stays open either way. */
export const prepareStore = async (store: Store, network: ChainName, steps = migrations): Promise<void> => {
  await checkStore(store, network, steps);
  const found = await schemaOf(store);
  if (found === undefined) {
    return store.commit([
      { key: schemaKey, value: u32be(steps.length) },
      { key: networkKey, value: utf8(network) },
    ]);
  }
  for (let schema = found; schema < steps.length; schema++) {
    const changes = (await steps[schema]?.(store)) ?? [];
    await store.commit([...changes, { key: schemaKey, value: u32be(schema + 1) }]);
  }
};

/** The node that a store belongs to: its id, `nobody` where the store is empty, `somebody` where no id was recorded. */
export const ownerOf = async (store: Store): Promise<Uint8Array | 'nobody' | 'somebody'> => {
  const owner = await store.get(ownerKey);
  if (owner !== undefined) return owner;
  for await (const [key] of store.entries('')) if (!key.startsWith(meta)) return 'somebody';
  return 'nobody';
};

/** Records that the store belongs to this node; `fresh` where its seed has just been created. */
export const markOwner = (store: Store, nodeId: Point, fresh: boolean): Promise<void> =>
  store.commit([{ key: ownerKey, value: nodeId }, ...(fresh ? [{ key: freshKey, value: new Uint8Array() }] : [])]);

/** Whether the seed of its node was created together with the store. */
export const isMarkedFresh = async (store: Store): Promise<boolean> => (await store.get(freshKey)) !== undefined;
