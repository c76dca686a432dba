/**
 * What tests do to chains in this process, done again to a bitcoind: each block, each reorg, each transaction that came too
 * early. A test file that is imported where `mirrored` was called runs as it always does, and on bitcoind too.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Block, type Transaction } from 'bitcoinjs-lib';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { rejectReasonOf } from '../../node/chain/errors.ts';
import type { ChainChange, Regtest } from '../../node/regtest/chain/regtest.ts';
import { type RunningBitcoind, startBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { findChain } from '../../node/regtest/demo/chain.ts';
import { hex } from '../../wire/bytes.ts';

type Event =
  | ChainChange
  | { readonly change: 'chain'; readonly of: Regtest }
  | { readonly change: 'cleared' }
  | { readonly change: 'early'; readonly raw: Uint8Array };

let events: Event[] | undefined;

/** Takes note of all that is done to a new chain, if anybody wants it. */
export const record = (chain: Regtest): void => {
  events?.push({ change: 'chain', of: chain });
  chain.keep((change) => events?.push(change));
};

/** Takes note of a chain whose pool was emptied. */
export const recordCleared = (): void => void events?.push({ change: 'cleared' });

/** Takes note of a transaction that must not be in the chain yet. */
export const recordEarly = (raw: Uint8Array): void => void events?.push({ change: 'early', raw });

const verdicts = z
  .array(z.object({ allowed: z.boolean().optional(), 'reject-reason': z.string().optional() }))
  .length(1)
  .transform(([verdict]) => (verdict?.allowed ? 'allowed' : (verdict?.['reject-reason'] ?? 'no reason')));

/** What bitcoind would say to a transaction from the network. */
const judge = async (bitcoind: RunningBitcoind, raw: Uint8Array): Promise<string> =>
  verdicts.parse(await bitcoind.call('testmempoolaccept', [hex(raw)], 0));

/** What a tip that moved back and forth leaves waiting may stand in the way; so may a fee that only a miner would take. */
const isRelayable = (verdict: string): boolean =>
  verdict === 'allowed' ||
  /already|conflict|replacement/.test(verdict) ||
  ['conflict', 'replacement_fee_too_low', 'fee_too_low'].includes(rejectReasonOf(verdict));

/** Whether a transaction hangs on another one of its block, which alone cannot be judged. */
const hangsOn = (tx: Transaction, others: readonly Transaction[]): boolean => {
  const ids = new Set(others.map((one) => hex(one.getHash())));
  return tx.ins.some(({ hash }) => ids.has(hex(hash)));
};

/** What bitcoind says to blocks that it takes: nothing. */
const taken = z.array(z.object({ result: z.unknown(), error: z.unknown() }));

/** Hands bitcoind blocks in one request, which it takes in this order. Throws where it does not take one. */
const submit = async ({ url, user, password }: RunningBitcoind, blocks: readonly Uint8Array[]): Promise<void> => {
  const { origin } = new URL(url);
  const answer = await fetch(origin, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
    body: JSON.stringify(blocks.map((raw, id) => ({ method: 'submitblock', params: [hex(raw)], id }))),
  });
  const said = taken.length(blocks.length).parse(await answer.json());
  for (const { result, error } of said)
    if (result !== null || error !== null)
      throw new Error(`bitcoind does not take a block: ${result ?? JSON.stringify(error)}`);
};

class Mirror {
  private bitcoind: RunningBitcoind;
  /** Blocks with nothing in them, to be handed over before anything else. */
  private empty: Uint8Array[] = [];
  private readonly start: () => Promise<RunningBitcoind>;
  private chain: Regtest | undefined;
  /** Blocks taken so far. */
  blocks = 0;

  private constructor(bitcoind: RunningBitcoind, start: () => Promise<RunningBitcoind>) {
    this.bitcoind = bitcoind;
    this.start = start;
  }

