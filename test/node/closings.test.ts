/** Whole nodes that closed together, and what becomes of that on the chain. */
import { afterEach, describe, expect, test } from 'vitest';
import { buildLegacyClosing } from '../../channel/tx/closingtx.ts';
import { completeFundingSpend, signFundingSpend } from '../../channel/tx/signing.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { describeSpend } from '../../node/channels/eventlog.ts';
import { networkOf } from '../../node/ports/network.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import { msat, sat } from '../../wire/units.ts';
import { becomes, type LocalPair, startPair, type Who } from '../support/pair.ts';
import { elsewhere } from '../support/spend.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

/** A channel of alice's, with coins for fees beside it. */
const opened = async () => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  await pair.endow('alice', 100_000n);
  return { pair, id };
};

const status = async (pair: LocalPair, who: Who, id: string): Promise<string> =>
  ((await pair.channel(who, id))?.status ?? []).join('\n');
const waiting = ({ ground }: LocalPair): readonly string[] => ground.regtest.pool.entries().map(({ tx }) => tx.getId());
const balance = async ({ nodes }: LocalPair, who: Who): Promise<bigint> =>
  (await nodes[who].call('listfunds', {})).outputs
    .filter(({ status }) => status === 'confirmed')
    .reduce((sum, { amount_msat }) => sum + amount_msat / 1000n, 0n);

/** An address that is nobody's here. */
const away = addressOfScript(Uint8Array.of(0, 20, ...new Array(20).fill(7)), networkOf('regtest')) ?? '';

const closes = async (pair: LocalPair, id: string, more: object = {}): Promise<string> => {
  const { type, txids } = await pair.nodes.alice.call('close', { id, ...more });
  expect(type).toBe('mutual');
  return txids?.[0] ?? '';
};

describe('an agreed closing that miners leave', () => {
  test('gets a child of our output in it, which pays for both and takes nothing else', async () => {
    const { pair, id } = await opened();
    const before = await balance(pair, 'alice');
    const txid = await closes(pair, id);
    await becomes('the closing to be published', () => waiting(pair).includes(txid));
    pair.ground.regtest.demand = 8_000;
    await pair.mine(3);
    expect(waiting(pair)).toEqual([txid]);
    expect(await status(pair, 'alice', id)).toContain('left to its own fee until block');
    await pair.mine(2);
    await becomes('a child', async () => /closing of \d+ sat .* claimed by/.test(await status(pair, 'alice', id)));
    expect(waiting(pair)).toHaveLength(2);
    await pair.restart('alice');
    await pair.caughtUp();
    await pair.mine();
    await pair.reaches('alice', id, 'ONCHAIN');
    const now = await balance(pair, 'alice');
    // 1,112 weight units at 8 sat each, and not a coin of the wallet beside it.
    expect(now - before).toBeGreaterThan(1_000_000n - 12_000n);
    expect(waiting(pair)).toEqual([]);
  });

  test('whose child is in no mempool any more: the wallet has the output of the child again', async () => {
    const { pair, id } = await opened();
    const txid = await closes(pair, id);
    const [raw] = pair.ground.regtest.pool.entries().map(({ tx }) => tx.toBuffer());
    pair.ground.regtest.demand = 8_000;
    await pair.mine(5);
    await becomes('a child', () => waiting(pair).length === 2);
    const output = async () =>
      (await pair.nodes.alice.call('listfunds', {})).outputs.find((one) => one.txid === txid)?.reserved;
    pair.ground.regtest.mine(1, elsewhere, { only: [new Uint8Array(raw ?? [])] });
    await pair.caughtUp();
    await becomes('the output to be promised to the child', async () => (await output()) === true);
    pair.ground.regtest.pool.clear();
    await pair.mine();
    await becomes('the output to be free', async () => (await output()) === false);
  });

  test('that a full mempool refuses is submitted with its child as a package at once', async () => {
    const { pair, id } = await opened();
    pair.ground.regtest.demand = 12_000;
    pair.ground.regtest.minimum = 11_000;
    await closes(pair, id);
    await becomes('both in the pool', () => waiting(pair).length === 2);
    await pair.mine();
    await pair.reaches('alice', id, 'ONCHAIN');
    expect(pair.logs.alice.some((line) => line.includes('the channel was closed by a mutual close'))).toBe(true);
  });
});

