/** Whole nodes whose channel ends on the chain: a stuck commitment is paid for, an empty wallet waited for, a preimage seen in time. */
import { Transaction } from 'bitcoinjs-lib';
import { afterEach, describe, expect, test } from 'vitest';
import { hex } from '../../wire/bytes.ts';
import { becomes, type LocalPair, startPair, type Who } from '../support/pair.ts';
import { elsewhere } from '../support/spend.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

/** Both nodes with coins to pay fees with, and a channel of alice's in which bob has something too. */
const opened = async (coins: Readonly<Record<Who, readonly bigint[]>> = { alice: [100_000n], bob: [100_000n] }) => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  await pay(pair, 'alice', 'bob', 300_000_000n);
  for (const who of ['alice', 'bob'] as const) if (coins[who].length > 0) await pair.endow(who, ...coins[who]);
  return { pair, id };
};

let labels = 0;
/** An invoice of one paid by the other; the words of the failure when it fails. */
const pay = async ({ nodes }: LocalPair, from: Who, to: Who, msat: bigint): Promise<string> => {
  const label = `${++labels}`;
  const { bolt11 } = await nodes[to].call('invoice', { amount_msat: msat, label, description: label });
  return nodes[from].call('pay', { bolt11 }).then(
    ({ payment_preimage }) => payment_preimage ?? '',
    (error: Error) => error.message,
  );
};

/** A payment whose HTLC the payee leaves alone. */
const held = async (pair: LocalPair, id: string, from: Who, to: Who, msat: bigint) => {
  const { nodes } = pair;
  await nodes[to].call('dev-ignore-htlcs', { id: nodes[from].id, ignore: true });
  const done = pay(pair, from, to, msat);
  for (const who of [from, to])
    await becomes(`an HTLC of ${from}'s`, async () => {
      const { htlcs = [] } = (await pair.channel(who, id)) ?? {};
      const way = who === from ? 'out' : 'in';
      return htlcs.some(({ direction, state }) => direction === way && state.endsWith('ADD_ACK_COMMIT'));
    });
  // A test may end before the payment does.
  done.catch(() => undefined);
  return { done, release: () => nodes[to].call('dev-ignore-htlcs', { id: nodes[from].id, ignore: false }) };
};

/** Force closes; resolves with the commitment's id once the pool has it. */
const close = async (pair: LocalPair, who: Who, id: string): Promise<string> => {
  const { type, txids } = await pair.nodes[who].call('close', { id, unilateraltimeout: 1 });
  expect(type).toBe('unilateral');
  const txid = txids?.[0] ?? '';
  await becomes('the commitment to be published', () => waiting(pair).includes(txid));
  return txid;
};

const status = async (pair: LocalPair, who: Who, id: string): Promise<string> =>
  ((await pair.channel(who, id))?.status ?? []).join('\n');
const waiting = ({ ground }: LocalPair): readonly string[] => ground.regtest.pool.entries().map(({ tx }) => tx.getId());

describe('a commitment that miners leave', () => {
  test('gets a child that pays for both, and a dearer one when that is not enough', async () => {
    const { pair, id } = await opened();
    await held(pair, id, 'alice', 'bob', 50_000_000n);
    pair.ground.regtest.demand = 8_000;
    const txid = await close(pair, 'alice', id);
    await becomes('a child', async () => /anchor of 330 sat .* claimed by/.test(await status(pair, 'alice', id)));
    expect(waiting(pair)).toContain(txid);
    // More than was estimated: this block leaves it, and the next takes what either side now pays.
    pair.ground.regtest.demand = 20_000;
    await pair.mine();
    expect((await pair.channel('alice', id))?.state).toBe('AWAITING_UNILATERAL');
    await pair.mine();
    await pair.reaches('alice', id, 'ONCHAIN');
  });

  test('that a full mempool refuses is submitted with its child as a package', async () => {
    const { pair, id } = await opened();
    await held(pair, id, 'alice', 'bob', 50_000_000n);
    pair.ground.regtest.demand = 12_000;
    pair.ground.regtest.minimum = 11_000;
    await close(pair, 'alice', id);
    expect(pair.logs.alice.some((line) => line.includes('fee_too_low'))).toBe(true);
    await pair.mine();
    await pair.reaches('alice', id, 'ONCHAIN');
  });
});

describe('an HTLC that only its preimage brings', () => {
  test('waits for coins where the wallet is empty, and says so', async () => {
    const { pair, id } = await opened({ alice: [100_000n], bob: [] });
    const { done, release } = await held(pair, id, 'alice', 'bob', 50_000_000n);
    await close(pair, 'bob', id);
    await pair.mine();
    await pair.reaches('bob', id, 'ONCHAIN');
    await release();
    await becomes('the want to be said', async () =>
      (await status(pair, 'bob', id)).includes('in the wallet to pay its fee'),
    );
    expect(pair.logs.bob.some((line) => line.includes('the wallet cannot pay the fee of a claim on chain'))).toBe(true);
    expect((await pair.nodes.bob.call('getinfo', {})).warning_claims).toMatch(/send at least \d+ sat/);
    await pair.endow('bob', 60_000n);
    await pair.mine();
    expect(await done).toMatch(/^[0-9a-f]{64}$/);
    expect((await pair.nodes.bob.call('getinfo', {})).warning_claims).toBeUndefined();
  });

  test('is enough for the payer though it was in the mempool for no longer than a moment', async () => {
    const { pair, id } = await opened();
    const { regtest } = pair.ground;
    const { done, release } = await held(pair, id, 'alice', 'bob', 50_000_000n);
    await close(pair, 'bob', id);
    await pair.mine();
    await pair.reaches('alice', id, 'ONCHAIN');
    // Whatever is claimed is replaced at once: no look at the mempool ever finds it.
    const seen: string[] = [];
    regtest.onArrival((raw) => {
      const txid = hex(Transaction.fromBuffer(raw).getHash());
      seen.push(txid);
      regtest.pool.remove([txid]);
    });
    await release();
    await becomes('a claim that came and went', () => seen.length > 0);
    expect(seen.filter((txid) => regtest.pool.get(txid) !== undefined)).toEqual([]);
    expect(await done).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is enough for the payer as soon as the mempool shows it', async () => {
    const { pair, id } = await opened();
    const { done, release } = await held(pair, id, 'alice', 'bob', 50_000_000n);
    await close(pair, 'bob', id);
    await pair.mine();
    await pair.reaches('alice', id, 'ONCHAIN');
    await release();
    await becomes('a claim in the mempool', () => waiting(pair).length > 0);
    // No block has it: the payer learns it from the mempool alone.
    pair.ground.regtest.mine(1, elsewhere, { only: [] });
    expect(await done).toMatch(/^[0-9a-f]{64}$/);
    expect(waiting(pair).length).toBeGreaterThan(0);
  });
});
