/** The record of each HTLC that was to be forwarded: what the HTLC switch writes of it, and what a restart finds. */
import { describe, expect, test } from 'vitest';
import { listforwards } from '../../node/api/methods/forwards/listforwards.ts';
import { ForwardLog } from '../../node/forward/forwardlog.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { msat, scidText } from '../../wire/units.ts';
import { patient } from '../support/api.ts';
import { alias, board, came, channel } from '../support/board.ts';
import { collect } from '../support/counting.ts';

const rows = async (forwards: ForwardLog, given: object = {}): Promise<readonly Record<string, unknown>[]> => {
  const answer = await listforwards.handler({ forwards }, listforwards.params.parse(given), patient);
  return collect(answer.forwards as AsyncIterable<never>);
};
const htlc = (id: bigint) => ({
  ...{ channel: 'in', id, amount: msat(101_000n), to: alias, toForward: msat(100_000n) },
});
/** A log over a store, as a node has it after it was started on that. */
const opened = async (store = memoryStore(), most?: bigint) => {
  await store.commit([]);
  return ForwardLog.load({
    store,
    save: (changes) => void store.commit(changes),
    afterSaved: (run) => void store.commit([]).then(run),
    now: () => 1_700_000_000_000,
    scidOf: () => came,
    ...(most !== undefined && { most }),
  });
};
const offerIn = ({ told }: Awaited<ReturnType<typeof board>>) => {
  const offered = told[0]?.[1];
  if (offered?.type !== 'offer') throw new Error('nothing was offered');
  return offered;
};

describe('listforwards', () => {
  test('listforwards shows an offered HTLC, and once it is fulfilled as settled with its fee', async () => {
    const so = await board();
    so.receive();
    const both = {
      ...{ created_index: 1, in_channel: scidText(came), in_htlc_id: 3, in_msat: 101_000n, style: 'tlv' },
      ...{ received_time: 1_700_000_000, out_channel: scidText(alias), out_msat: 100_000n, fee_msat: 1_000n },
    };
    expect(await rows(so.forwards)).toEqual([{ ...both, status: 'offered' }]);
    const result = { kind: 'fulfilled', preimage: new Uint8Array(32) as never } as const;
    so.htlcSwitch.resolved('out', 5n, offerIn(so).origin, result);
    expect(await rows(so.forwards)).toEqual([
      { ...both, status: 'settled', resolved_time: 1_700_000_000, out_htlc_id: 5 },
    ]);
  });

  test('listforwards shows an HTLC that failed behind the next channel as failed, without a failure code', async () => {
    const so = await board();
    so.receive();
    so.htlcSwitch.resolved('out', 5n, offerIn(so).origin, { kind: 'timed_out' });
    const [row] = await rows(so.forwards);
    expect(row).toMatchObject({ status: 'failed', out_htlc_id: 5 });
    expect(row).not.toHaveProperty('failcode');
  });

  test('listforwards shows an HTLC that this node failed as local_failed, with code and name of the failure', async () => {
    const closed = await board({ ...channel, status: 'closing' });
    closed.receive();
    expect(await rows(closed.forwards)).toMatchObject([
      { status: 'local_failed', failcode: 0x400a, failreason: 'WIRE_UNKNOWN_NEXT_PEER' },
    ]);
    const full = await board();
    full.receive();
    full.htlcSwitch.refused('out', offerIn(full).origin, { code: 'insufficient_balance', spendable: msat(0n) });
    expect(await rows(full.forwards)).toMatchObject([
      { created_index: 1, status: 'local_failed', failreason: 'WIRE_TEMPORARY_CHANNEL_FAILURE' },
    ]);
  });

  test('listforwards shows no fee of an HTLC whose onion asks to forward more than arrived', async () => {
    const so = await board();
    so.receive({ amount: msat(99_999n) });
    const [row] = await rows(so.forwards);
    expect(row).toMatchObject({ status: 'local_failed', in_msat: 99_999n });
    expect(row).not.toHaveProperty('fee_msat');
  });

  test('listforwards filters by status and channel, and pages by index and limit', async () => {
    const log = await opened();
    for (const id of [1n, 2n, 3n]) log.offered(htlc(id));
    log.end('in', 2n, 'settled', { outId: 9n });
    const ids = async (given: object) => (await rows(log, given)).map(({ in_htlc_id }) => in_htlc_id);
    expect(await ids({})).toEqual([1, 2, 3]);
    expect(await ids({ status: 'settled' })).toEqual([2]);
    expect(await ids({ in_channel: scidText(alias) })).toEqual([]);
    expect(await ids({ out_channel: scidText(alias), start: 2, limit: 1 })).toEqual([2]);
    expect(await ids({ limit: 0 })).toEqual([]);
  });
});

describe('after a restart', () => {
  test('after a restart the record of a forward under way ends as it would have, and a repeated offer is no second forward', async () => {
    const store = memoryStore();
    const before = await opened(store);
    before.offered(htlc(1n));
    before.offered(htlc(2n));
    before.end('in', 2n, 'failed');
    const log = await opened(store);
    log.restore(() => true);
    log.offered(htlc(1n));
    log.end('in', 1n, 'settled', { outId: 4n });
    log.offered(htlc(5n));
    expect((await rows(await opened(store))).map(({ in_htlc_id, status }) => [in_htlc_id, status])).toEqual([
      [1, 'settled'],
      [2, 'failed'],
      [5, 'offered'],
    ]);
  });

  test('after a restart a forward whose HTLC no channel has any more counts as failed', async () => {
    const store = memoryStore();
    (await opened(store)).offered(htlc(1n));
    const log = await opened(store);
    log.restore(() => false);
    expect(await rows(log)).toMatchObject([{ status: 'failed' }]);
    expect(await rows(await opened(store), { status: 'offered' })).toEqual([]);
  });
});

test('the latest records of forwards are kept, and of older ones those of HTLCs under way', async () => {
  const store = memoryStore();
  const log = await opened(store, 10n);
  log.offered(htlc(1n));
  for (let id = 2n; id <= 15n; id++) {
    log.localFailed(htlc(id), 0x1007);
    await store.commit([]);
  }
  const ids = (await rows(log)).map(({ in_htlc_id }) => in_htlc_id);
  expect(ids).toEqual([1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
});
