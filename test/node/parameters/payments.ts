/** Parameters of methods about payments and invoices. */
import { decodeInvoice } from '../../../wire/invoice.ts';
import type { Line } from '../../support/line.ts';
import { becomes } from '../../support/pair.ts';
import { bill, fresh, paid, type Rows, STRANGER, said, secret } from './rows.ts';

const decoded = async (line: Line, given: Parameters<typeof bill>[1]) => {
  const read = async (terms: Parameters<typeof bill>[1]) => {
    const { timestamp: _, ...invoice } = decodeInvoice((await bill(line, terms)).bolt11);
    const { amount, description, descriptionHash, expiry, minFinalCltvExpiryDelta, features, routes } = invoice;
    return { amount, description, descriptionHash, expiry, minFinalCltvExpiryDelta, features, routes };
  };
  return [await read({}), await read(given)] as const;
};
const field = (answer: unknown, name: string): unknown =>
  typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>)[name] : answer;
/** Shares that a payment sent, over all its HTLCs. */
const blobsIn = (answer: unknown): number => {
  const shards = field(answer, 'shards');
  const carried = Array.isArray(shards) ? shards.map((shard: unknown) => field(shard, 'blobs')) : [];
  return carried.flatMap((blobs: unknown) => (Array.isArray(blobs) ? blobs : [])).length;
};
const payField = async (line: Line, name: string, given: object, invoice: Parameters<typeof bill>[1] = {}) =>
  [field(await paid(line, {}, invoice), name), field(await paid(line, given, invoice), name)] as const;
const keysent = (line: Line, given: object = {}) =>
  said(line.givenUp(line.alice.call('keysend', { destination: line.carol.id, amount_msat: 5_000_000n, ...given })));
const keysendField = async (line: Line, name: string, given: object) =>
  [field(await keysent(line), name), field(await keysent(line, given), name)] as const;
const lastPay = async ({ alice }: Line) => (await alice.call('listpays', {})).pays.at(-1);

