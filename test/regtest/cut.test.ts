/**
 * Two processes, and the connection between them cut at every message of a channel's life, before it is sent and after, on
 * either side. What comes of it must be the same for both, and no coin may be missing.
 */
import { Transaction } from 'bitcoinjs-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { Cutting, isQuiet, isReady, type Name, names, rowsOf, type Said } from '../support/cutting.ts';
import { built } from '../support/regtest.ts';

const capacity = 1_000_000n;
const pushed = 200_000_000n;
const amount = 5_000_000n;

const openings: readonly Said[] = [
  ['alice', 'open_channel', 1],
  ['bob', 'accept_channel', 1],
  ['alice', 'funding_created', 1],
  ['bob', 'funding_signed', 1],
  ['alice', 'channel_ready', 1],
  ['bob', 'channel_ready', 1],
];
const dance = (ending: 'update_fulfill_htlc' | 'update_fail_htlc' | 'update_fail_malformed_htlc'): readonly Said[] => [
  ['alice', 'update_add_htlc', 1],
  ['alice', 'commitment_signed', 1],
  ['bob', 'revoke_and_ack', 1],
  ['bob', 'commitment_signed', 1],
  ['alice', 'revoke_and_ack', 1],
  ['bob', ending, 1],
  ['bob', 'commitment_signed', 2],
  ['alice', 'revoke_and_ack', 2],
  ['alice', 'commitment_signed', 2],
  ['bob', 'revoke_and_ack', 2],
];
const fees: readonly Said[] = [
  ['alice', 'update_fee', 1],
  ['alice', 'commitment_signed', 1],
  ['bob', 'revoke_and_ack', 1],
  ['bob', 'commitment_signed', 1],
  ['alice', 'revoke_and_ack', 1],
];
const closings: readonly Said[] = [
  ['alice', 'shutdown', 1],
  ['bob', 'shutdown', 1],
  ['alice', 'closing_signed', 1],
  ['bob', 'closing_signed', 1],
];
const sorted = (said: readonly Said[]) => [...said].sort();
const title = (what: string): string => `${what} survives a cut $when $by sends $message ($nth)`;

let network: Network<Name>;
let pair: Cutting;
/** The channel that payments use. */
let main = '';

beforeAll(async () => {
  built('node/main.js');
  network = await startNetwork<Name>({
    nodes: { alice: [], bob: ['--accept-spontaneous', 'false'] },
    flags: ['--dev'],
  });
  pair = new Cutting(network);
  // A coin for each channel that may come to be, so that none waits for another's change.
  const channels = 2 + 2 * openings.length + 2 * closings.length + 1;
  await network.fund({ alice: new Array<bigint>(channels).fill(capacity + 50_000n) });
  main = await opened();
});
afterAll(() => network?.stop());

/** The id of a channel that alice has asked bob for; throws when nothing came of it. */
const ask = async (): Promise<string> => {
  const { alice, bob } = network.nodes;
  const terms = { id: bob.id, amount: capacity, push_msat: pushed, announce: false };
  return (await alice.call('fundchannel', terms)).channel_id;
};
/** What waits for a block, once there is something. */
const waiting = (): Promise<readonly string[]> =>
  pair.until('a transaction in the mempool', async () => {
    const txids = z.array(z.string()).parse(await network.bitcoind.call('getrawmempool'));
    return txids.length > 0 ? txids : undefined;
  });
/** Mines what was just published. */
const confirm = () => waiting().then(() => network.mine(1));
/** A channel that nobody cuts. */
const opened = async (): Promise<string> => {
  await pair.reach();
  const id = await ask();
  await confirm();
  await pair.both(id, 'a new channel', isReady);
  return id;
};
const rest = () => pair.both(main, 'rest', isQuiet);

