/** HTLCs over routes and with onions of a caller's own, through whole nodes: from getroute to waitsendpay. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError } from '../../node/api/errors.ts';
import { scidFrom } from '../../node/api/params.ts';
import { writeFinal, writeForward } from '../../onion/payload.ts';
import { lengthPrefixed } from '../../onion/rawpayload.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes, startPair } from '../support/pair.ts';

let line: Line;
beforeAll(async () => {
  line = await startLine(2);
  await line.mine(6);
  await becomes('both channels known to alice', async () => {
    const { channels } = await line.alice.call('listchannels', {});
    return channels.length === 4;
  });
});
afterAll(() => line?.stop());

let labels = 0;
const bill = async (amount_msat = 1_000_000n) => {
  const made = await line.carol.call('invoice', { amount_msat, label: `bill ${++labels}`, description: 'tea' });
  const { bolt11, payment_hash, payment_secret } = made;
  return { bolt11, payment_hash, payment_secret };
};
const routeTo = async (amount_msat = 1_000_000n) => {
  const { route } = await line.alice.call('getroute', { id: line.carol.id, amount_msat, riskfactor: 10, cltv: 50 });
  return route;
};
/** The error of a call, with its number and data. */
const failed = async (call: Promise<unknown>): Promise<Pick<ApiError, 'code' | 'data' | 'message'>> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, data: error.data, message: error.message };
    throw error;
  }
  throw new Error('it did not fail');
};
const unknown = (n: number): string => hex(new Uint8Array(32).fill(n));