export const invoiceRows: Rows = {
  'invoice.amount_msat': (line) => decoded(line, { amount_msat: 'any' }),
  'invoice.label': async (line) => {
    const { label } = await bill(line);
    return [await said(bill(line, { label })), await said(bill(line, { label: fresh() }))];
  },
  'invoice.description': (line) => decoded(line, { description: 'coffee' }),
  'invoice.expiry': (line) => decoded(line, { expiry: 60 }),
  'invoice.preimage': async (line) => {
    const preimage = secret();
    return [(await bill(line)).payment_hash, (await bill(line, { preimage })).payment_hash];
  },
  'invoice.exposeprivatechannels': async (line) => {
    const [channel] = (await line.carol.call('listpeerchannels', { channel_id: line.right })).channels;
    return decoded(line, { exposeprivatechannels: [channel?.short_channel_id ?? ''] });
  },
  'invoice.cltv': (line) => decoded(line, { cltv: 100 }),
  'invoice.deschashonly': (line) => decoded(line, { deschashonly: true }),
  'invoice.amp': (line) => decoded(line, { amp: 'eob' }),
  ...Object.fromEntries(
    (['label', 'invstring', 'payment_hash'] as const).map((name) => [
      `listinvoices.${name}`,
      async (line: Line) => {
        const one = await bill(line);
        await bill(line);
        const given = { label: one.label, invstring: one.bolt11, payment_hash: one.payment_hash }[name];
        const all = await line.carol.call('listinvoices', {});
        return [all.invoices.length, (await line.carol.call('listinvoices', { [name]: given })).invoices.length];
      },
    ]),
  ),
  'listinvoices.index': async (line) => {
    const [first, second] = [await bill(line), await bill(line)];
    await line.alice.call('pay', { bolt11: second.bolt11 });
    await line.alice.call('pay', { bolt11: first.bolt11 });
    const order = async (index: 'created' | 'updated') =>
      (await line.carol.call('listinvoices', { index })).invoices.slice(-2).map(({ label }) => label);
    return [await order('created'), await order('updated')];
  },
  'listinvoices.start': async (line) => {
    await bill(line);
    const { invoices } = await line.carol.call('listinvoices', {});
    return [invoices.length, (await line.carol.call('listinvoices', { start: 2 })).invoices.length];
  },
  'listinvoices.limit': async (line) => [
    (await line.carol.call('listinvoices', {})).invoices.length,
    (await line.carol.call('listinvoices', { limit: 1 })).invoices.length,
  ],
  'waitinvoice.label': async (line) => {
    const { label, bolt11 } = await bill(line);
    await line.alice.call('pay', { bolt11 });
    return [
      await said(line.carol.call('waitinvoice', { label: 'nosuch' })),
      await said(line.carol.call('waitinvoice', { label })),
    ];
  },
  'waitanyinvoice.lastpay_index': async (line) => {
    await paid(line);
    await paid(line);
    const first = await line.carol.call('waitanyinvoice', {});
    return [first, await line.carol.call('waitanyinvoice', { lastpay_index: first.pay_index ?? 0 })];
  },
  'waitanyinvoice.timeout': async ({ carol }) => {
    const behind = { lastpay_index: 1_000_000 };
    return [
      await Promise.race([said(carol.call('waitanyinvoice', behind)), 'it waits']),
      await said(carol.call('waitanyinvoice', { ...behind, timeout: 0 })),
    ];
  },
  'decode.string': async (line) => [
    await line.carol.call('decode', { string: (await bill(line)).bolt11 }),
    await line.carol.call('decode', { string: (await bill(line)).bolt11 }),
  ],
  'decodepay.bolt11': async (line) => [
    await line.carol.call('decodepay', { bolt11: (await bill(line)).bolt11 }),
    await line.carol.call('decodepay', { bolt11: (await bill(line)).bolt11 }),
  ],
  'decodepay.description': async (line) => {
    const { bolt11 } = await bill(line, { description: 'tea', deschashonly: true });
    return [
      await line.carol.call('decodepay', { bolt11 }),
      await line.carol.call('decodepay', { bolt11, description: 'tea' }),
    ];
  },
  ...Object.fromEntries(
    (['label', 'set_id'] as const).map((name) => [
      `listsets.${name}`,
      async (line: Line) => {
        const { bolt11 } = await bill(line, { amp: 'eob' });
        const paying = said(line.alice.call('pay', { bolt11, scheme: 'fixed', shards: 2, dev_withhold: 1 }));
        const sets = async (given = {}) => (await line.carol.call('listsets', given)).sets.length;
        await becomes('a set at carol', async () => (await sets()) > 0);
        const found = [await sets(), await sets({ [name]: name === 'label' ? 'another' : '00'.repeat(32) })] as const;
        await line.givenUp(paying);
        return found;
      },
    ]),
  ),
};