describe('an agreed closing that pays to elsewhere and that the network refuses', () => {
  const refused = async () => {
    const { pair, id } = await opened();
    pair.ground.regtest.demand = 12_000;
    pair.ground.regtest.minimum = 11_000;
    const said: Error & { data?: Readonly<Record<string, unknown>> } = await pair.nodes.alice
      .call('close', { id, destination: away })
      .then(
        () => new Error('it is closed'),
        (error: Error) => error,
      );
    const txid = String(said.data?.['txid']);
    expect(said.message).toMatch(
      new RegExp(
        `both have signed the closing transaction ${txid}, but the network refuses it for now: .*our commitment as well if none has it within 144 blocks`,
      ),
    );
    await becomes('its refusal', async () => (await status(pair, 'alice', id)).includes('is refused by the network'));
    return { pair, id, txid };
  };

  test('falls back to the commitment, which is pushed and claimed as ever, also after a restart', async () => {
    const { pair, id, txid } = await refused();
    expect((await pair.channel('alice', id))?.state).toBe('CLOSINGD_COMPLETE');
    await pair.mine(6);
    await pair.reaches('alice', id, 'AWAITING_UNILATERAL');
    expect(await status(pair, 'alice', id)).toMatch(/our commitment [0-9a-f]{64} is published/);
    await pair.restart('alice');
    await pair.caughtUp();
    await becomes('the commitment and its child', () => waiting(pair).length === 2);
    expect(waiting(pair)).not.toContain(txid);
    await pair.mine();
    await pair.reaches('alice', id, 'ONCHAIN');
    expect(await status(pair, 'alice', id)).toContain('our commitment is in the chain');
    pair.ground.regtest.minimum = 0;
    pair.ground.regtest.demand = 0;
    const before = await balance(pair, 'alice');
    await pair.mine(150);
    expect((await balance(pair, 'alice')) - before).toBeGreaterThan(990_000n);
  });

  test('is left for the commitment by who says how long to wait for it', async () => {
    const { pair, id, txid } = await refused();
    // Said without a time, it is no answer as long as the network does not take it; with one, it is to be mined by then.
    await expect(closes(pair, id)).rejects.toThrow('refuses it for now');
    const { type, txids } = await pair.nodes.alice.call('close', { id, unilateraltimeout: 1 });
    expect(type).toBe('unilateral');
    expect(txids).not.toEqual([txid]);
    await becomes('the commitment and its child', () => waiting(pair).includes(txids?.[0] ?? ''));
  });

  test('is taken all the same where the network takes it before', async () => {
    const { pair, id, txid } = await refused();
    pair.ground.regtest.minimum = 0;
    pair.ground.regtest.demand = 0;
    await pair.mine();
    await becomes('the closing to be published', () => waiting(pair).includes(txid));
    expect(await closes(pair, id)).toBe(txid);
    await pair.mine();
    await pair.reaches('alice', id, 'ONCHAIN');
    expect(await closes(pair, id)).toBe(txid);
    pair.ground.regtest.mine(1, elsewhere);
  });
});

describe('a spend of the funding output that bears our signature', () => {
  /** A transaction that pays bob's key everything, signed with the keys of both; it never was agreed on. */
  const forged = (pair: LocalPair): Uint8Array => {
    const [alice, bob] = (['alice', 'bob'] as const).map((who) => {
      const [entry] = pair.nodes[who].node.channels.entries.values();
      const core = entry && coreOf(entry.machine.state);
      if (core === undefined) throw new Error('no channel');
      return core;
    });
    if (alice === undefined || bob === undefined) throw new Error('no channel');
    const side = (core: typeof alice, balance: bigint) => ({
      funding: core.params.local.basepoints.funding,
      balance: msat(balance),
      script: core.params.shutdownScript,
    });
    const closing = buildLegacyClosing(
      {
        funding: alice.funding,
        fundingAmount: alice.params.capacity,
        local: side(alice, 1_000_000n),
        remote: side(bob, 998_999_000n),
        payer: 'remote',
        fee: sat(500n),
      },
      sat(354n),
    );
    const signed = (core: typeof alice) => ({
      key: core.params.local.basepoints.funding,
      signature: signFundingSpend(closing, core.keys.funding),
    });
    return new Uint8Array(completeFundingSpend(closing, signed(alice), signed(bob)).toBuffer());
  };

  test('that this node never made is an error in the log and in the status, also after a restart', async () => {
    const { pair, id } = await opened();
    pair.ground.regtest.mine(1, elsewhere, { only: [forged(pair)] });
    await pair.reaches('alice', id, 'ONCHAIN');
    const words = 'neither one of its commitments nor a closing that this node signed';
    expect(pair.logs.alice.filter((line) => line.includes(words))).toHaveLength(1);
    expect(await status(pair, 'alice', id)).toContain(words);
    const [entry] = pair.nodes.alice.node.channels.entries.values();
    const state = entry?.machine.state;
    expect(state?.phase === 'onchain' && describeSpend(state).level).toBe('error');
    await pair.restart('alice');
    await pair.caughtUp();
    expect(await status(pair, 'alice', id)).toContain(words);
  });
});

describe('the fees that a caller allows', () => {
  test('bound the closing, and are refused where there is nothing between them', async () => {
    const { pair, id } = await opened();
    const { alice } = pair.nodes;
    await expect(alice.call('close', { id, feerange: ['900perkw', '500perkw'] })).rejects.toThrow(/there is nothing/);
    const txid = await closes(pair, id, { feerange: ['900perkw', '1000perkw'] });
    const entry = pair.ground.regtest.pool.entries().find(({ tx }) => tx.getId() === txid);
    const rate = (Number(entry?.fee ?? 0n) * 1000) / (entry?.tx.weight() ?? 1);
    expect(rate >= 900 && rate <= 1_250).toBe(true);
  });
});
