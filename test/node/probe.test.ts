/** `probe` through whole nodes: what a route carries is found out, and nobody's balance changes. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiError } from '../../node/api/errors.ts';
import type { CallParams } from '../../node/api/table.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';

let line: Line;
let before: unknown;
/** What each node has in its channels; no HTLC is left in any of them. */
const balances = async () => {
  const all = await Promise.all(
    [line.alice, line.bob, line.carol].map(async (node) => (await node.call('listpeerchannels', {})).channels),
  );
  return all.flat().map(({ to_us_msat, htlcs }) => [to_us_msat, htlcs.length]);
};
const atRest = async (): Promise<boolean> => (await balances()).every(([, htlcs]) => htlcs === 0);

beforeAll(async () => {
  line = await startLine(2, { carol: { 'amp-timeout': '2' } });
  await line.mine(6);
  await line.known();
  await line.bob.call('keysend', { destination: line.carol.id, amount_msat: 200_000_000n, scheme: 'single' });
  await becomes('no HTLC left', atRest);
  before = await balances();
});
afterEach(async () => {
  await becomes('no HTLC left', atRest);
  expect(await balances()).toEqual(before);
});
afterAll(() => line?.stop());

const probed = (amount_msat: bigint, given: Partial<CallParams<'probe'>> = {}) =>
  line.alice.call('probe', { id: line.carol.id, amount_msat, ...given });
const refused = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    return await call;
  } catch (error) {
    return error instanceof ApiError ? { code: error.code, data: error.data } : error;
  }
};
/** More than bob, who has 400,000 sat, can send to carol; alice can send it to bob. */
const TOO_MUCH = 500_000_000n;

describe('probe', () => {
  test('finds that the best route carries an amount', async () => {
    const answer = await probed(100_000_000n);
    expect(answer).toMatchObject({ carried: true, carried_msat: 100_000_000n, attempts: [{ status: 'carried' }] });
    expect(answer.attempts[0]?.route.map(({ id }) => id)).toEqual([line.bob.id, line.carol.id]);
    expect((await line.alice.call('listsendpays', {})).payments).toEqual([]);
    expect((await line.alice.call('listpays', {})).pays).toEqual([]);
  });

  test('finds that a route does not, and where it failed', async () => {
    const route = await given(TOO_MUCH);
    for (const more of [{}, { route }])
      expect(await probed(TOO_MUCH, more)).toMatchObject({
        ...{ carried: false, carried_msat: 0n, failed_msat: TOO_MUCH },
        attempts: [
          {
            ...{ status: 'failed', erring_index: 1, erring_node: line.bob.id, erring_channel: route[1]?.channel },
            ...{ failcodename: 'WIRE_TEMPORARY_CHANNEL_FAILURE', amount_msat: TOO_MUCH },
          },
        ],
      });
  });

  test('finds the most that is carried over the channels of a route', async () => {
    const answer = await probed(TOO_MUCH, { max: true, attempts: 30, route: await given(1_000_000n) });
    expect(answer.carried).toBe(false);
    expect(answer.warning).toBeUndefined();
    expect(answer.carried_msat).toBeLessThan(answer.failed_msat ?? 0n);
    const gap = (answer.failed_msat ?? 0n) - answer.carried_msat;
    expect(gap).toBeLessThanOrEqual(TOO_MUCH / 1000n);
    expect(answer.carried_msat).toBeGreaterThan(370_000_000n);
    expect(await probed(answer.carried_msat)).toMatchObject({ carried: true });
  });

  test.each([['tree'], ['fixed'], ['dynamic'], ['threshold'], ['deployed']])(
    'by an AMP of scheme %s whose last share is spoiled finds that all its HTLCs arrive, and the payee keeps none',
    async (scheme) => {
      const answer = await line.givenUp(probed(90_000_000n, { shards: 3, scheme }), 3);
      expect(answer).toMatchObject({ carried: true, carried_msat: 90_000_000n });
      expect(answer.attempts.map(({ amount_msat, status }) => [amount_msat, status])).toEqual(
        Array(3).fill([30_000_000n, 'carried']),
      );
      expect((await line.carol.call('listinvoices', {})).invoices).toHaveLength(1);
      expect((await line.carol.call('listsets', {})).sets).toEqual([]);
    },
  );

  test('gives up at the end of its time, and the HTLC ends all the same', async () => {
    const { carol, bob } = line;
    await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: true });
    const answer = await probed(1_000_000n, { timeout: 1 });
    expect(answer).toMatchObject({ carried: false, attempts: [{ status: 'no_answer' }], warning: expect.any(String) });
    await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: false });
  });

  test('refuses what cannot be probed, naming the field', async () => {
    const { alice, bob } = line;
    const rows: readonly (readonly [string, object])[] = [
      ['id', { id: alice.id }],
      ['amount_msat', { amount_msat: 0n }],
      ['route', { id: bob.id, route: await given(5n) }],
      ['amount_msat', { route: await given(5n) }],
      ['shards', { shards: 2, max: true }],
      ['scheme', { scheme: 'fixed' }],
      ['scheme', { scheme: 'none', shards: 2 }],
    ];
    for (const [field, wrong] of rows)
      expect(await refused(probed(1_000_000n, wrong))).toMatchObject({ code: -32602, data: { field } });
    expect(await refused(probed(10n ** 14n))).toMatchObject({ code: 205 });
  });
});

const given = async (amount_msat: bigint) =>
  (await line.alice.call('getroute', { id: line.carol.id, amount_msat, riskfactor: 1, cltv: 50 })).route;