/** A payment that stays under way until its payee gives it up. */
const withheld = { scheme: 'fixed', shards: 2, dev_withhold: 1 } as const;
const withheldBill = async (line: Line) => ({ bolt11: (await bill(line, { amp: 'eob' })).bolt11, ...withheld });
/** Until when a payment is tried that is under way. */
const deadlineOf = async (line: Line, payment: Promise<unknown>): Promise<string | undefined> => {
  const over = said(payment);
  let deadline: string | undefined;
  await becomes('a payment under way', async () => {
    const dump = await line.alice.call('dev-dump-state', {});
    const text = JSON.stringify(dump, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
    deadline = /"deadline":"?([0-9]+)/.exec(text)?.[1];
    return deadline !== undefined;
  });
  await line.givenUp(over);
  return deadline;
};
const amp = { amp: 'eob' } as const;
/** A payment of which any two shards will do. */
const anyTwo = { scheme: 'threshold', shards: 2 } as const;

export const payRows: Rows = {
  'pay.bolt11': async (line) => [
    field(await paid(line, {}, { amount_msat: 1_000_000n }), 'amount_msat'),
    field(await paid(line, {}, { amount_msat: 2_000_000n }), 'amount_msat'),
  ],
  'pay.amount_msat': (line) => payField(line, 'amount_msat', { amount_msat: 2_000_000n }, { amount_msat: 'any' }),
  'pay.label': async (line) => {
    await paid(line);
    const before = (await lastPay(line))?.label;
    await paid(line, { label: 'lunch' });
    return [before, (await lastPay(line))?.label];
  },
  'pay.maxfeepercent': async (line) => [
    await paid(line, { exemptfee: 0, maxfeepercent: 0.001 }),
    field(await paid(line, { exemptfee: 0, maxfeepercent: 1 }), 'status'),
  ],
  'pay.exemptfee': async (line) => [
    await paid(line, { maxfeepercent: 0, exemptfee: 1049 }),
    field(await paid(line, { maxfeepercent: 0, exemptfee: 1050 }), 'status'),
  ],
  'pay.maxfee': (line) => payField(line, 'status', { maxfee: 0 }),
  'pay.exclude': async (line) => [
    await paid(line, { exclude: [line.bob.id], retry_for: 0 }),
    field(await paid(line, { exclude: [STRANGER] }), 'status'),
  ],
  // A part alone would be held for a minute; here one that is more than the whole is refused.
  'pay.partial_msat': (line) => payField(line, 'status', { partial_msat: 10n ** 15n }),
  'pay.maxdelay': (line) => payField(line, 'status', { maxdelay: 60 }),
  'pay.retry_for': async (line) => {
    const paying = async (given: object) =>
      deadlineOf(line, line.alice.call('pay', { ...(await withheldBill(line)), ...given }));
    return [await paying({}), await paying({ retry_for: 5 })];
  },
  'pay.description': async (line) => {
    const hashed = { deschashonly: true, description: 'two cups' };
    await paid(line, {}, hashed);
    const before = (await lastPay(line))?.description;
    await paid(line, { description: 'two cups' }, hashed);
    return [before, (await lastPay(line))?.description];
  },
  'pay.scheme': (line) => payField(line, 'scheme', { scheme: 'fixed' }, amp),
  'pay.shards': (line) => payField(line, 'parts', { shards: 3 }),
  'pay.redundancy': async (line) => [
    blobsIn(await paid(line, anyTwo, amp)),
    blobsIn(await paid(line, { ...anyTwo, redundancy: 1, strategy: 'flow' }, amp)),
  ],
  'pay.maxoverpayment': async (line) => [
    field(await paid(line, { ...anyTwo, redundancy: 1 }, amp), 'status'),
    await paid(line, { ...anyTwo, redundancy: 1, maxoverpayment: 1 }, amp),
  ],
  'pay.shares': async (line) => [
    blobsIn(await paid(line, { scheme: 'fixed' }, amp)),
    blobsIn(await paid(line, { scheme: 'fixed', shares: 3 }, amp)),
  ],
  'pay.blob': (line) => payField(line, 'status', { blob: ['1:14:c0ffee'] }, amp),
  'pay.dev_withhold': (line) => payField(line, 'status', { shards: 2, scheme: 'fixed', dev_withhold: 1 }, amp),
  'keysend.destination': async (line) => [
    field(await keysent(line, { destination: line.bob.id }), 'destination'),
    field(await keysent(line), 'destination'),
  ],
  'keysend.amount_msat': (line) => keysendField(line, 'amount_msat', { amount_msat: 1_000_000n }),
  'keysend.label': async (line) => {
    await keysent(line);
    const before = (await lastPay(line))?.label;
    await keysent(line, { label: 'a gift' });
    return [before, (await lastPay(line))?.label];
  },
  'keysend.maxfeepercent': async (line) => [
    await keysent(line, { exemptfee: 0, maxfeepercent: 0.001 }),
    field(await keysent(line, { exemptfee: 0, maxfeepercent: 1 }), 'status'),
  ],
  'keysend.exemptfee': async (line) => [
    await keysent(line, { maxfeepercent: 0, exemptfee: 1049 }),
    field(await keysent(line, { maxfeepercent: 0, exemptfee: 1050 }), 'status'),
  ],
  'keysend.maxfee': (line) => keysendField(line, 'status', { maxfee: 0 }),
  'keysend.maxdelay': (line) => keysendField(line, 'status', { maxdelay: 60 }),
  'keysend.retry_for': async (line) => {
    const paying = (given: object) => {
      const gift = { destination: line.carol.id, amount_msat: 5_000_000n, ...withheld, ...given };
      return deadlineOf(line, line.alice.call('keysend', gift));
    };
    return [await paying({}), await paying({ retry_for: 5 })];
  },
  'keysend.force': async (line) => [
    await keysent(line, { destination: STRANGER, retry_for: 0, scheme: 'tree' }),
    await keysent(line, { destination: STRANGER, retry_for: 0, scheme: 'tree', force: true }),
  ],
  'keysend.extratlvs': async (line) => {
    const received = async (given: object) => {
      await keysent(line, { scheme: 'single', ...given });
      return (await line.carol.call('listinvoices', {})).invoices.at(-1)?.extratlvs;
    };
    return [await received({}), await received({ extratlvs: { 696969: 'c0ffee' } })];
  },
  'keysend.scheme': (line) => keysendField(line, 'scheme', { scheme: 'fixed' }),
  'keysend.shards': (line) => keysendField(line, 'parts', { shards: 3, scheme: 'fixed' }),
  'keysend.redundancy': async (line) => [
    blobsIn(await keysent(line, anyTwo)),
    blobsIn(await keysent(line, { ...anyTwo, redundancy: 1 })),
  ],
  'keysend.maxoverpayment': async (line) => [
    field(await keysent(line, { ...anyTwo, redundancy: 1 }), 'status'),
    await keysent(line, { ...anyTwo, redundancy: 1, maxoverpayment: 1 }),
  ],
  'keysend.shares': async (line) => [
    blobsIn(await keysent(line, { scheme: 'fixed' })),
    blobsIn(await keysent(line, { scheme: 'fixed', shares: 3 })),
  ],
  'keysend.blob': (line) => keysendField(line, 'status', { scheme: 'tree', blob: ['1:14:c0ffee'] }),
  'keysend.dev_withhold': (line) => keysendField(line, 'status', { shards: 2, scheme: 'fixed', dev_withhold: 1 }),
  ...Object.fromEntries(
    (['bolt11', 'payment_hash'] as const).map((name) => [
      `listpays.${name}`,
      async (line: Line) => {
        const one = await bill(line);
        await line.alice.call('pay', { bolt11: one.bolt11 });
        const { pays } = await line.alice.call('listpays', {});
        return [pays.length, (await line.alice.call('listpays', { [name]: one[name] })).pays.length];
      },
    ]),
  ),
  'listpays.status': async ({ alice }) => [
    (await alice.call('listpays', {})).pays.length,
    (await alice.call('listpays', { status: 'failed' })).pays.length,
  ],
  // There is one order: what asks for another is told so.
  'listpays.index': async ({ alice }) => [
    await said(alice.call('listpays', { index: 'created' })),
    await said((async () => alice.call('listpays', { index: 'updated' } as never))()),
  ],
  'listpays.start': async ({ alice }) => [
    (await alice.call('listpays', {})).pays.length,
    (await alice.call('listpays', { start: 3 })).pays.length,
  ],
  'listpays.limit': async ({ alice }) => [
    (await alice.call('listpays', {})).pays.length,
    (await alice.call('listpays', { limit: 1 })).pays.length,
  ],
  'listchannels.short_channel_id': async ({ alice, carol, right }) => {
    const [channel] = (await carol.call('listpeerchannels', { channel_id: right })).channels;
    const one = await alice.call('listchannels', { short_channel_id: channel?.short_channel_id ?? '' });
    return [(await alice.call('listchannels', {})).channels.length, one.channels.length];
  },
  'listchannels.source': async ({ alice, carol }) => [
    (await alice.call('listchannels', {})).channels.length,
    (await alice.call('listchannels', { source: carol.id })).channels.length,
  ],
  'listchannels.destination': async ({ alice, carol }) => [
    (await alice.call('listchannels', {})).channels.length,
    (await alice.call('listchannels', { destination: carol.id })).channels.length,
  ],
  'listnodes.id': async ({ alice }) => [
    (await alice.call('listnodes', {})).nodes.length,
    (await alice.call('listnodes', { id: STRANGER })).nodes.length,
  ],
};