describe('a payment', () => {
  let bills = 0;
  const pay = async () => {
    const { alice, bob } = network.nodes;
    const label = `bill ${++bills}`;
    const terms = { amount_msat: amount, label, description: label, exposeprivatechannels: true };
    const { bolt11, payment_hash: hash } = await bob.call('invoice', terms);
    const outcome = await alice.call('pay', { bolt11 }).then(
      ({ status }) => status,
      () => 'failed' as const,
    );
    return { label, hash, outcome };
  };

  test('a payment takes the expected messages and no others', async () => {
    const said = await pair.noted(() => pay().then(rest));
    expect(said).toEqual(sorted(dance('update_fulfill_htlc')));
  });

  test.each(rowsOf(dance('update_fulfill_htlc')))(title('a payment'), async ({ by, line, message }) => {
    const { alice, bob } = network.nodes;
    const [before] = await rest();
    await pair.arm(by, line);
    const paying = pay();
    await pair.untilCut(by);
    const [[a, b], { label, hash, outcome }] = await Promise.all([rest(), paying]);

    // An offer that was never signed for may be given up; one that was must come to be paid.
    if (message !== 'update_add_htlc') expect(outcome).toBe('complete');
    const { pays } = await alice.call('listpays', { payment_hash: hash });
    expect(pays.map(({ status }) => status)).toEqual([outcome]);
    const [invoice] = (await bob.call('listinvoices', { label })).invoices;
    expect(invoice?.status).toBe(outcome === 'complete' ? 'paid' : 'unpaid');
    expect(before.to_us_msat - a.to_us_msat).toBe(outcome === 'complete' ? amount : 0n);
    expect(a.to_us_msat + b.to_us_msat).toBe(capacity * 1000n);
  });

  test.each(names)('a payment survives cuts while %s is reconnecting', async (by) => {
    const [before] = await rest();
    const again = ['-WIRE_CHANNEL_REESTABLISH', '+WIRE_CHANNEL_REESTABLISH'];
    await pair.arm(
      by,
      '-WIRE_COMMITMENT_SIGNED',
      ...again,
      '+WIRE_COMMITMENT_SIGNED',
      ...again,
      '-WIRE_REVOKE_AND_ACK',
    );
    const paying = pay();
    await pair.untilUsed(by);
    const [[after], { outcome }] = await Promise.all([rest(), paying]);
    expect(outcome).toBe('complete');
    expect(before.to_us_msat - after.to_us_msat).toBe(amount);
  });

  test('payments with cuts leave no HTLC behind', () => pair.noneLeft());
});

describe.each([
  ['refused', 'update_fail_htlc', 'the destination refused the payment'],
  ['unreadable', 'update_fail_malformed_htlc', 'no route carries'],
] as const)('a payment that is %s', (how, ending, why) => {
  /** Bob takes nothing that he did not ask for. */
  const pay = () =>
    network.nodes.alice.call('keysend', { destination: network.nodes.bob.id, amount_msat: amount }).then(
      () => 'taken',
      (error: Error) => error.message,
    );

  beforeAll(async () => {
    await network.nodes.bob.call('dev-fail-process-onionpacket', { fail: how === 'unreadable' });
  });

  test(`a payment that is ${how} takes the expected messages and no others`, async () => {
    const said = await pair.noted(() => pay().then(rest));
    expect(said).toEqual(sorted(dance(ending)));
  });

  test.each(rowsOf(dance(ending)))(title(`a payment that is ${how}`), async ({ by, line, message }) => {
    const { alice } = network.nodes;
    const before = await rest();
    const { pays: earlier } = await alice.call('listpays');
    await pair.arm(by, line);
    const paying = pay();
    await pair.untilCut(by);
    const [after, outcome] = await Promise.all([rest(), paying]);

    expect(outcome).not.toBe('taken');
    if (message !== 'update_add_htlc') expect(outcome).toContain(why);
    const { pays } = await alice.call('listpays');
    expect(pays.slice(earlier.length).map(({ status }) => status)).toEqual(['failed']);
    expect(after.map((channel) => channel.to_us_msat)).toEqual(before.map((channel) => channel.to_us_msat));
  });

  test(`payments that are ${how} leave no HTLC behind`, async () => {
    await network.nodes.bob.call('dev-fail-process-onionpacket', { fail: false });
    await pair.noneLeft();
  });
});