describe('sendpay', () => {
  test('pays an invoice over a route of getroute, and all lists show it', async () => {
    const { alice, carol } = line;
    const { bolt11, payment_hash, payment_secret } = await bill();
    const route = await routeTo();
    const sent = await alice.call('sendpay', { route, payment_hash, payment_secret, bolt11, label: 'by hand' });
    expect(sent).toMatchObject({ status: 'pending', groupid: 1, amount_msat: 1_000_000n, destination: carol.id });
    const over = await alice.call('waitsendpay', { payment_hash, timeout: 30 });
    expect(over).toMatchObject({ status: 'complete', label: 'by hand', bolt11, amount_sent_msat: 1_001_010n });
    const { invoices } = await carol.call('listinvoices', { payment_hash });
    expect(invoices).toMatchObject([{ status: 'paid', payment_preimage: over.payment_preimage }]);
    expect((await alice.call('listsendpays', { payment_hash })).payments).toMatchObject([over]);
    expect((await alice.call('listpays', { bolt11 })).pays).toMatchObject([
      { status: 'complete', preimage: over.payment_preimage, number_of_parts: 1, label: 'by hand' },
    ]);
    // Paid is paid: neither sendpay nor pay sends anything more.
    expect(await alice.call('sendpay', { route, payment_hash, payment_secret })).toMatchObject({ status: 'complete' });
    expect(await alice.call('pay', { bolt11 })).toMatchObject({
      ...{ status: 'complete', payment_preimage: over.payment_preimage, amount_sent_msat: 1_001_010n },
    });
    expect((await alice.call('listsendpays', { payment_hash })).payments).toHaveLength(1);
  });

  test('pays in two parts of one group, which the payee takes together', async () => {
    const { alice } = line;
    const { payment_hash, payment_secret } = await bill();
    const common = { payment_hash, payment_secret, amount_msat: 1_000_000n, groupid: 7 };
    await alice.call('sendpay', { route: await routeTo(400_000n), partid: 1, ...common });
    expect(await failed(alice.call('waitsendpay', { payment_hash, partid: 1, timeout: 0 }))).toMatchObject({
      code: 200,
    });
    const tooMuch = { route: await routeTo(700_000n), partid: 2, ...common };
    expect(await failed(alice.call('sendpay', tooMuch))).toMatchObject({ code: -32602, data: { field: 'route' } });
    await alice.call('sendpay', { route: await routeTo(600_000n), partid: 2, ...common });
    for (const partid of [1, 2])
      expect(await alice.call('waitsendpay', { payment_hash, partid, groupid: 7 })).toMatchObject({
        status: 'complete',
      });
    expect((await alice.call('listpays', { payment_hash })).pays).toMatchObject([
      { number_of_parts: 2, amount_msat: 1_000_000n, created_index: 2 },
    ]);
  });

  test('of a hash that the destination does not know fails there: 203, with where and why', async () => {
    const { alice, carol } = line;
    const route = await routeTo();
    const payment_hash = unknown(1);
    await alice.call('sendpay', { route, payment_hash, payment_secret: unknown(2) });
    const { code, data } = await failed(alice.call('waitsendpay', { payment_hash }));
    expect(code).toBe(203);
    expect(data).toMatchObject({
      ...{
        erring_index: 2,
        erring_node: carol.id,
        erring_channel: route[1]?.channel,
        erring_direction: route[1]?.direction,
      },
      ...{
        failcode: 0x400f,
        failcodename: 'WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS',
        status: 'failed',
        payment_hash,
      },
    });
    expect(await failed(alice.call('waitsendpay', { payment_hash }))).toMatchObject({ code: 203, data });
  });

  test('of too small a fee fails on the way: 204, with the channel that wanted more', async () => {
    const { alice, bob } = line;
    const [first, second] = await routeTo();
    if (first === undefined || second === undefined) throw new Error('no route');
    const route = [{ ...first, amount_msat: second.amount_msat }, second];
    await alice.call('sendpay', { route, payment_hash: unknown(3) });
    const { code, data } = await failed(alice.call('waitsendpay', { payment_hash: unknown(3) }));
    expect(code).toBe(204);
    expect(data).toMatchObject({
      ...{ erring_index: 1, erring_node: bob.id, erring_channel: second.channel },
      failcodename: 'WIRE_FEE_INSUFFICIENT',
    });
  });

  test('pays an invoice of this node over a route that ends here, and over no other', async () => {
    const { alice } = line;
    const made = await alice.call('invoice', { amount_msat: 1_000_000n, label: 'own', description: 'own' });
    const { payment_hash, payment_secret } = made;
    const [first, second] = await routeTo();
    if (first === undefined || second === undefined) throw new Error('no route');
    const away = { route: [first, second], payment_hash, payment_secret };
    expect(await failed(alice.call('sendpay', away))).toMatchObject({ code: 217 });
    const route = [first, { ...second, id: alice.id, channel: first.channel }];
    await alice.call('sendpay', { route, payment_hash, payment_secret });
    expect(await alice.call('waitsendpay', { payment_hash })).toMatchObject({
      ...{ status: 'complete', destination: alice.id, amount_sent_msat: 1_001_010n },
    });
    expect((await alice.call('listinvoices', { payment_hash })).invoices).toMatchObject([{ status: 'paid' }]);
  });

  test('takes the names of a route of getroutes, and passes over what else stands there', async () => {
    const { alice } = line;
    const { payment_hash, payment_secret } = await bill();
    const route = (await routeTo()).map(({ id, channel, direction, amount_msat, delay }) => ({
      ...{ node_id_out: id, short_channel_id_dir: `${channel}/${direction}`, amount_out_msat: amount_msat },
      ...{ cltv_out: delay, fee: 'what else' },
    }));
    await alice.call('sendpay', { route, payment_hash, payment_secret });
    expect(await alice.call('waitsendpay', { payment_hash })).toMatchObject({ status: 'complete' });
  });

  test('of a hash that pay is paying is refused, and so is pay while a part is under way', async () => {
    const { alice, bob, carol } = line;
    await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: true });
    const [one, other] = [await bill(), await bill()];
    const paying = alice.call('pay', { bolt11: one.bolt11 });
    await becomes(
      'a payment under way',
      async () => (await alice.call('listpays', { status: 'pending' })).pays.length > 0,
    );
    const { payment_hash, payment_secret } = one;
    const route = await routeTo();
    expect(await failed(alice.call('sendpay', { route, payment_hash, payment_secret }))).toMatchObject({ code: 200 });
    await alice.call('sendpay', { route, payment_hash: other.payment_hash, payment_secret: other.payment_secret });
    expect(await failed(alice.call('pay', { bolt11: other.bolt11 }))).toMatchObject({ code: 200 });
    const waiting = alice.call('waitsendpay', { payment_hash });
    expect((await alice.call('listsendpays', { status: 'pending' })).payments).toHaveLength(2);
    expect((await alice.call('listpays', { status: 'pending' })).pays).toHaveLength(2);
    await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: false });
    expect(await waiting).toMatchObject({ status: 'complete', payment_hash });
    expect(await paying).toMatchObject({ status: 'complete' });
  });

  test('and pay for the same invoice at the same moment send it once', async () => {
    const { alice, carol } = line;
    const { bolt11, payment_hash, payment_secret } = await bill();
    const route = await routeTo();
    const both = await Promise.allSettled([
      alice.call('pay', { bolt11 }),
      alice.call('sendpay', { route, payment_hash, payment_secret }),
    ]);
    expect(both.map(({ status }) => status)).toContain('fulfilled');
    expect(await alice.call('waitsendpay', { payment_hash })).toMatchObject({ status: 'complete' });
    const { payments } = await alice.call('listsendpays', { payment_hash });
    expect(payments).toMatchObject([{ status: 'complete', amount_sent_msat: 1_001_010n }]);
    expect((await carol.call('listinvoices', { payment_hash })).invoices).toMatchObject([
      { status: 'paid', amount_received_msat: 1_000_000n },
    ]);
  });

  test('refuses a route that no node would take, naming the field', async () => {
    const { alice } = line;
    const [first, second] = await routeTo();
    if (first === undefined || second === undefined) throw new Error('no route');
    const payment_hash = unknown(4);
    const more = { ...second, amount_msat: first.amount_msat + 1n };
    const longer = { ...second, delay: first.delay + 1 };
    const rows: readonly (readonly [string, object])[] = [
      ['route', { route: [] }],
      ['route.1.amount_msat', { route: [first, more] }],
      ['route.1.delay', { route: [first, longer] }],
      ['amount_msat', { route: [first, second], amount_msat: 5n }],
      ['amount_msat', { route: [first, second], partid: 1 }],
      ['payment_secret', { route: [first, second], partid: 1, amount_msat: 1_000_000n }],
    ];
    for (const [field, given] of rows)
      expect(await failed(alice.call('sendpay', { payment_hash, ...given } as never))).toMatchObject({
        ...{ code: -32602, data: { field } },
      });
    const nowhere = { ...first, channel: '9x9x9' };
    expect(await failed(alice.call('sendpay', { route: [nowhere, second], payment_hash }))).toMatchObject({
      ...{
        code: 204,
        data: {
          ...{ field: 'route.0.channel', erring_index: 0, erring_node: alice.id },
          failcodename: 'WIRE_UNKNOWN_NEXT_PEER',
        },
      },
    });
    expect(await failed(alice.call('waitsendpay', { payment_hash }))).toMatchObject({ code: 208 });
  });
});

