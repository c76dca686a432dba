/** Spending coins of the wallet: fee rates in the caller's words, what of the wallet does not count and why, and bitcoind away. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { withApiErrors } from '../../node/api/apierrors.ts';
import { ApiError } from '../../node/api/errors.ts';
import { handlersOf } from '../../node/api/handlers.ts';
import { parametersOf } from '../../node/api/help.ts';
import { jsonRpc } from '../../node/api/rpc/jsonrpc.ts';
import { type CallParams, type MethodName, table } from '../../node/api/table.ts';
import { BackupError } from '../../node/backup/errors.ts';
import { ChainError } from '../../node/chain/errors.ts';
import { OpeningError } from '../../node/channels/opening.ts';
import { paramsFrom } from '../../node/cli/words.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { StoreError } from '../../node/store/errors.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { sat } from '../../wire/units.ts';
import { wholeOf } from '../support/answers.ts';
import { fakeHandlers, ids, patient, samples } from '../support/api.ts';
import { endow, newGround, noProcess, startLocal } from '../support/inprocess.ts';
import { becomes, startPair } from '../support/pair.ts';
import { keptLog } from '../support/quiet.ts';
import { ADDRESS } from './parameters/rows.ts';

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => (error instanceof ApiError ? { code: error.code, message: error.message } : error));

/** A node alone, whose chain can go away, and say that it is so many blocks further than it tells. */
const alone = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-alone-'));
  ending.push(() => rm(dir, { recursive: true, force: true }));
  const world = { away: false, ahead: 0 };
  const gone = (): never => {
    throw new ChainError({ code: 'unreachable', where: '127.0.0.1:1', reason: 'nobody answers' });
  };
  const chain = (real: Chain): Chain => {
    const orGone =
      <A extends readonly unknown[], T>(ask: (...given: A) => Promise<T>) =>
      async (...given: A): Promise<T> =>
        world.away ? gone() : ask(...given);
    return {
      ...real,
      tip: orGone(async () => {
        const tip = await real.tip();
        return { ...tip, height: tip.height + world.ahead };
      }),
      hashAt: orGone(real.hashAt),
      block: orGone(real.block),
      waitForChange: orGone(real.waitForChange),
      testAccept: orGone(real.testAccept),
      broadcast: orGone(real.broadcast),
      broadcastPackage: orGone(real.broadcastPackage),
      feerate: orGone(real.feerate),
      relayFeerate: orGone(real.relayFeerate),
      unspent: orGone(real.unspent),
      mempoolSpender: orGone(real.mempoolSpender),
      mempoolSpenders: orGone(real.mempoolSpenders),
    };
  };
  const ground = await newGround();
  const local = await startLocal({ dir, ground, log: keptLog(), chain, store: memoryStore() });
  ending.push(() => local.stop());
  return { local, ground, world };
};

const started = async () => {
  const pair = await startPair();
  ending.push(() => pair.stop());
  const { alice, bob } = pair.nodes;
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  return { pair, alice, bob };
};

/** sat per 1,000 weight that the only transaction in the mempool pays. */
const paidRate = ({ ground }: Awaited<ReturnType<typeof started>>['pair']): number => {
  const [entry] = ground.regtest.pool.entries();
  if (entry === undefined) throw new Error('an empty mempool');
  return (Number(entry.fee) * 1000) / entry.tx.weight();
};

describe('a fee rate', () => {
  test('of 1 sat/vB or less, however it is written, is the least that is relayed', async () => {
    const { pair, alice, bob } = await started();
    await pair.endow('alice', ...Array<bigint>(8).fill(100_000n));
    for (const feerate of ['1000perkb', '1sat/vb', '0perkb', 1000, 'minimum']) {
      await alice.call('withdraw', { destination: ADDRESS, satoshi: 10_000n, feerate });
      expect(paidRate(pair)).toBeGreaterThanOrEqual(253);
      expect(paidRate(pair)).toBeLessThan(260);
      await pair.mine();
    }
    await alice.call('fundchannel', { id: bob.id, amount: 50_000n, feerate: '1000perkb' });
    await pair.mine();
    const [channel] = (await alice.call('listpeerchannels', {})).channels;
    await becomes(
      'an open channel',
      async () => (await pair.channel('bob', channel?.channel_id ?? ''))?.state === 'CHANNELD_NORMAL',
    );
    expect(await alice.call('close', { id: bob.id, feerange: ['1000perkb', '1000perkb'] })).toMatchObject({
      type: 'mutual',
    });
  });

  test('below what is relayed now is refused in the words it was given in', async () => {
    const { pair, alice, bob } = await started();
    await pair.endow('alice', 200_000n);
    const id = await pair.open(100_000n);
    const { channels } = alice.node;
    const { context } = channels;
    Object.assign(channels, { context: () => ({ ...context(), relayFeerate: 1_250 }) });
    const low = {
      code: -32_602,
      message: 'feerate: 2sat/vb is less than what the network relays now, 1250perkw (5sat/vb)',
    };
    expect(
      await refusal(alice.call('withdraw', { destination: ADDRESS, satoshi: 10_000n, feerate: '2sat/vb' })),
    ).toEqual(low);
    expect(await refusal(alice.call('fundchannel', { id: bob.id, amount: 50_000n, feerate: '2sat/vb' }))).toEqual(low);
    expect(await refusal(alice.call('close', { id, feerange: ['1sat/vb', '900perkw'] }))).toMatchObject({
      message: 'feerange: 900perkw is less than what the network relays now, 1250perkw (5sat/vb)',
    });
    expect(await refusal(alice.call('close', { id, feerange: ['9000perkb', '5sat/vb'] }))).toMatchObject({
      message: 'feerange: from 9000perkb to 5sat/vb there is nothing',
    });
    await alice.call('withdraw', { destination: ADDRESS, satoshi: 10_000n, feerate: 'minimum' });
    expect(paidRate(pair)).toBeGreaterThanOrEqual(1_250);
  });
});

