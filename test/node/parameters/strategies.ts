/** Parameters of how a payment is cut, and of what payments taught. */
import type { CallParams } from '../../../node/api/table.ts';
import type { Line } from '../../support/line.ts';
import { bill, paid, type Rows, STRANGER, said } from './rows.ts';

const NOWHERE = '1x1x1';

/** Directions that alice knows something of after a payment, with a parameter and without. */
const known = async (line: Line, given: CallParams<'listknowledge'>) => {
  await paid(line);
  const { alice } = line;
  return [
    (await alice.call('listknowledge', {})).directions.length,
    (await alice.call('listknowledge', given)).directions.length,
  ] as const;
};

/** Directions that alice forgets after a payment, with a parameter and without. */
const forgotten = async (line: Line, given: CallParams<'forgetknowledge'>) => {
  await paid(line);
  const all = await line.alice.call('forgetknowledge', {});
  await paid(line);
  return [all, await line.alice.call('forgetknowledge', given)] as const;
};

/** How many parts an `xpay` arrived in, or the words of its refusal. */
const xpaid = async (line: Line, given: object = {}) => {
  const { bolt11 } = await bill(line);
  const answer = await said(line.alice.call('xpay', { invstring: bolt11, ...given }));
  return typeof answer === 'string' ? answer : (answer as { successful_parts: number }).successful_parts;
};

export const strategyRows: Rows = {
  // It has to be told how many parts there are to be.
  'pay.strategy': async (line) => [await paid(line), await paid(line, { strategy: 'equal' })],
  'keysend.strategy': async ({ alice, carol }) => {
    const keysent = (given: object) =>
      said(alice.call('keysend', { destination: carol.id, amount_msat: 5_000_000n, ...given }));
    return [await keysent({}), await keysent({ strategy: 'equal' })];
  },
  // Which route is taken shows where there are several; here the words that are none are refused.
  'pay.prefer': async (line) => [await paid(line), await said((async () => paid(line, { prefer: 'fast' }))())],
  'xpay.prefer': async (line) => [await xpaid(line), await said((async () => xpaid(line, { prefer: 'fast' }))())],
  'keysend.prefer': async ({ alice, carol }) => {
    const keysent = (given: object) =>
      said((async () => alice.call('keysend', { destination: carol.id, amount_msat: 5_000_000n, ...given }))());
    return [await keysent({ prefer: 'cheap' }), await keysent({ prefer: 'fast' })];
  },
  'xpay.shards': async (line) => [await xpaid(line), await xpaid(line, { shards: 3 })],
  'xpay.strategy': async (line) => [await xpaid(line), await xpaid(line, { strategy: 'equal' })],
  'listknowledge.short_channel_id': (line) => known(line, { short_channel_id: NOWHERE }),
  'listknowledge.id': (line) => known(line, { id: STRANGER }),
  // There is one order: what asks for another is told so.
  'listknowledge.index': async ({ alice }) => [
    await said(alice.call('listknowledge', { index: 'updated' })),
    await said((async () => alice.call('listknowledge', { index: 'created' } as never))()),
  ],
  'listknowledge.start': (line) => known(line, { start: 1_000_000 }),
  'listknowledge.limit': (line) => known(line, { limit: 0 }),
  'forgetknowledge.short_channel_id': (line) => forgotten(line, { short_channel_id: NOWHERE }),
  'forgetknowledge.id': (line) => forgotten(line, { id: STRANGER }),
};
