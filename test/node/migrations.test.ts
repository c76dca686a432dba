/** Stores of earlier versions: what they held is read as it was meant. */
import { expect, test } from 'vitest';
import { restorePayment } from '../../amp/paymentstore.ts';
import { records, restore } from '../../channel/model/persist.ts';
import type { Funded } from '../../channel/model/state.ts';
import { ReplayLog } from '../../node/forward/replayprotection.ts';
import { encodeInvoiceRecord, type InvoiceRecord } from '../../node/pay/invoicerecord.ts';
import { Invoices } from '../../node/pay/invoices.ts';
import { encodePaymentRecord, type PaymentRecord } from '../../node/pay/paymentrecord.ts';
import { PaymentStore } from '../../node/pay/paymentstore.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { migrations } from '../../node/store/migrations.ts';
import { prepareStore } from '../../node/store/open.ts';
import { concat, equal, hex, u16be, u32be, utf8 } from '../../wire/bytes.ts';
import { msat, paymentHash, preimage } from '../../wire/units.ts';
import { started } from '../amp/byhand.ts';
import { ampRequest, nodeOf } from '../amp/payer.ts';
import { bytes32 } from '../amp/receiver.ts';
import { give, offerOf, ready, type Side, settle } from '../channel/pair.ts';
import { collect } from '../support/counting.ts';

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

const bring = async (disk: Map<string, Uint8Array>, schema: number) => {
  disk.set('meta/schema', u32be(schema)).set('meta/network', utf8('regtest'));
  const store = memoryStore(disk);
  await prepareStore(store, 'regtest');
  return { store, gate: new Gate(store, (error) => expect(error).toBeUndefined()) };
};

test('payments that schema 2 kept under their ids are listed, found and ended as before', async () => {
  const records = [1, 2, 3].map((n): PaymentRecord => {
    const over =
      n === 3 ? undefined : { at: 9, delivered: msat(5n), sent: msat(6n), parts: 1, preimages: [], why: undefined };
    return {
      ...{ id: `payment ${n}`, createdIndex: BigInt(n), createdAt: n, destination: nodeOf(1), paymentHash: bytes32(7) },
      ...{ amount: msat(5n), scheme: 'fixed', label: n === 1 ? 'rent' : undefined, bolt11: undefined },
      ...{ description: 'flat', status: over === undefined ? 'pending' : 'complete', result: over },
    };
  });
  const disk = new Map(records.map((record) => [`pay/${record.id}`, encodePaymentRecord(record)]));
  const { store, gate } = await bring(disk, 2);
  const book = await PaymentStore.load(store, gate);
  expect(await collect(book.list())).toEqual(records);
  expect(book.pending()).toEqual(records.slice(2));
  // Of several with one hash, what is paid is what counts.
  expect(await book.byHash(bytes32(7))).toEqual(records[0]);
  expect([...disk.keys()].filter((key) => key.startsWith('pay/payment'))).toEqual([]);
});

test('invoices that schema 3 kept under their hashes are listed, found and paid as before', async () => {
  const records = [1, 2].map((n): InvoiceRecord => {
    const paid = { payIndex: 1n, received: msat(5n), at: 9, set: bytes32(8), preimages: [] };
    return {
      ...{
        label: `bill ${n}`,
        kind: 'ordinary',
        bolt11: 'lnbcrt',
        description: '',
        amount: n === 1 ? msat(5n) : undefined,
      },
      ...{ paymentHash: paymentHash(bytes32(n)), paymentSecret: bytes32(20 + n), preimage: preimage(bytes32(30 + n)) },
      ...{ minFinalCltv: 18, createdIndex: BigInt(n), expiresAt: 1_000, paid: n === 1 ? paid : undefined },
    };
  });
  const disk = new Map(records.map((one) => [`invoice/${hex(one.paymentHash)}`, encodeInvoiceRecord(one)]));
  const { store, gate } = await bring(disk, 3);
  const invoices = await Invoices.load(store, gate, () => 100);
  expect(await collect(invoices.list())).toEqual(records);
  expect(await collect(invoices.listPaid())).toEqual(records.slice(0, 1));
  expect(await invoices.byLabel('bill 1')).toEqual(records[0]);
  expect(invoices.openByHash(bytes32(2))).toEqual(records[1]);
  expect(await invoices.add({ ...(records[0] as InvoiceRecord), label: 'new' })).toBe('hash');
  expect(disk.size).toBe(2 + 2 * 3 + 2);
});

test('an onion that schema 4 had seen is seen, and known with the HTLC that brought it', async () => {
  const tag = bytes32(5);
  const name = utf8('ab/cd/7');
  const disk = new Map([[`replay/${hex(tag)}`, concat(u32be(600), u16be(name.length), name)]]);
  const { store } = await bring(disk, 4);
  const log = await ReplayLog.load(store);
  expect(log.check(tag, { channel: 'ab/cd', id: 7n }, 600)).toBe('known');
  expect(log.check(tag, { channel: 'ab/cd', id: 8n }, 600)).toBe('replayed');
  for (let height = 601; height < 606; height++) await store.commit(log.prune(height));
  expect([...disk.keys()].filter((key) => key.startsWith('replay/'))).toEqual([]);
});

test('a store of schema 5 is taken as it is, and is not taken for one of schema 5 from then on', async () => {
  const disk = new Map([['highest/kind', Uint8Array.of(7)]]);
  await bring(disk, 5);
  expect(disk.get('highest/kind')).toEqual(Uint8Array.of(7));
  expect(disk.get('meta/schema')).toEqual(u32be(migrations.length));
  await expect(prepareStore(memoryStore(disk), 'regtest', migrations.slice(0, 5))).rejects.toMatchObject({
    fault: { code: 'newer_schema', found: migrations.length, supported: 5 },
  });
});

test('a store of schema 6 loses the gossip that is in a file of its own now, and keeps our own', async () => {
  const kinds = ['channel/00', 'policy/00/1', 'node/02', 'own/node', 'spent/00'];
  const disk = new Map(kinds.map((kind) => [`graph/${kind}`, Uint8Array.of(7)]));
  await bring(disk, 6);
  expect([...disk.keys()].filter((key) => key.startsWith('graph/'))).toEqual(['graph/own/node', 'graph/spent/00']);
});