describe('a change of feerate', () => {
  let feerate = 3000;
  const change = () => network.nodes.alice.call('dev-feerate', { id: main, feerate: ++feerate });
  const changed = () =>
    pair.both(main, 'the feerate', (channel) => isQuiet(channel) && channel.feerate?.perkw === feerate);

  test('a change of feerate takes the expected messages and no others', async () => {
    const said = await pair.noted(() => change().then(changed));
    expect(said).toEqual(sorted(fees));
  });

  test.each(rowsOf(fees))(title('a change of feerate'), async ({ by, line, message }) => {
    const before = await rest();
    await pair.arm(by, line);
    await change();
    await pair.untilCut(by);
    // One that was never signed for is forgotten, and may be made again.
    if (message === 'update_fee') {
      await rest();
      await change();
    }
    const after = await changed();
    expect(after.map((channel) => channel.to_us_msat)).toEqual(before.map((channel) => channel.to_us_msat));
  });
});

describe('an opening', () => {
  const coins = async () => {
    const { outputs } = await network.nodes.alice.call('listfunds');
    return outputs.map(({ txid, output, reserved }) => `${txid}:${output} ${reserved ? 'reserved' : 'free'}`).sort();
  };
  const channelsOf = async (name: Name) => (await network.nodes[name].call('listpeerchannels')).channels;

  test('an opening takes the expected messages and no others', async () => {
    expect(await pair.noted(opened)).toEqual(sorted(openings));
  });

  test.each(rowsOf(openings))(title('an opening'), async ({ by, line, message, when }) => {
    await pair.reach();
    const before = await coins();
    const known = new Set((await channelsOf('bob')).map(({ channel_id: id }) => id));
    await pair.arm(by, line);
    const asking = ask().catch(() => undefined);
    if (message === 'channel_ready') await asking.then(confirm);
    await pair.untilCut(by);
    const id = await asking;

    // The funding transaction is published only by who has the signature for taking it back.
    const comes = message === 'channel_ready' || (message === 'funding_signed' && when === 'after');
    expect(id !== undefined).toBe(comes);
    if (id !== undefined) {
      if (message !== 'channel_ready') await confirm();
      const [a, b] = await pair.both(id, 'the channel', isReady);
      expect([a.to_us_msat, b.to_us_msat]).toEqual([capacity * 1000n - pushed, pushed]);
      return;
    }
    expect(await coins()).toEqual(before);
    await pair.until('bob to have no hope', async () => {
      const fresh = (await channelsOf('bob')).filter((channel) => !known.has(channel.channel_id));
      return fresh.every(({ state }) => state === 'AWAITING_UNILATERAL') ? true : undefined;
    });
    expect(await network.bitcoind.call('getrawmempool')).toEqual([]);
  });
});

describe('a cooperative close', () => {
  /** Outputs by script. */
  const paidBy = (tx: string) =>
    Object.fromEntries(Transaction.fromBuffer(unhex(tx)).outs.map(({ script, value }) => [hex(script), value]));

  test('a mutual close takes the expected messages and no others', async () => {
    const id = await opened();
    expect(await pair.noted(() => network.nodes.alice.call('close', { id }))).toEqual(sorted(closings));
    await confirm();
  });

  test.each(rowsOf(closings))(title('a mutual close'), async ({ by, line }) => {
    const { alice, bob } = network.nodes;
    const id = await opened();
    await pair.arm(by, line);
    const closing = alice.call('close', { id });
    await pair.untilCut(by);
    const ends = await pair.both(id, 'an agreement', ({ state }) => state === 'CLOSINGD_COMPLETE');
    const { type, txids = [], txs = [] } = await closing;
    expect(type).toBe('mutual');
    expect(await waiting()).toEqual(txids);

    await network.mine(1);
    const [toAlice = '', toBob = ''] = ends.map((channel) => channel.close_to);
    const paid = paidBy(txs[0] ?? '');
    expect(Object.keys(paid).sort()).toEqual([toAlice, toBob].sort());
    expect(paid[toBob]).toBe(pushed / 1000n);
    for (const node of [alice, bob])
      await pair.until(`${node.name} to have its coin`, async () => {
        const { outputs } = await node.call('listfunds');
        return outputs.find(({ txid, status }) => txid === txids[0] && status === 'confirmed');
      });
  });
});

test('in the end both nodes run, and nothing is under way', async () => {
  await rest();
  for (const name of names) expect(network.nodes[name].running).toBe(true);
});
