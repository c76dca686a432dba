/** Stores of earlier versions: what they held is read as it was meant. */
import { expect, test } from 'vitest';
import { restorePayment } from '../../amp/paymentstore.ts';
import { records, restore } from '../../channel/persist.ts';
import type { Funded } from '../../channel/state.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { migrations } from '../../node/store/migrations.ts';
import { prepareStore } from '../../node/store/open.ts';
import { equal, u32be, utf8 } from '../../wire/bytes.ts';
import { started } from '../amp/byhand.ts';
import { ampRequest } from '../amp/payer.ts';
import { give, offerOf, ready, type Side, settle } from '../channel/pair.ts';

const fundedOf = ({ state }: Side): Funded => {
  if (!('core' in state)) throw new Error('no funding');
  return state;
};

/** A channel with an HTLC either way, and the same channel in later phases. */
const channels = (): readonly Funded[] => {
  const pair = ready();
  give(pair, pair.a, offerOf(100_000_000n, 1));
  settle(pair);
  give(pair, pair.b, offerOf(20_000_000n, 2));
  settle(pair);
  const open = fundedOf(pair.a);
  give(pair, pair.a, { type: 'force_close' });
  const failed = fundedOf(pair.a);
  const tx = pair.a.broadcasts.at(-1)?.tx ?? new Uint8Array();
  give(pair, pair.a, { type: 'funding_spent', tx, height: 600 });
  const onchain = fundedOf(pair.a);
  if (onchain.phase !== 'onchain') throw new Error(`phase ${onchain.phase}`);
  return [open, failed, { ...onchain, before: { why: '', outdated: false, agreed: undefined } }];
};

/** How many bytes schema 1 added to the end of a record. */
const added = (key: string, phase: Funded['phase']): number => {
  if (key.startsWith('htlc/')) return 1;
  return key === 'phase' ? { open: 0, negotiating: 0, failed: 1, onchain: 4, closed: 0 }[phase] : 0;
};

test.each(channels())('a channel that schema 0 kept in phase $phase is the same channel', async (state) => {
  const now = records(state);
  const disk = new Map<string, Uint8Array>(
    [...now].map(([key, value]) => [`channel/k/${key}`, value.slice(0, value.length - added(key, state.phase))]),
  );
  disk.set('meta/schema', u32be(0)).set('meta/network', utf8('regtest'));
  const store = memoryStore(disk);
  await prepareStore(store, 'regtest');
  const own = [...disk].flatMap(([key, value]): [string, Uint8Array][] =>
    key.startsWith('channel/k/') ? [[key.slice(10), value]] : [],
  );
  const back = records(restore(new Map(own)));
  expect([...back.keys()].sort()).toEqual([...now.keys()].sort());
  expect(
    [...back].filter(([key, value]) => !equal(value, now.get(key) ?? new Uint8Array())).map(([key]) => key),
  ).toEqual([]);
  expect(disk.get('meta/schema')).toEqual(u32be(migrations.length));
});

test('a payment that schema 1 kept under way is the same payment', async () => {
  const payer = started(ampRequest());
  const now = new Map(payer.store);
  const learnt = now.get('learnt/0') ?? new Uint8Array();
  const disk = new Map<string, Uint8Array>([...now].map(([key, value]) => [`payment/p/${key}`, value]));
  disk.set('payment/p/learnt/0', learnt.slice(0, learnt.length - 8));
  disk.set('meta/schema', u32be(1)).set('meta/network', utf8('regtest'));
  await prepareStore(memoryStore(disk), 'regtest');
  const own = [...disk].flatMap(([key, value]): [string, Uint8Array][] =>
    key.startsWith('payment/p/') ? [[key.slice(10), value]] : [],
  );
  expect(restorePayment(new Map(own))).toEqual(payer.payment);
});
