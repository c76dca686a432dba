/** What whole nodes tell those who subscribe: the life of a channel, a payment, a forward and a set, by Core Lightning's names. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Notifications } from '../../node/api/events/notifications.ts';
import { publishFrom } from '../../node/api/events/publish.ts';
import { type Topic, topicNames } from '../../node/api/events/topics.ts';
import type { LocalNode } from '../support/inprocess.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';
import { keptLog } from '../support/quiet.ts';

type Told = Readonly<Record<string, unknown>>;

let line: Line;
const heard = new Map<LocalNode, (readonly [topic: string, payload: Told])[]>();
const of = (node: LocalNode, topic: Topic): readonly Told[] =>
  (heard.get(node) ?? []).flatMap(([name, payload]) => (name === topic ? [payload] : []));

beforeAll(async () => {
  line = await startLine(2);
  await line.mine(6);
  for (const node of [line.alice, line.bob, line.carol]) {
    const told: (readonly [string, Told])[] = [];
    heard.set(node, told);
    const notifications = new Notifications();
    publishFrom(node.node, notifications, keptLog());
    notifications.subscribe(
      {
        gone: new AbortController().signal,
        keep: () => undefined,
        send: async (text) => {
          const { method, params } = JSON.parse(text) as { method: string; params: Record<string, Told> };
          told.push([method, params[method] ?? {}]);
        },
      },
      topicNames,
    );
  }
  await line.known();
});
afterAll(() => line?.stop());

describe('a payment over two channels', () => {
  test('is told by its payer, by the node between and by its payee', async () => {
    const { alice, bob, carol } = line;
    const { bolt11, payment_hash } = await carol.call('invoice', {
      amount_msat: 1_000_000n,
      label: '<b>tea</b>',
      description: 'tea',
    });
    await becomes('the invoice told', () => of(carol, 'invoice_creation').length === 1);
    expect(of(carol, 'invoice_creation')[0]).toMatchObject({ label: '<b>tea</b>', payment_hash, msat: 1_000_000 });
    await alice.call('pay', { bolt11 });
    await becomes('the payment told', () => of(alice, 'sendpay_success').length === 1);
    expect(of(alice, 'sendpay_success')[0]).toMatchObject({ payment_hash, status: 'complete', amount_msat: 1_000_000 });
    const shards = of(alice, 'amp_shard');
    expect(shards.map(({ status }) => status)).toEqual(['sent', 'claimed']);
    expect(shards[0]).toMatchObject({
      payment_hash,
      route: [{ id: bob.id }, { id: carol.id }],
      amount_msat: 1_000_000,
    });
    await becomes('the forward told', () => of(bob, 'forward_event').length === 2);
    expect(of(bob, 'forward_event').map(({ status }) => status)).toEqual(['offered', 'settled']);
    expect(of(bob, 'forward_event')[0]).toMatchObject({ in_msat: 1_001_010, out_msat: 1_000_000, fee_msat: 1_010 });
    await becomes('the receipt told', () => of(carol, 'invoice_payment').length === 1);
    expect(of(carol, 'invoice_payment')[0]).toMatchObject({ label: '<b>tea</b>', payment_hash, msat: 1_000_000 });
    expect(of(carol, 'amp_set').map(({ status }) => status)).toEqual(['claimed']);
    expect(of(carol, 'amp_set')[0]).toMatchObject({ label: '<b>tea</b>', shares: 1, amount_received_msat: 1_000_000 });
  });

  test('in shards is told as each of them is held, and once more when all are claimed', async () => {
    const { alice, carol } = line;
    const before = of(carol, 'amp_set').length;
    await alice.call('keysend', { destination: carol.id, amount_msat: 3_000_000n, shards: 3 });
    const sets = () => of(carol, 'amp_set').slice(before);
    await becomes('the set told', () => sets().at(-1)?.['status'] === 'claimed');
    expect(sets().map(({ status, shares }) => [status, shares])).toEqual([
      ['held', 1],
      ['held', 2],
      ['claimed', 3],
    ]);
    expect(new Set(sets().map(({ set_id }) => set_id)).size).toBe(1);
    expect(sets().at(-1)).toMatchObject({ amount_received_msat: 3_000_000 });
  });

  test('that fails is told with its code, and its shard with the node that failed it', async () => {
    const { alice, carol } = line;
    const { bolt11, payment_hash } = await carol.call('invoice', {
      amount_msat: 2_000_000n,
      label: 'gone',
      description: 'tea',
    });
    await carol.call('delinvoice', { label: 'gone', status: 'unpaid' });
    await expect(alice.call('pay', { bolt11 })).rejects.toThrow();
    await becomes('the failure told', () => of(alice, 'sendpay_failure').length === 1);
    expect(of(alice, 'sendpay_failure')[0]).toMatchObject({ data: { payment_hash, status: 'failed' } });
    expect(of(alice, 'amp_shard').at(-1)).toMatchObject({
      payment_hash,
      status: 'failed',
      failure: 'incorrect_or_unknown_payment_details',
      erring_index: 2,
    });
  });
});

test('blocks are told by height and hash', async () => {
  const { alice, ground } = line;
  const before = of(alice, 'block_added').length;
  await line.mine(1);
  await becomes('the block told', () => of(alice, 'block_added').length > before);
  const { height, hash } = ground.regtest.ledger.tip;
  expect(of(alice, 'block_added').at(-1)).toEqual({ height, hash });
});

test('a channel is told as it is funded, comes into use and is closed, with who caused it', async () => {
  const { alice, bob } = line;
  const channel_id = await line.open(alice, bob, 100_000n);
  const states = (node: LocalNode) =>
    of(node, 'channel_state_changed').filter((one) => one['channel_id'] === channel_id);
  await becomes('in use', () => [alice, bob].every((one) => states(one).at(-1)?.['new_state'] === 'CHANNELD_NORMAL'));
  expect(of(bob, 'channel_opened')).toMatchObject([{ id: alice.id, funding_msat: 100_000_000, channel_ready: false }]);
  expect(of(alice, 'channel_opened')).toEqual([]);
  expect(states(alice).map((one) => one['new_state'])).toEqual(['CHANNELD_AWAITING_LOCKIN', 'CHANNELD_NORMAL']);
  expect(states(alice)[0]).toMatchObject({ peer_id: bob.id, old_state: 'OPENINGD', cause: 'user' });
  expect(states(bob)[0]).toMatchObject({ peer_id: alice.id, cause: 'remote' });
  await alice.call('close', { id: channel_id });
  await becomes('agreed', () => states(bob).some((one) => one['new_state'] === 'CLOSINGD_COMPLETE'));
  await line.mine(1);
  await becomes('on chain', () => states(alice).at(-1)?.['new_state'] === 'ONCHAIN');
  expect(states(alice).at(-1)).toMatchObject({ cause: 'user' });
  expect(states(bob).find((one) => one['new_state'] === 'CLOSINGD_COMPLETE')).toMatchObject({ cause: 'remote' });
});

test('peers are told as they come and go', async () => {
  const { alice, bob } = line;
  await bob.call('disconnect', { id: alice.id, force: true });
  await becomes('gone', () => of(bob, 'disconnect').some(({ id }) => id === alice.id));
  await becomes('back', () => of(bob, 'connect').some(({ id }) => id === alice.id));
  expect(of(bob, 'connect').find(({ id }) => id === alice.id)).toMatchObject({
    address: expect.stringMatching(/:\d+$/),
  });
});
