/** The demonstration itself, run as anybody would run it, held to the facts it writes. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { child, decodeBlob, joined } from '../../amp/shares.ts';
import { runToEnd } from '../../node/regtest/demo/run.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { built, isAlive, whyNoChain } from '../support/regtest.ts';

const amounts = z.record(z.string(), z.number().int());
const payment = z.object({
  scheme: z.string(),
  status: z.string(),
  amount_msat: z.number().int(),
  amount_sent_msat: z.number().int(),
  preimages: z.array(z.string()),
  shards: z.array(
    z.object({
      index: z.number(),
      payment_hash: z.string(),
      payment_preimage: z.string().optional(),
      amount_msat: z.number().int(),
      amount_sent_msat: z.number().int(),
      nodes: z.array(z.string()),
      channels: z.array(z.string()),
      blobs: z.array(z.string()),
    }),
  ),
});
const shape = z.object({
  pids: z.array(z.number()),
  dir: z.string(),
  single: z.object({
    refused: z.boolean(),
    reason: z.string(),
    amount_msat: z.number(),
    largest_msat: z.number(),
    balances_unchanged: z.boolean(),
  }),
  invoice: payment,
  spontaneous: payment,
  withheld: z.object({
    payment,
    held: z.number(),
    expected: z.number(),
    invoice_status: z.string(),
    balances_before_msat: amounts,
    balances_after_msat: amounts,
  }),
  reusable: z.object({ payments: z.array(payment), times_paid: z.number(), sets: z.array(z.string()) }),
  closes: z.array(z.object({ type: z.string(), txid: z.string(), height: z.number() })),
  channels: z.array(z.object({ openingFeeSat: z.number(), closingFeeSat: z.number(), capacitySat: z.number() })),
  funded_sat: amounts,
  wallets_sat: amounts,
  routing_fees_msat: z.number(),
  checks: z.array(z.object({ what: z.string(), held: z.boolean() })),
});
type Facts = z.infer<typeof shape>;
type Payment = z.infer<typeof payment>;

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

let missing: string | undefined;
let facts: Facts;
let ran: Awaited<ReturnType<typeof runToEnd>>;
let keptRun: Awaited<ReturnType<typeof runToEnd>>;
const parent = mkdtempSync(join(tmpdir(), 'ampere-kept-'));
const kept = join(parent, 'lab');

/** Runs a line as a shell does, in the folder in which the demonstration ran. */
const pasted = (...lines: readonly string[]) => runToEnd(['sh', '-ec', lines.join('\n')], { timeout: 120_000 });

afterAll(async () => {
  const reset = [process.execPath, built('node/main.js'), 'lab', 'reset', '--yes'];
  if (existsSync(join(kept, 'lab.json'))) await runToEnd(reset, { env: { ...process.env, AMPERE_LAB: kept } });
  rmSync(parent, { recursive: true, force: true });
});

beforeAll(async () => {
  missing = await whyNoChain();
  if (missing !== undefined) return;
  const demo = [process.execPath, built('node/regtest/demo/demo.js')];
  [ran, keptRun] = await Promise.all([
    runToEnd([...demo, '--json'], { timeout: 180_000 }),
    runToEnd([...demo, '--keep'], { timeout: 180_000, env: { ...process.env, AMPERE_LAB: kept } }),
  ]);
  if (ran.code !== 0) throw new Error(`the demonstration ended with ${ran.code}:\n${ran.err}`);
  facts = shape.parse(JSON.parse(ran.out));
});

