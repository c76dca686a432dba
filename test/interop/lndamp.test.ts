/**
 * Our node and lnd, with a channel from each to the other: AMP as lnd deploys it, keysend and ordinary payments in several HTLCs, in
 * both directions. lnd has to be on the PATH or in the cache folder, as test/interop/lnd.ts says.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deployedChild } from '../../amp/deployed.ts';
import { joined } from '../../amp/shares.ts';
import { embeddedName } from '../../node/regtest/demo/chain.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { restingBalance, whyNoChain } from '../support/regtest.ts';
import { base64, findLnd, Lnd } from './lnd.ts';

const program = findLnd();
if (program === undefined) console.warn('no lnd on the PATH or in the cache folder, so nothing is checked against it');
const noChain = program === undefined ? undefined : await whyNoChain();
// The chain that this program brings along does not know all that lnd asks of one.
const missing = program === undefined || noChain !== undefined || process.env['BITCOIND'] === embeddedName;

const capacity = 5_000_000n;
const pushed = 2_000_000n;
/** What each of the small payments below is, in satoshi. */
const sat = 160_000n;
const bytes = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const features = ['TLV_ONION_OPT', 'PAYMENT_ADDR_OPT', 'AMP_OPT'];

describe.skipIf(missing)('lnd', () => {
  let net: Network<'ours'>;
  let lnd: Lnd;
  let labels = 0;

  const mine = async (blocks: number): Promise<void> => lnd.reach(await net.mine(blocks));
  const invoice = (amountSat: bigint, amp?: 'eob' | 'deployed') =>
    net.nodes.ours.call('invoice', {
      amount_msat: amountSat * 1000n,
      label: `${labels++}`,
      description: 'tea',
      ...(amp && { amp }),
    });
  const sets = async (paymentHash: string) => {
    const { invoices } = await net.nodes.ours.call('listinvoices', { payment_hash: paymentHash });
    return invoices[0];
  };
  /** Most of what one side can send over both channels together, and more than over either, in satoshi. */
  const most = async (payer: 'ours' | 'theirs'): Promise<bigint> => {
    const ours = await lnd.peersHave(2);
    return ((payer === 'ours' ? ours : 2n * capacity - ours) * 9n) / 10n;
  };
  /** What a payment to us adds to our side of the channels, in satoshi. */
  const gained = async (pay: () => Promise<unknown>): Promise<bigint> => {
    const before = await restingBalance(net.nodes.ours);
    await pay();
    return ((await restingBalance(net.nodes.ours)) - before) / 1000n;
  };

  beforeAll(async () => {
    net = await startNetwork({ nodes: { ours: [] } });
    const { ours } = net.nodes;
    lnd = await Lnd.start({ program: program ?? '', dir: `${net.dir}/lnd`, bitcoind: net.bitcoind });
    await net.bitcoind.call('sendtoaddress', await lnd.address(), '0.2');
    await net.fund({ ours: [20_000_000n] });
    await mine(1);
    await ours.call('connect', { id: lnd.id, host: '127.0.0.1', port: lnd.port });
    await ours.call('fundchannel', { id: lnd.id, amount: capacity, push_msat: pushed * 1000n });
    await until('lnd to open a channel', async () => {
      await lnd.open(ours.id, capacity, pushed);
      return true;
    });
    await mine(6);
    await lnd.peersHave(2);
    await until('our channels to be usable', async () => {
      const { channels } = await ours.call('listpeerchannels');
      return channels.filter(({ state }) => state === 'CHANNELD_NORMAL').length === 2 ? true : undefined;
    });
  });
  afterEach(async () => {
    await lnd.peersHave(2);
  });
  afterAll(async () => {
    await lnd?.stop();
    await net?.stop();
  });

  test.each([1, 4, 16])('lnd pays our node without an invoice by an AMP in %i parts', async (parts) => {
    const given = { dest: base64(unhex(net.nodes.ours.id)), amt: String(sat), amp: true, dest_features: features };
    const size = String((sat * 1000n) / BigInt(parts));
    const added = await gained(async () =>
      expect(await lnd.pay({ ...given, max_parts: 16, max_shard_size_msat: size })).toMatchObject({ parts }),
    );
    expect(added).toBe(sat);
  });

  test.each([1, 4, 16])('our node pays lnd without an invoice by an AMP in %i parts', async (shards) => {
    const amount = sat * 1000n;
    const params = { destination: lnd.id, amount_msat: amount, scheme: 'deployed', shards };
    expect(await net.nodes.ours.call('keysend', params)).toMatchObject({ status: 'complete', parts: shards });
    const { state, is_amp, amt_paid_msat, htlcs, amp_invoice_state } = await lnd.lastInvoice();
    expect({ state, is_amp, amt_paid_msat }).toEqual({
      state: 'SETTLED',
      is_amp: true,
      amt_paid_msat: String(amount),
    });
    expect(htlcs.map((htlc) => htlc.state)).toEqual(Array(shards).fill('SETTLED'));
    expect(Object.keys(amp_invoice_state)).toHaveLength(1);
  });

  test.each([
    ['is claimed where its hashes follow from them', false],
    ['fails in both parts where one hash does not', true],
  ])('a set of two shares that lnd sends to our node %s', async (_, isWrong) => {
    const [setId, paymentSecret, left, root] = [bytes(isWrong ? 1 : 2), bytes(3), bytes(4), bytes(5)];
    const children = [
      { share: left, childIndex: 9 },
      { share: joined([root, left]), childIndex: 2 ** 31 + 1 },
    ].map((one) => ({ ...one, ...deployedChild(root, one.share, one.childIndex) }));
    const ends = await Promise.all(
      children.map(({ preimage: _preimage, ...one }, i) => {
        const paymentHash = isWrong && i === 1 ? bytes(6) : one.paymentHash;
        return lnd.send(net.nodes.ours.id, { ...one, paymentHash, sat, totalSat: 2n * sat, setId, paymentSecret });
      }),
    );
    expect(ends).toEqual(
      isWrong ? Array(2).fill('INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS') : children.map(({ preimage }) => hex(preimage)),
    );
  });

  test('lnd pays an AMP invoice of our node twice, and each payment is a set of its own', async () => {
    const { bolt11, payment_hash } = await invoice(sat, 'deployed');
    const first = await lnd.pay({ payment_request: bolt11, amp: true });
    const second = await lnd.pay({ payment_request: bolt11, amp: true, max_shard_size_msat: String(sat * 200n) });
    expect([first.parts, second.parts]).toEqual([1, 5]);
    expect(await sets(payment_hash)).toMatchObject({
      status: 'paid',
      times_paid: 2,
      sets: [
        { state: 'settled', amount_received_msat: sat * 1000n, parts: 1 },
        { state: 'settled', amount_received_msat: sat * 1000n, parts: 5 },
      ],
    });
  });

  test('our node pays an AMP invoice of lnd twice', async () => {
    const bolt11 = await lnd.invoice(sat, true);
    for (const shards of [1, 4])
      expect(await net.nodes.ours.call('pay', { bolt11, shards })).toMatchObject({ status: 'complete', parts: shards });
    const { amt_paid_msat, amp_invoice_state } = await lnd.lastInvoice();
    expect(amt_paid_msat).toBe(String(2n * sat * 1000n));
    expect(Object.values(amp_invoice_state)).toMatchObject(Array(2).fill({ state: 'SETTLED' }));
  });

  test('our node and lnd pay each other by AMP more than one channel can carry', async () => {
    const owed = await most('theirs');
    const { bolt11, payment_hash } = await invoice(owed, 'deployed');
    expect((await lnd.pay({ payment_request: bolt11, amp: true, max_parts: 16 })).parts).toBeGreaterThan(1);
    expect(await sets(payment_hash)).toMatchObject({ amount_received_msat: owed * 1000n });
    const params = { destination: lnd.id, amount_msat: (await most('ours')) * 1000n, scheme: 'deployed' };
    expect((await net.nodes.ours.call('keysend', params)).parts).toBeGreaterThan(1);
    expect((await lnd.lastInvoice()).amt_paid_msat).toBe(String(params.amount_msat));
  });

  test('our node and lnd pay ordinary invoices of each other over several channels', async () => {
    const { bolt11, payment_hash } = await invoice(await most('theirs'));
    expect((await lnd.pay({ payment_request: bolt11, max_parts: 16 })).parts).toBeGreaterThan(1);
    expect(await sets(payment_hash)).toMatchObject({ status: 'paid' });
    const theirs = await lnd.invoice(await most('ours'));
    expect((await net.nodes.ours.call('pay', { bolt11: theirs })).parts).toBeGreaterThan(1);
    expect(await lnd.lastInvoice()).toMatchObject({ state: 'SETTLED', is_amp: false });
  });

  test('our node and lnd pay each other by keysend, and further records arrive', async () => {
    const params = { destination: lnd.id, amount_msat: 11_000_000n, scheme: 'single', extratlvs: { 65537: 'abcd' } };
    await net.nodes.ours.call('keysend', params);
    const { is_keysend, amt_paid_msat, htlcs } = await lnd.lastInvoice();
    expect({ is_keysend, amt_paid_msat }).toEqual({ is_keysend: true, amt_paid_msat: '11000000' });
    expect(htlcs[0]?.custom_records).toMatchObject({ 65537: base64(unhex('abcd')) });
    const preimage = bytes(7);
    const records = { 5482373484: base64(preimage), 65537: base64(unhex('ef')) };
    const given = { dest: base64(unhex(net.nodes.ours.id)), payment_hash: base64(sha256(preimage)), amt: '12' };
    expect(await gained(() => lnd.pay({ ...given, dest_custom_records: records }))).toBe(12n);
    const { invoices } = await net.nodes.ours.call('listinvoices', { payment_hash: hex(sha256(preimage)) });
    expect(invoices).toMatchObject([{ amount_received_msat: 12_000n, extratlvs: [{ type: 65537n, value: 'ef' }] }]);
  });

  test('lnd finds no route for an invoice of our node that asks for an AMP over frames', async () => {
    const { bolt11, payment_hash } = await invoice(sat, 'eob');
    await expect(lnd.pay({ payment_request: bolt11 })).rejects.toThrow('FAILURE_REASON_NO_ROUTE');
    expect(await sets(payment_hash)).toMatchObject({ status: 'unpaid' });
  });
});
