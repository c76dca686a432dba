/** A node that was stopped knows after its start what payments taught it before, and cuts by a strategy of its program. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Strategy } from '../../amp/strategy.ts';
import { msat } from '../../wire/units.ts';
import { startLocal } from '../support/inprocess.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';
import { bill, said } from './parameters/rows.ts';

let line: Line;
beforeAll(async () => {
  line = await startLine();
  await line.mine(6);
  await becomes('both channels known to alice', async () => {
    const { channels } = await line.alice.call('listchannels', {});
    return channels.length === 4;
  });
});
afterAll(() => line?.stop());

/** One sat, and the rest. */
const tip: Strategy = {
  name: 'tip',
  needsShards: false,
  usesWindows: false,
  cut: ({ amount }) => [msat(1_000_000n), msat(amount - 1_000_000n)],
  split: () => undefined,
};
const careless: Strategy = { ...tip, name: 'careless', cut: () => [msat(1n)] };

test('what payments taught is there after a restart, and a program gives its node strategies', async () => {
  const { alice, bob, carol, dir, ground } = line;
  const { bolt11 } = await bill(line, { amount_msat: 500_000_000n });
  await alice.call('pay', { bolt11 });
  const more = await bill(line, { amount_msat: 20_000_000n });
  await alice.call('pay', { bolt11: more.bolt11 });
  const { directions } = await alice.call('listknowledge', {});
  expect(directions).toMatchObject([{ source: bob.id, destination: carol.id, carried_msat: 500_000_000n }]);
  await alice.stop();

  const again = await startLocal({
    ...{ dir: join(dir, 'alice'), ground, log: memoryLog([]) },
    experiments: { strategies: [tip, careless] },
  });
  try {
    expect((await again.call('listknowledge', {})).directions).toEqual(directions);
    await again.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
    await becomes('the channel usable again', async () => {
      const [channel] = (await again.call('listpeerchannels', {})).channels;
      return channel?.reestablished === true;
    });
    const small = await bill(line, { amount_msat: 5_000_000n });
    expect(await said(again.call('pay', { bolt11: small.bolt11, strategy: 'careless' }))).toContain(
      'strategy careless has a mistake: its pieces come to 1 msat',
    );
    const paid = await again.call('pay', { bolt11: small.bolt11, strategy: 'tip' });
    expect(paid).toMatchObject({ status: 'complete', parts: 2 });
    expect((await again.call('listpays', { bolt11: small.bolt11 })).pays.at(-1)).toMatchObject({
      ...{ strategy: 'tip', plan: { strategy: 'tip', parts_msat: [1_000_000n, 4_000_000n] } },
    });
  } finally {
    await again.stop();
  }
});