describe('the demonstration', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  test('the demonstration passes all of its own checks', () => {
    expect(facts.checks.length).toBeGreaterThan(20);
    expect(facts.checks.filter(({ held }) => !held)).toEqual([]);
  });

  test('the demonstration writes only its facts to standard output, and no colours without a terminal', () => {
    expect(ran.out.trim().split('\n')).toHaveLength(1);
    expect(ran.err).toContain('All ');
    expect(ran.err).not.toContain('\u001b');
  });

  test('the demonstration leaves no process and no folder behind', () => {
    expect(facts.pids).toHaveLength(5);
    expect(facts.pids.filter(isAlive)).toEqual([]);
    expect(existsSync(facts.dir)).toBe(false);
  });

  test('one HTLC of the whole amount was refused and moved nothing', () => {
    expect(facts.single).toMatchObject({ refused: true, balances_unchanged: true });
    expect(facts.single.reason).not.toBe('');
    expect(facts.single.amount_msat).toBeGreaterThan(facts.single.largest_msat);
  });

  const rows: readonly (readonly [string, () => Payment, number])[] = [
    ['by invoice, scheme dynamic', () => facts.invoice, 1_500_000_000],
    ['without invoice, scheme fixed', () => facts.spontaneous, 300_000_000],
  ];
  describe.each(rows)('the payment %s', (_, paid, amount) => {
    const blobs = () => paid().shards.flatMap((shard) => shard.blobs.map((blob) => decodeBlob(unhex(blob))));

    test(`the payment ${paid} arrives whole over two routes that share no channel`, () => {
      const { shards, status, amount_msat, amount_sent_msat } = paid();
      expect({ status, amount_msat }).toEqual({ status: 'complete', amount_msat: amount });
      expect(sum(shards.map((shard) => shard.amount_msat))).toBe(amount);
      expect(sum(shards.map((shard) => shard.amount_sent_msat))).toBe(amount_sent_msat);
      expect(new Set(shards.map(({ nodes }) => nodes.join()))).toEqual(new Set(['bob,dave', 'carol,dave']));
      const byBob = shards.filter(({ nodes }) => nodes[0] === 'bob').flatMap(({ channels }) => channels);
      const byCarol = shards.filter(({ nodes }) => nodes[0] === 'carol').flatMap(({ channels }) => channels);
      expect(byBob.filter((scid) => byCarol.includes(scid))).toEqual([]);
    });

    test(`the payment ${paid} has pairwise different payment hashes, each a child of BP and none of them H(BP)`, () => {
      const { shards } = paid();
      const root = joined(blobs().map(({ share }) => share));
      const hashes = shards.map(({ payment_hash }) => payment_hash);
      expect(new Set(hashes).size).toBe(shards.length);
      expect(hashes).not.toContain(hex(sha256(root)));
      expect(hashes).toEqual(shards.map(({ index }) => hex(child(root, index).paymentHash)));
    });

    test(`the payment ${paid} returns the preimage of every shard`, () => {
      for (const { payment_hash, payment_preimage = '' } of paid().shards)
        expect(hex(sha256(unhex(payment_preimage)))).toBe(payment_hash);
      expect([...paid().preimages].sort()).toEqual(
        paid()
          .shards.map((one) => one.payment_preimage)
          .sort(),
      );
    });

    test(`the payment ${paid} has one set_id`, () => {
      const ids = new Set(blobs().map(({ setId }) => hex(setId)));
      const root = joined(blobs().map(({ share }) => share));
      expect(ids.size).toBe(1);
      expect(ids.has(hex(sha256(root)))).toBe(paid().scheme === 'dynamic');
    });
  });

  test('in the demonstration a set with a shard withheld is not claimed, and all of it returns', () => {
    const { payment: failed, held, expected, invoice_status, ...balances } = facts.withheld;
    expect({ held, invoice_status, status: failed.status }).toEqual({
      held: expected - 1,
      invoice_status: 'unpaid',
      status: 'failed',
    });
    expect(failed.preimages).toEqual([]);
    expect(failed.shards.filter((one) => one.payment_preimage !== undefined)).toEqual([]);
    expect(balances.balances_after_msat).toEqual(balances.balances_before_msat);
  });

  test('in the demonstration an invoice for lnd’s AMP is paid twice, each time by a set of its own', () => {
    const { payments, times_paid, sets } = facts.reusable;
    expect(payments.map(({ status, amount_msat }) => [status, amount_msat])).toEqual(
      Array(2).fill(['complete', 30_000_000]),
    );
    expect([times_paid, new Set(sets).size]).toEqual([2, 2]);
    const shards = payments.flatMap((one) => one.shards);
    expect(new Set(shards.map(({ payment_hash }) => payment_hash)).size).toBe(4);
    for (const { payment_hash, payment_preimage = '' } of shards)
      expect(hex(sha256(unhex(payment_preimage)))).toBe(payment_hash);
  });

  test('every channel was closed by both sides and its closing mined', () => {
    expect(facts.closes.map(({ type }) => type)).toEqual(['mutual', 'mutual', 'mutual', 'mutual']);
    expect(new Set(facts.closes.map(({ txid }) => txid)).size).toBe(4);
    for (const { height } of facts.closes) expect(height).toBeGreaterThan(0);
  });

  test('in the demonstration amounts are conserved: all balances and miners’ fees are what the faucet gave', () => {
    const fees = sum(facts.channels.map(({ openingFeeSat, closingFeeSat }) => openingFeeSat + closingFeeSat));
    expect(sum(Object.values(facts.wallets_sat)) + fees).toBe(sum(Object.values(facts.funded_sat)));
    expect(facts.wallets_sat['dave']).toBe(1_860_000);
  });

  test('in the demonstration bob and carol earn what alice sent beyond what dave got', () => {
    const paid = [facts.invoice, facts.spontaneous, ...facts.reusable.payments];
    expect(facts.routing_fees_msat).toBe(sum(paid.map((one) => one.amount_sent_msat - one.amount_msat)));
    expect(facts.routing_fees_msat).toBeGreaterThan(0);
  });
});

describe('the demonstration, kept', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  test('a demonstration that is kept is a lab with four open channels, and every line that it prints works when it is pasted', async () => {
    expect({ code: keptRun.code, err: keptRun.err }).toEqual({ code: 0, err: '' });
    const [, told = ''] = keptRun.out.split('stays up when this terminal goes.\n');
    const lines = told.trimEnd().split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const [first = '', ...calls] = lines;
    expect(first).toBe(`  export AMPERE_LAB=${kept}`);
    const said = await Promise.all(
      calls
        .filter((line) => !line.includes('lab stop'))
        .map(async (line) => ({ line, ...(await pasted(first, line)) })),
    );
    expect(said.filter(({ code }) => code !== 0)).toEqual([]);
    const outputs = said.map(({ out }) => out).join('\n');
    for (const part of ['alice paid dave 700,000 sat (tree) in 8 HTLCs over 2 routes', 'no sets', '6 blocks mined'])
      expect(outputs).toContain(part);
    const [stop = ''] = calls.filter((line) => line.includes('lab stop'));
    expect((await pasted(first, stop)).out).toContain('The lab is stopped');
  });
});
