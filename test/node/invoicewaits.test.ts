/** Whoever delivers what was paid for: each payment of an invoice is told, once it would survive a crash, to all who wait. */
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../node/api/errors.ts';
import { handlersOf } from '../../node/api/handlers.ts';
import type { Handlers } from '../../node/api/table.ts';
import type { Store } from '../../node/ports/ports.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, preimage } from '../../wire/units.ts';
import { bytes32 } from '../amp/receiver.ts';
import { patient } from '../support/api.ts';
import { hurriedClock } from '../support/hurried.ts';
import { type Ground, type LocalNode, newGround, noProcess, startLocal } from '../support/inprocess.ts';
import { startPair } from '../support/pair.ts';
import { keptLog, until } from '../support/quiet.ts';

let dir = '';
const ending: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-waits-'));
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  await rm(dir, { recursive: true, force: true });
});

/** A node alone, whose invoices are paid by the test. */
const shop = async (disk = new Map<string, Uint8Array>(), earlier?: Ground) => {
  const clock = hurriedClock();
  const ground = earlier ?? (await newGround());
  /** While there is one, nothing becomes durable. */
  const disc: { hold: Promise<void> | undefined } = { hold: undefined };
  const store: Store = memoryStore(disk, async () => disc.hold);
  const local: LocalNode = await startLocal({ dir, ground, log: keptLog(), clock, store });
  ending.push(() => local.stop());
  const { node } = local;
  const handlers: Handlers = handlersOf(node, noProcess);
  const bill = async (n: number, expiry = 3_600) =>
    handlers.invoice(
      {
        ...{ amount_msat: msat(1_000n), label: `bill ${n}`, description: '', expiry, deschashonly: false },
        preimage: preimage(bytes32(n)),
      } as Parameters<Handlers['invoice']>[0],
      patient,
    );
  /** As the receiving machine does it. */
  const pay = (n: number): void => {
    const set = sha256(bytes32(n));
    const invoice = node.invoices.openByHash(set);
    if (invoice === undefined) throw new Error(`no bill ${n} to be paid`);
    const { changes, settle } = node.invoices.paidChange({
      ...{ invoice: node.invoices.terms(invoice).id, received: msat(1_000n), at: node.now(), set },
      preimages: [preimage(bytes32(n))],
    });
    node.gate.save(changes);
    settle();
  };
  const any = (lastpay_index = 0, timeout?: number, signal = patient.signal) =>
    handlers.waitanyinvoice({ lastpay_index, timeout }, { signal });
  const one = (n: number, signal = patient.signal) => handlers.waitinvoice({ label: `bill ${n}` }, { signal });
  const waiting = (count: number) => until(() => node.invoices.waiting === count);
  return { clock, ground, disc, local, node, bill, pay, any, one, waiting };
};
const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => (error instanceof ApiError ? error.code : error));

describe('an invoice that is waited for', () => {
  test('answers all who wait for it when it is paid, by an ordinary payment and by an AMP', async () => {
    const pair = await startPair();
    ending.push(() => pair.stop());
    await pair.endow('alice', 1_010_000n);
    await pair.open(1_000_000n);
    const { alice, bob } = pair.nodes;
    for (const [index, more] of ([{}, { amp: 'eob' }] as const).entries()) {
      const label = `bill ${index}`;
      const bill = { amount_msat: 50_000_000n, label, description: '' };
      const { bolt11 } = await bob.call('invoice', { ...bill, ...more });
      const waits = [
        ...[0, 1].map(() => bob.call('waitinvoice', { label })),
        bob.call('waitanyinvoice', { lastpay_index: index }),
      ];
      await until(() => bob.node.invoices.waiting === waits.length);
      await alice.call('pay', { bolt11 });
      const told = { label, status: 'paid', pay_index: index + 1, amount_received_msat: 50_000_000n };
      expect(await Promise.all(waits)).toMatchObject([told, told, told]);
    }
  });

  test('is told as paid once that would survive a crash, not before', async () => {
    const { node, disc, bill, pay, any, one, waiting } = await shop();
    await bill(1);
    const told: string[] = [];
    const tell = (who: string) => (): void => void told.push(who);
    const early = [one(1).then(tell('one')), any().then(tell('any'))];
    await waiting(2);
    let flush: () => void = () => undefined;
    disc.hold = new Promise((resolve) => {
      flush = resolve;
    });
    pay(1);
    const late = [one(1).then(tell('late one')), any().then(tell('late any'))];
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(told).toEqual([]);
    flush();
    await Promise.all([...early, ...late]);
    expect(node.invoices.waiting).toBe(0);
  });

  test('ends with its expiry, when it expires', async () => {
    const { clock, bill, one, waiting } = await shop();
    await bill(1, 60);
    const answer = codeOf(one(1));
    await waiting(1);
    clock.hurry(61);
    expect(await answer).toBe(903);
    expect(await codeOf(one(1))).toBe(903);
  });

  test('is waited for no longer than its caller waits', async () => {
    const { bill, one, any, waiting } = await shop();
    await bill(1);
    const caller = new AbortController();
    const answers = [codeOf(one(1, caller.signal)), codeOf(any(0, undefined, caller.signal))];
    await waiting(2);
    caller.abort();
    expect(await Promise.all(answers)).toEqual([-1, -1]);
    await waiting(0);
  });
});

describe('waitanyinvoice', () => {
  test('gives each payment once to whoever asks with the pay_index it was told last, also after a restart', async () => {
    const disk = new Map<string, Uint8Array>();
    const first = await shop(disk);
    for (const n of [1, 2, 3]) await first.bill(n);
    for (const n of [3, 1]) first.pay(n);
    const labels = async (from: Awaited<ReturnType<typeof shop>>): Promise<readonly string[]> => {
      const found: string[] = [];
      for (let last = 0; ; ) {
        const row = await from.any(last, 0).catch(() => undefined);
        if (row?.pay_index === undefined) return found;
        found.push(row.label);
        last = row.pay_index;
      }
    };
    expect(await labels(first)).toEqual(['bill 3', 'bill 1']);
    await first.local.stop();
    const again = await shop(disk, first.ground);
    expect(await labels(again)).toEqual(['bill 3', 'bill 1']);
    const next = again.any(2);
    await again.waiting(1);
    again.pay(2);
    expect(await next).toMatchObject({ label: 'bill 2', status: 'paid', pay_index: 3 });
  });

  test('ends with code 904 when its time is over, at once where that is none', async () => {
    const { clock, bill, any, waiting } = await shop();
    await bill(1);
    expect(await codeOf(any(0, 0))).toBe(904);
    const answer = codeOf(any(0, 30));
    await waiting(1);
    clock.hurry(31);
    expect(await answer).toBe(904);
  });

  test('passes over what is paid meanwhile below the pay_index that it was asked for', async () => {
    const { bill, pay, any, waiting } = await shop();
    for (const n of [1, 2]) await bill(n);
    const second = any(1);
    await waiting(1);
    pay(1);
    pay(2);
    expect(await second).toMatchObject({ label: 'bill 2', pay_index: 2 });
  });

  test('is refused beyond so many that wait, and taken again when one has gone', async () => {
    const { any, waiting } = await shop();
    const caller = new AbortController();
    setMaxListeners(0, caller.signal);
    const waits = Array.from({ length: 4096 }, () => codeOf(any(0, undefined, caller.signal)));
    await waiting(4096);
    expect(await codeOf(any())).toBe(-32_000);
    caller.abort();
    await Promise.all(waits);
    expect(await codeOf(any(0, 0))).toBe(904);
  });
});