describe('what of the wallet cannot be spent', () => {
  test('is named with its reason: no block has it, it is reserved, its reward is young', async () => {
    const { pair, alice, bob } = await started();
    const spend = { destination: ADDRESS, satoshi: 20_000n };
    expect(await refusal(alice.call('withdraw', spend))).toMatchObject({
      code: 301,
      message: expect.stringMatching(/, 0 sat can be spent; coins that were sent to it count once a block has them$/),
    });
    await pair.endow('alice', 100_000n);
    await alice.call('withdraw', { destination: ADDRESS, satoshi: 10_000n });
    const change = (await alice.call('listfunds', {})).outputs[0]?.amount_msat ?? 0n;
    expect(await refusal(alice.call('withdraw', spend))).toMatchObject({
      code: 301,
      message: expect.stringMatching(
        new RegExp(`, 0 sat can be spent; ${change / 1000n} sat wait for a block \\(minconf\\)$`),
      ),
    });
    expect(await refusal(alice.call('fundchannel', { id: bob.id, amount: 'all' }))).toMatchObject({
      message: expect.stringContaining(`${change / 1000n} sat wait for a block (minconf)`),
    });
    await pair.mine();
    const { wallet } = alice.node;
    await wallet.reserve('somebody', { amount: sat(20_000n), scriptLength: 22, feerate: 1_000 });
    const { script } = await wallet.newAddress();
    pair.ground.regtest.mine(1, script);
    await pair.caughtUp();
    expect(await refusal(alice.call('withdraw', spend))).toMatchObject({
      message: expect.stringMatching(
        /, 0 sat can be spent; \d+ sat are reserved for transactions that are being made; \d+ sat are rewards of blocks/,
      ),
    });
  });

  test('may be in blocks that the node has not read, or cannot ask for', async () => {
    const { local, world } = await alone();
    const { height } = local.node.follower;
    const spend = { destination: ADDRESS, satoshi: 20_000n, feerate: '2sat/vb' };
    world.ahead = 7;
    expect(await refusal(local.call('withdraw', spend))).toMatchObject({
      message: expect.stringContaining(`still reading blocks (${height} of ${height + 7})`),
    });
    world.away = true;
    expect(await refusal(local.call('withdraw', spend))).toMatchObject({
      message: expect.stringContaining('bitcoind does not answer'),
    });
  });
});

/** Parameters with which a method comes as far as it can, where that is not its example. */
const calls: Partial<{ readonly [M in MethodName]: readonly CallParams<M>[] }> = {
  withdraw: [
    { destination: ADDRESS, satoshi: 20_000n },
    { destination: ADDRESS, satoshi: 'all', feerate: '2sat/vb' },
  ],
  fundchannel: [{ id: ids.bob, amount: 20_000n }],
  connect: [{ id: `${ids.bob}@127.0.0.1:1` }],
  disconnect: [{ id: ids.bob }],
  trace: [{ wait: 0 }],
  close: [{ id: ids.bob }],
  fundchannel_cancel: [{ id: ids.bob }],
  invoice: [{ amount_msat: 1_000n, label: 'a', description: '' }],
  waitinvoice: [{ label: 'nosuch' }],
  waitanyinvoice: [{ timeout: 0 }],
  decode: [{ string: 'lnbc1' }],
  notifications: [{ enable: true }],
  setconfig: [{ config: 'log-level', val: 'info' }],
  pay: [{ bolt11: 'lnbc1' }],
  keysend: [{ destination: ids.bob, amount_msat: 1_000n }],
  decodepay: [{ bolt11: 'lnbc1' }],
  xpay: [{ invstring: 'lnbc1' }],
  feerates: [{ style: 'perkb' }],
  signmessage: [{ message: 'a' }],
  checkmessage: [{ message: 'a', zbase: 'y' }],
  ping: [{ id: ids.bob }],
  sendcustommsg: [{ node_id: ids.bob, msg: '8001' }],
  waitblockheight: [{ blockheight: 1_000_000, timeout: 0 }],
  setchannel: [{ id: ids.bob }],
  backup: [{ file: '/dev/null/no/such/place' }],
  recover: [{ file: '/dev/null/no/such/file' }],
};