describe('sendonion', () => {
  /** An onion to carol, bound to a payment hash, as a caller makes it. */
  const made = async (payment_hash: string, payment_secret: string) => {
    const [first, second] = await routeTo();
    if (first === undefined || second === undefined) throw new Error('no route');
    const base = line.alice.node.follower.height + 1;
    const what = { amtToForward: second.amount_msat, outgoingCltvValue: base + second.delay };
    const paymentData = { paymentSecret: unhex(payment_secret), totalMsat: msat(1_000_000n) };
    const streams = [
      writeForward({ ...what, shortChannelId: scidFrom(second.channel) }),
      writeFinal({ ...what, paymentData }),
    ];
    const hops = streams.map((stream, i) => ({
      ...{ pubkey: i === 0 ? first.id : second.id, payload: hex(lengthPrefixed(stream)) },
    }));
    const { onion, shared_secrets } = await line.alice.call('createonion', { hops, assocdata: payment_hash });
    return { onion, shared_secrets, first_hop: first };
  };

  test('pays with an onion of createonion', async () => {
    const { alice } = line;
    const { payment_hash, payment_secret } = await bill();
    const { onion, first_hop, shared_secrets } = await made(payment_hash, payment_secret);
    expect(await alice.call('sendonion', { onion, first_hop, payment_hash, shared_secrets })).toMatchObject({
      ...{ status: 'pending', amount_sent_msat: 1_001_010n },
    });
    expect(await alice.call('waitsendpay', { payment_hash })).toMatchObject({ status: 'complete' });
  });

  test('reads a failure with the shared secrets, and hands it on as it came without them', async () => {
    const { alice } = line;
    const [known, blind] = [unknown(11), unknown(12)];
    const first = await made(known, unknown(2));
    await alice.call('sendonion', { ...first, payment_hash: known });
    expect(await failed(alice.call('waitsendpay', { payment_hash: known }))).toMatchObject({
      ...{ code: 204, data: { erring_index: 2, failcode: 0x400f } },
    });
    const { onion, first_hop } = await made(blind, unknown(2));
    await alice.call('sendonion', { onion, first_hop, payment_hash: blind });
    const { code, data } = await failed(alice.call('waitsendpay', { payment_hash: blind }));
    expect([code, data]).toMatchObject([202, { onionreply: expect.stringMatching(/^[0-9a-f]{584}$/) }]);
    expect((await alice.call('listsendpays', { payment_hash: blind })).payments).toMatchObject([
      { status: 'failed', erroronion: data?.['onionreply'] },
    ]);
  });

  test('refuses bytes that are no onion', async () => {
    const first_hop = (await routeTo())[0];
    if (first_hop === undefined) throw new Error('no route');
    for (const onion of ['00', `01${'02'.repeat(1365)}`, `00${'ff'.repeat(1365)}`])
      expect(await failed(line.alice.call('sendonion', { onion, first_hop, payment_hash: unknown(5) }))).toMatchObject({
        ...{ code: -32602, data: { field: 'onion' } },
      });
  });
});

