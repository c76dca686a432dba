/** Many callers at once, over one channel that takes few HTLCs at a time. */
import { afterEach, expect, test } from 'vitest';
import { coreOf, type Entry } from '../../node/channels/entry.ts';
import { becomes, type LocalPair, startPair } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

/**
 * A channel of a million sat from alice in which she counts on so many HTLC slots, and where it is `judged` bob fails the channel for one
 * more; and the most that were in it, with those that he has removed while both still sign that.
 */
const narrow = async (slots: number, { judged }: { readonly judged: boolean }) => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_100_000n);
  const id = await pair.open(1_000_000n);
  const { channelHost } = pair.nodes.alice.node;
  const sides = [['alice', 'remote'] as const, ...(judged ? [['bob', 'local'] as const] : [])];
  for (const [name, holder] of sides) {
    const [entry] = [...pair.nodes[name].node.channels.entries.values()];
    const params = entry && coreOf(entry.machine.state)?.params[holder];
    if (params === undefined) throw new Error('expected a channel');
    Object.assign(params, { maxAcceptedHtlcs: slots });
  }
  const seen = { most: 0, refused: 0 };
  channelHost.subscribe((one: Entry, event) => {
    seen.most = Math.max(seen.most, coreOf(one.machine.state)?.outgoing.size ?? 0);
    if (event.event === 'offer_refused') seen.refused++;
  });
  return { pair, id, seen };
};

test('200 callers at once are all paid over a channel with ten HTLC slots, which are never exceeded', async () => {
  const { pair, seen } = await narrow(10, { judged: true });
  const { alice, bob } = pair.nodes;
  const bills = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      bob.call('invoice', { amount_msat: 1_500_000n, label: `${i}`, description: '' }),
    ),
  );
  const calls = bills.flatMap(({ bolt11 }, i) => [
    alice.call('pay', { bolt11, retry_for: 600 }),
    alice.call('keysend', {
      ...{ destination: bob.id, amount_msat: 1_500_000n, retry_for: 600 },
      ...(i % 2 === 0 ? { scheme: 'single' } : {}),
    }),
  ]);
  const answers = await Promise.all(calls);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['complete']));
  expect(seen.most).toBeGreaterThanOrEqual(10);
  const { channels } = await bob.call('listpeerchannels', {});
  expect(channels).toMatchObject([{ state: 'CHANNELD_NORMAL' }]);
  // At first all of them think that there is room; later only those are told of some that will find it.
  expect(seen.refused).toBeLessThan(400);
}, 300_000);

test('a payment that waits for room is made after a restart, once the peer is there again', async () => {
  const { pair } = await narrow(1, { judged: false });
  const { alice, bob } = pair.nodes;
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: true });
  const given = { destination: bob.id, amount_msat: 10_000_000n, scheme: 'single', retry_for: 600 };
  for (const label of ['first', 'second']) void alice.call('keysend', { ...given, label }).catch(() => undefined);
  await becomes('one that waits', () =>
    alice.node.payments.pending().some(({ id }) => {
      const state = alice.node.payments.stateOf(id);
      return state?.kind === 'running' && state.progress.room.waits;
    }),
  );
  await pair.restart('alice');
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: false });
  await becomes('both paid', async () => {
    const { pays } = await pair.nodes.alice.call('listpays', {});
    return pays.length === 2 && pays.every(({ status }) => status === 'complete');
  });
});
