/**
 * Our node and LDK, with a channel from each to the other: payments without an invoice, payments in several HTLCs over both channels,
 * and payments of more or less than an invoice asks.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { Ours } from './ours.ts';
import { Ldk } from './peer.ts';

const sat = 1_000_000n;
const pushMsat = 500_000_000n;
const amount = 20_000_000n;
/** More than LDK takes in flight over one channel, which is a tenth of its capacity, and less than over two. */
const overBoth = 150_000_000n;
/** More than either side has in one channel. */
const large = 700_000_000n;

describe('LDK and our node, with two channels between them', () => {
  let net: Network<'ours'>;
  let ours: Ours;
  let ldk: Ldk;
  const channelIds: string[] = [];

  /** What our side has in all, once both sides agree and nothing is under way. */
  const balance = async (): Promise<bigint> => {
    let sum = 0n;
    for (const channelId of channelIds) sum += await ours.agree(ldk, channelId);
    return sum;
  };
  /** What a payment adds to our side, whether it comes through or not. */
  const gained = async (payment: () => Promise<unknown>): Promise<bigint> => {
    const before = await balance();
    await payment();
    return (await balance()) - before;
  };
  const invoiceAt = async (payment_hash: string) => {
    const { invoices } = await ours.node.call('listinvoices', { payment_hash });
    return invoices[0];
  };

  beforeAll(async () => {
    net = await startNetwork({ nodes: { ours: [] } });
    ours = new Ours(net.nodes.ours);
    ldk = await Ldk.start({ name: 'ldk', dir: net.dir, bitcoind: net.bitcoind });
    await net.fund({ ours: [2_000_000n] });
    await ours.connect(ldk, 'ours');
    const funded = await ours.node.call('fundchannel', { id: ldk.id, amount: sat, push_msat: pushMsat });
    channelIds.push(funded.channel_id);
    channelIds.push((await ldk.call('open', { id: ours.node.id, sat, pushMsat })).channelId);
    await net.mine(6);
    await balance();
  });
  afterEach(balance);
  afterAll(async () => {
    await ldk?.stop();
    await net?.stop();
  });

  test('our node pays LDK without an invoice, and further records arrive', async () => {
    const params = { destination: ldk.id, amount_msat: amount, extratlvs: { 65537: 'abcd' } };
    const paid = await ours.node.call('keysend', params);
    expect(paid).toMatchObject({ status: 'complete', amount_sent_msat: amount, parts: 1 });
    const { payment_hash: paymentHash, payment_preimage: preimage = '' } = paid;
    expect(hex(sha256(unhex(preimage)))).toBe(paymentHash);
    const { amountMsat, spontaneous, extraTlvs } = await ldk.report(
      'claimable',
      (one) => one.paymentHash === paymentHash,
    );
    expect({ amountMsat, spontaneous, extraTlvs }).toEqual({
      amountMsat: amount,
      spontaneous: true,
      extraTlvs: [[65537n, 'abcd']],
    });
  });

  test('LDK pays our node without an invoice', async () => {
    let hash = '';
    const added = await gained(async () => {
      const { paymentHash, preimage } = await ldk.call('keysend', { id: ours.node.id, amountMsat: amount });
      expect(hex(sha256(unhex(preimage)))).toBe(paymentHash);
      hash = paymentHash;
    });
    expect(added).toBe(amount);
    expect(await invoiceAt(hash)).toMatchObject({ status: 'paid', amount_received_msat: amount });
  });

  test('our node pays LDK in several HTLCs what it does not take over one channel', async () => {
    const { bolt11, paymentHash } = await ldk.call('invoice', { amountMsat: overBoth, description: 'parts' });
    const paid = await ours.node.call('pay', { bolt11 });
    expect(paid).toMatchObject({ status: 'complete', amount_sent_msat: overBoth });
    expect(paid.parts).toBeGreaterThan(1);
    const claimed = await ldk.report('claimed', (one) => one.paymentHash === paymentHash);
    expect(claimed).toMatchObject({ amountMsat: overBoth, parts: paid.parts });
  });

  test('LDK pays our node in several HTLCs what it has in no channel alone', async () => {
    const { bolt11, payment_hash } = await ours.invoice(large);
    expect(await gained(() => ldk.call('pay', { bolt11 }))).toBe(large);
    expect(await invoiceAt(payment_hash)).toMatchObject({ status: 'paid', amount_received_msat: large });
  });

  test.each([
    ['exactly what is asked', amount],
    ['twice what is asked', 2n * amount],
  ])('our node takes %s from LDK', async (_, amountMsat) => {
    const { bolt11, payment_hash } = await ours.invoice(amount);
    expect(await gained(() => ldk.call('pay', { bolt11, amountMsat }))).toBe(amountMsat);
    expect(await invoiceAt(payment_hash)).toMatchObject({ status: 'paid', amount_received_msat: amountMsat });
  });

  test.each([
    ['more than twice what is asked', 2n * amount + 1n],
    ['less than what is asked', amount - 1n],
  ])('our node refuses %s, LDK has it back, and the invoice can still be paid', async (_, amountMsat) => {
    const { bolt11, payment_hash } = await ours.invoice(amount);
    const refused = () => expect(ldk.call('pay', { bolt11, amountMsat })).rejects.toThrow('RecipientRejected');
    expect(await gained(refused)).toBe(0n);
    expect(await invoiceAt(payment_hash)).toMatchObject({ status: 'unpaid' });
    expect(await gained(() => ldk.call('pay', { bolt11 }))).toBe(amount);
  });
});