test('an HTLC of sendpay that is under way when the node is restarted is paid afterwards', async () => {
  const pair = await startPair();
  try {
    await pair.endow('alice', 1_010_000n);
    await pair.open(1_000_000n);
    const { bob } = pair.nodes;
    const alice = () => pair.nodes.alice;
    const made = await bob.call('invoice', { amount_msat: 50_000n, label: 'bill', description: 'bill' });
    const { payment_hash, payment_secret } = made;
    await bob.call('dev-ignore-htlcs', { id: alice().id, ignore: true });
    const { route } = await alice().call('getroute', { id: bob.id, amount_msat: 50_000n, riskfactor: 1, cltv: 40 });
    await alice().call('sendpay', { route, payment_hash, payment_secret });
    await pair.restart('alice');
    expect(await failed(alice().call('waitsendpay', { payment_hash, timeout: 0 }))).toMatchObject({ code: 200 });
    await bob.call('dev-ignore-htlcs', { id: alice().id, ignore: false });
    expect(await alice().call('waitsendpay', { payment_hash, timeout: 30 })).toMatchObject({ status: 'complete' });
    await pair.restart('alice');
    expect(await alice().call('waitsendpay', { payment_hash, timeout: 0 })).toMatchObject({ status: 'complete' });
  } finally {
    await pair.stop();
  }
});
