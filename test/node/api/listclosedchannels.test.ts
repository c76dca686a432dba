/** Channels that are closed for good, as both sides show them, also after a restart; and those that an older version closed. */
import { Transaction } from 'bitcoinjs-lib';
import { afterEach, describe, expect, test } from 'vitest';
import { phaseRecord } from '../../../channel/model/records.ts';
import { unhex } from '../../../wire/bytes.ts';
import { decode, encode } from '../../../wire/codec.ts';
import { becomes, type LocalPair, startPair, type Who } from '../../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

/** Two nodes whose channel alice opened, and over which she paid bob 50,000 sat. */
const paidPair = async () => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  const { bolt11 } = await pair.nodes.bob.call('invoice', { amount_msat: 50_000_000n, label: 'tea', description: '' });
  await pair.nodes.alice.call('pay', { bolt11 });
  const shown = async (who: Who) => (await pair.nodes[who].call('listclosedchannels', {})).closedchannels;
  return { pair, id, shown };
};
const feeOf = (tx: string, spent: bigint): bigint =>
  spent - Transaction.fromHex(tx).outs.reduce((sum, { value }) => sum + BigInt(value), 0n);

describe('listclosedchannels', () => {
  test('shows a mutual close once it is buried for good, to both sides, also after a restart', async () => {
    const { pair, id, shown } = await paidPair();
    const { alice, bob } = pair.nodes;
    const [open] = (await alice.call('listpeerchannels', {})).channels;
    const { txs, txids } = await alice.call('close', { id });
    await pair.mine(99);
    expect([...(await shown('alice')), ...(await shown('bob'))]).toEqual([]);
    await pair.mine();
    await becomes('both have closed it', async () => (await shown('alice')).length + (await shown('bob')).length === 2);
    const same = {
      ...{ channel_id: id, funding_txid: open?.funding_txid, funding_outnum: open?.funding_outnum },
      ...{ short_channel_id: open?.short_channel_id, channel_type: open?.channel_type, private: false, leased: false },
      ...{ total_msat: 1_000_000_000n, last_commitment_txid: txids?.[0], alias: expect.any(Object) },
      last_commitment_fee_msat: feeOf(txs?.[0] ?? '', 1_000_000n) * 1000n,
    };
    const check = async (): Promise<void> => {
      expect(await shown('alice')).toMatchObject([
        {
          ...{ ...same, peer_id: bob.id, opener: 'local', closer: 'local', close_cause: 'user' },
          ...{ final_to_us_msat: 950_000_000n, total_htlcs_sent: 1 },
        },
      ]);
      expect(await shown('bob')).toMatchObject([
        {
          ...{ ...same, peer_id: alice.id, opener: 'remote', closer: 'remote', close_cause: 'remote' },
          ...{ final_to_us_msat: 50_000_000n, total_htlcs_sent: 0 },
        },
      ]);
    };
    await check();
    for (const who of ['alice', 'bob'] as const) await pair.restart(who);
    await check();
    const { closedchannels } = await pair.nodes.alice.call('listclosedchannels', { id: alice.id });
    expect(closedchannels).toEqual([]);
  });

  test("shows a commitment transaction that was published alone as its owner's close, and to the peer as one it saw on chain", async () => {
    const { pair, id, shown } = await paidPair();
    const [channel] = pair.nodes.alice.node.channels.entries.values();
    channel?.machine.push({ type: 'force_close' });
    await pair.reaches('alice', id, 'AWAITING_UNILATERAL');
    // Alice's own output waits for to_self_delay, and its sweep for a hundred blocks.
    await pair.mine(260);
    await becomes('both have closed it', async () => (await shown('alice')).length + (await shown('bob')).length === 2);
    expect(await shown('alice')).toMatchObject([{ closer: 'local', close_cause: 'local', total_htlcs_sent: 1 }]);
    expect(await shown('bob')).toMatchObject([{ closer: 'remote', close_cause: 'onchain', total_htlcs_sent: 0 }]);
    const [mine, theirs] = [await shown('alice'), await shown('bob')];
    expect(mine[0]?.last_commitment_txid).toBe(theirs[0]?.last_commitment_txid);
  });
});

test('a record of a closed channel that names no closing transaction, as older versions wrote them, is read and written with the same bytes', () => {
  const old = unhex('0400');
  const state = decode(phaseRecord, old);
  expect(state).toEqual({ phase: 'closed', by: 'mutual' });
  expect(encode(phaseRecord, state)).toEqual(old);
});

test('a peer names its one channel that is not on chain, whatever is listed of earlier ones', async () => {
  const pair = await startPair();
  pairs.push(pair);
  const { alice, bob } = pair.nodes;
  await pair.endow('alice', 1_010_000n);
  await pair.open(500_000n);
  await alice.call('close', { id: bob.id });
  await pair.mine(6);
  const second = await pair.open(300_000n);
  expect((await alice.call('listpeerchannels', {})).channels).toHaveLength(2);
  const { txids } = await alice.call('close', { id: bob.id });
  expect(txids).toHaveLength(1);
  const [, closing] = (await alice.call('listpeerchannels', {})).channels;
  expect(closing).toMatchObject({ channel_id: second, state: 'CLOSINGD_COMPLETE' });
});