describe('without bitcoind', () => {
  test('no call fails as if by a mistake inside the node, and one that needs it ends with code 500', async () => {
    const { local, ground, world } = await alone();
    await endow(ground, local, [100_000n]);
    await becomes('a coin', async () => (await local.call('listfunds', {})).outputs.length === 1);
    world.away = true;
    const handlers = handlersOf(local.node, noProcess);
    const codes: Record<string, unknown[]> = {};
    for (const [method, handler] of Object.entries(handlers)) {
      if (method === 'stop' || handler === undefined) continue;
      const row = table[method as MethodName];
      const example = () => paramsFrom(parametersOf(row), row.example, {}, 'guess');
      for (const given of calls[method as MethodName] ?? [example()]) {
        const params = row.params.parse(given);
        const answer = await (handler as (params: unknown, call: unknown) => Promise<unknown>)(params, patient).then(
          () => 'answered',
          (error: unknown) => (error instanceof ApiError ? error.code : error),
        );
        codes[method] = [...(codes[method] ?? []), answer];
      }
    }
    for (const [method, answers] of Object.entries(codes))
      for (const answer of answers) expect([method, answer]).not.toEqual([method, -32_603]);
    expect(
      Object.values(codes)
        .flat()
        .filter((code) => typeof code !== 'number' && code !== 'answered'),
    ).toEqual([]);
    // With a fee rate of its own a transaction waits for bitcoind, and nothing else is needed.
    expect(codes).toMatchObject({ withdraw: [500, 'answered'], getinfo: ['answered'], waitanyinvoice: [904] });
  });
});

describe('what is no mistake of ours', () => {
  test.each([
    [new ChainError({ code: 'unreachable', where: 'x', reason: 'gone' }), 500, 'Try again once bitcoind is well'],
    [new ChainError({ code: 'warming_up', where: 'x', message: 'Loading' }), 500, 'still starting'],
    [new ChainError({ code: 'closed' }), -5, 'the node is stopping'],
    [new StoreError({ code: 'write_failed', reason: 'ENOSPC' }), -1, 'ENOSPC. The node ends: see to its disk'],
    [new StoreError({ code: 'closed' }), -5, 'the node is stopping'],
    [new OpeningError('no'), 312, 'the channel was not opened: no'],
    [new BackupError({ code: 'no_backup' }), -1, 'no channel backup'],
  ])('%s has a code and a sentence', async (error, code, words) => {
    const { newaddr } = withApiErrors(
      fakeHandlers({
        newaddr: async () => {
          throw error;
        },
      }),
    );
    const told = await refusal(newaddr({ addresstype: 'bech32' }, patient));
    expect(told).toMatchObject({ code, message: expect.stringContaining(words) });
  });

  const damage = /invoice\/1 is damaged: too short$/;
  /** A list that cannot be read further behind so many rows, and what is logged. */
  const damagedBehind = (rows: number) => {
    const listinvoices = async () => ({
      invoices: (async function* () {
        for (let i = 0; i < rows; i++) yield samples.listinvoices.invoices[0];
        throw new StoreError({ code: 'corrupt', key: 'invoice/1', detail: 'too short' });
      })() as never,
    });
    const broken: unknown[] = [];
    const handlers = withApiErrors(fakeHandlers({ listinvoices }));
    const answer = jsonRpc({ handlers, dev: false, broke: (...what) => broken.push(what) });
    return { answer, broken };
  };

  test('has them also where a list that is read row by row comes to it', async () => {
    const { answer, broken } = damagedBehind(1);
    const text = await wholeOf(await answer('{"id":1,"method":"listinvoices"}', patient));
    expect(JSON.parse(text ?? '').error).toMatchObject({ code: -1, message: expect.stringMatching(damage) });
    expect(broken).toEqual([]);
  });

  test('of a batch all other calls are told what came of them', async () => {
    const { answer } = damagedBehind(1);
    const batch = '[{"id":1,"method":"listinvoices"},{"id":2,"method":"getinfo"},{"id":3,"method":"nothing"}]';
    const [list, info, nothing] = JSON.parse((await wholeOf(await answer(batch, patient))) ?? '');
    expect(list).toMatchObject({ id: 1, error: { code: -1, message: expect.stringMatching(damage) } });
    expect(info).toMatchObject({ id: 2, result: expect.anything() });
    expect(nothing).toMatchObject({ id: 3, error: { code: -32601 } });
  });

  test('is in the log where the list has begun already, for nobody can tell the caller', async () => {
    const { answer, broken } = damagedBehind(5_000);
    const text = wholeOf(await answer('{"id":1,"method":"listinvoices"}', patient));
    await expect(text).rejects.toThrow(damage);
    expect(broken).toMatchObject([['listinvoices', { message: expect.stringMatching(damage) }]]);
  });

  test('an error that is a mistake inside the node is thrown on unchanged', async () => {
    const bug = new TypeError('a bug');
    const { newaddr } = withApiErrors(
      fakeHandlers({
        newaddr: async () => {
          throw bug;
        },
      }),
    );
    await expect(newaddr({ addresstype: 'bech32' }, patient)).rejects.toBe(bug);
  });
});