  static async open(start: () => Promise<RunningBitcoind>): Promise<Mirror> {
    return new Mirror(await start(), start);
  }

  stop(): Promise<void> {
    return this.bitcoind.stop();
  }

  /** Whether it would be taken, and how: throws where it is not what a node relays. */
  private async relayable(raw: Uint8Array): Promise<string> {
    const verdict = await judge(this.bitcoind, raw);
    if (!isRelayable(verdict)) throw new Error(`bitcoind would not relay ${hex(raw)}: ${verdict}`);
    return verdict;
  }

  private async relay(raw: Uint8Array): Promise<void> {
    if ((await this.relayable(raw)) === 'allowed') await this.bitcoind.call('sendrawtransaction', hex(raw), 0);
  }

  private async block(raw: Uint8Array): Promise<void> {
    const transactions = Block.fromBuffer(raw).transactions ?? [];
    this.blocks++;
    if (transactions.length === 1) {
      this.empty.push(raw);
      return;
    }
    await this.handOver();
    for (const tx of transactions.slice(1))
      if (!hangsOn(tx, transactions)) await this.relayable(new Uint8Array(tx.toBuffer()));
    await submit(this.bitcoind, [raw]);
  }

  private async handOver(): Promise<void> {
    const blocks = this.empty;
    this.empty = [];
    if (blocks.length > 0) await submit(this.bitcoind, blocks);
  }

  async redo(event: Event, sends: boolean): Promise<void> {
    if (event.change !== 'block') await this.handOver();
    const { bitcoind } = this;
    switch (event.change) {
      case 'chain':
        this.chain = event.of;
        if ((await bitcoind.call('getblockcount')) !== 0)
          await bitcoind.call('invalidateblock', await bitcoind.call('getblockhash', 1));
        break;
      case 'cleared':
        // What waits in a bitcoind goes when it ends. Only what is sent to it later could meet that.
        if (!sends) break;
        await bitcoind.stop();
        this.bitcoind = await this.start();
        break;
      case 'block':
        await this.block(event.raw);
        break;
      case 'invalidated':
        await bitcoind.call('invalidateblock', event.hash);
        break;
      case 'sent':
        await this.relay(event.raw);
        break;
      case 'early': {
        const verdict = await judge(bitcoind, event.raw);
        expect(['not_final', 'missing_inputs'], `${verdict}, too early`).toContain(rejectReasonOf(verdict));
        break;
      }
      default:
        throw new Error(`not something that these tests do: ${event.change}`);
    }
  }

  /** Both chains have the same tip. */
  async agrees(): Promise<void> {
    await this.handOver();
    if (this.chain === undefined) return;
    expect(await this.bitcoind.call('getbestblockhash')).toBe(this.chain.ledger.tip.hash);
  }
}

/**
 * Declares the tests of a file: all that they do to chains is done on a bitcoind as well, after each of them. Where there is
 * none they are skipped.
 */
export const mirrored = async (tests: () => Promise<unknown>): Promise<void> => {
  const found = await findChain({ progress: (line) => console.log(line) });
  if (found.source === 'embedded') {
    console.warn('skipped: there is no bitcoind here that the embedded chain could be compared with');
    test.skip('on bitcoind', () => undefined);
    return;
  }
  console.log(`on ${found.version}`);
  events = [];
  let folder = '';
  let mirror: Mirror | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ampere-mirror-'));
    const args = ['-persistmempool=0'];
    mirror = await Mirror.open(() => startBitcoind({ dir: join(folder, 'bitcoind'), ...found, args }));
  });
  afterEach(async () => {
    const all = events?.splice(0) ?? [];
    const sends = all.some(({ change }) => change === 'sent');
    for (const event of all) await mirror?.redo(event, sends);
    await mirror?.agrees();
  });
  afterAll(async () => {
    await mirror?.stop();
    await rm(folder, { recursive: true, force: true });
    expect(mirror?.blocks).toBeGreaterThan(0);
  });
  await tests();
};
