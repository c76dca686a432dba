/** The bitcoind adapter against a stand-in that answers from a table: what differs between versions, and what is refused. */

import { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import { checkNetwork, fallbackFeerate } from '../../../node/chain/bitcoind.ts';
import { fundingOutput } from '../../../node/graph/fundinglookups.ts';
import type { Chain } from '../../../node/ports/ports.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { chainHashOf } from '../../../wire/chains.ts';
import { scidOf, txid } from '../../../wire/units.ts';
import { until } from '../../support/quiet.ts';
import { no, ok, type Reply, raw, standIn } from './standin.ts';

const hashA = 'aa'.repeat(32);
const hashB = 'bb'.repeat(32);

describe('network check', () => {
  const genesis = '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206';
  test('the genesis hash says which chain it is', async () => {
    const { chain } = await standIn({ getblockhash: () => ok(genesis) });
    await expect(checkNetwork(chain, chainHashOf.regtest)).resolves.toBeUndefined();
    await expect(checkNetwork(chain, chainHashOf.bitcoin)).rejects.toThrow(
      'bitcoind runs on regtest, but this node is configured for bitcoin',
    );
  });
});

describe('the tip', () => {
  const known = { chain: 'main', blocks: 700, headers: 702, bestblockhash: hashA, initialblockdownload: false };
  test.each([
    ['is up to date where a block or two may be on their way', {}, false],
    ['is behind where bitcoind knows of more blocks than it has', { headers: 703 }, true],
    ['is behind while bitcoind is still catching up', { initialblockdownload: true }, true],
    [
      'is never behind on regtest, which stands still',
      { chain: 'regtest', headers: 800, initialblockdownload: true },
      false,
    ],
  ])('%s', async (_, more, isBehind) => {
    const { chain } = await standIn({ getblockchaininfo: () => ok({ ...known, ...more }) });
    expect(await chain.tip()).toEqual({ hash: hashA, height: 700, ...(isBehind && { isBehind }) });
  });
});

describe('fee estimates', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['{"feerate":0.00001000,"blocks":6}', 253],
    ['{"feerate":0.00020000,"blocks":6}', 5000],
    ['{"feerate":0.00020001,"blocks":6}', 5001],
    ['{"feerate":1e-5,"blocks":6}', 253],
    // One more than what is taken where there is no estimate, so that it is seen to be one.
    ['{"feerate":0.00010000,"blocks":6}', fallbackFeerate + 1],
    ['{"errors":["Insufficient data or no feerate found"],"blocks":2}', fallbackFeerate],
  ];
  test.each(rows)('%s is %d sat per 1000 weight', async (answer, feerate) => {
    const { chain } = await standIn({ estimatesmartfee: () => raw(answer) });
    expect(await chain.feerate(6)).toBe(feerate);
  });

  const relayed: readonly (readonly [string, number])[] = [
    ['{"mempoolminfee":0.00001000,"minrelaytxfee":0.00001000}', 253],
    ['{"mempoolminfee":0.00010003,"minrelaytxfee":0.00001000}', 2501],
    ['{"mempoolminfee":1e-8,"minrelaytxfee":0.00020000}', 5000],
    ['{"mempoolminfee":0.00000100}', 253],
  ];
  test.each(relayed)('%s takes from %d sat per 1000 weight on', async (answer, feerate) => {
    const { chain } = await standIn({ getmempoolinfo: () => raw(answer) });
    expect(await chain.relayFeerate()).toBe(feerate);
  });

  test('the use of a fixed feerate is logged once', async () => {
    const { chain, log } = await standIn({ estimatesmartfee: () => ok({ blocks: 2 }) });
    await chain.feerate(6);
    await chain.feerate(6);
    expect(log.lines).toEqual(['info: bitcoind has no fee estimate yet, using a fixed one']);
  });
});

describe('broadcast', () => {
  const known: readonly (readonly [number, string])[] = [
    [-27, 'Transaction outputs already in utxo set'],
    [-26, 'txn-already-in-mempool'],
    [-26, 'txn-already-known'],
    [-27, 'Transaction already in block chain'],
  ];
  test.each(known)('%d %s is a success', async (code, message) => {
    const { chain } = await standIn({ sendrawtransaction: () => no(code, message) });
    await expect(chain.broadcast(Uint8Array.of(1))).resolves.toBeUndefined();
  });

  const refused: readonly (readonly [number, string, string])[] = [
    [-25, 'bad-txns-inputs-missingorspent', 'missing_inputs'],
    [-25, 'Missing inputs', 'missing_inputs'],
    [-26, 'txn-mempool-conflict', 'conflict'],
    [-26, 'insufficient fee, rejecting replacement 00; new feerate 0.1 <= old feerate 0.2', 'replacement_fee_too_low'],
    [-26, 'min relay fee not met, 0 < 110', 'fee_too_low'],
    [-26, 'mempool min fee not met, 0 < 110', 'fee_too_low'],
    [-26, 'non-final', 'not_final'],
    [-26, 'non-BIP68-final', 'not_final'],
    [-26, 'bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 1', 'not_final'],
    [-26, 'dust, tx with dust output must be 0-fee', 'dust'],
    [-26, 'too-long-mempool-chain, too many unconfirmed ancestors [limit: 25]', 'too_many_unconfirmed'],
    [-26, 'mandatory-script-verify-flag-failed (Script failed an OP_CHECKSIGVERIFY operation)', 'invalid'],
    [-22, 'TX decode failed. Make sure the tx has at least one input.', 'invalid'],
    [-26, 'something new', 'unknown'],
  ];
  test.each(refused)('%d %s is refused as %s', async (code, message, refusal) => {
    const { chain } = await standIn({ sendrawtransaction: () => no(code, message) });
    await expect(chain.broadcast(Uint8Array.of(1))).rejects.toMatchObject({
      fault: { code: 'rejected', refusal, message },
    });
  });
});

describe('asked whether it would take a transaction', () => {
  const verdictOf = (allowed: boolean, reason?: string): Reply =>
    ok([{ txid: hashA, wtxid: hashA, allowed, ...(reason !== undefined && { 'reject-reason': reason }) }]);
  test.each<readonly [string, Reply, string]>([
    ['it would', verdictOf(true), 'taken'],
    ['it has it', verdictOf(false, 'txn-already-in-mempool'), 'taken'],
    ['a block has it', verdictOf(false, 'txn-already-known'), 'taken'],
    ['it pays too little', verdictOf(false, 'min relay fee not met'), 'fee_too_low'],
    ['its coins are gone', verdictOf(false, 'missing-inputs'), 'missing_inputs'],
    ['it gives no reason', verdictOf(false), 'unknown'],
    ['it cannot be read', no(-22, 'TX decode failed. Make sure the tx has at least one input.'), 'invalid'],
  ])('%s', async (_, answer, outcome) => {
    const { chain, asked } = await standIn({ testmempoolaccept: () => answer });
    const got = await chain.testAccept(Uint8Array.of(1)).then(
      () => 'taken',
      (error: { fault?: { refusal?: string } }) => error.fault?.refusal,
    );
    expect(got).toBe(outcome);
    expect(asked).toEqual(['testmempoolaccept']);
  });
});

describe('a transaction and its child', () => {
  const made = (from: string): Transaction => {
    const tx = new Transaction();
    tx.addInput(unhex(from), 0);
    tx.addOutput(Uint8Array.of(0x51), 1n);
    return tx;
  };
  const parent = made(hashA);
  const child = made(hex(parent.getHash()));
  const send = (chain: Chain) =>
    chain.broadcastPackage(new Uint8Array(parent.toBuffer()), new Uint8Array(child.toBuffer()));
  const poor = no(-26, 'mempool min fee not met, 141 < 700');
  /** What submitpackage answers, given what is wrong with each. */
  const results = (parentError?: string, childError?: string): Reply =>
    ok({
      package_msg: parentError === undefined && childError === undefined ? 'success' : 'transaction failed',
      'tx-results': {
        [hashA]: { txid: parent.getId(), ...(parentError && { error: parentError }) },
        [hashB]: { txid: child.getId(), ...(childError && { error: childError }) },
      },
    });

  test('a parent good enough by itself needs no package', async () => {
    const { chain, asked } = await standIn({ sendrawtransaction: () => ok(hashB) });
    await send(chain);
    expect(asked).toEqual(['sendrawtransaction', 'sendrawtransaction']);
  });

  test.each<readonly [string, Reply, string]>([
    ['both are taken together', results(), 'taken'],
    ['the parent is refused all the same', results('min relay fee not met', 'missing'), 'fee_too_low'],
    ['the child is refused', results(undefined, 'dust'), 'dust'],
    ['the two are no package', no(-25, 'package topology disallowed'), 'unknown'],
    ['this bitcoind knows no packages', no(-32601, 'Method not found'), 'fee_too_low'],
  ])('a parent that pays too little: %s', async (_, answer, outcome) => {
    const { chain } = await standIn({ sendrawtransaction: () => poor, submitpackage: () => answer });
    const got = await send(chain).then(
      () => 'taken',
      (error: { fault?: { refusal?: string } }) => error.fault?.refusal,
    );
    expect(got).toBe(outcome);
  });

  test('a parent rejected for more than its fee is not submitted as a package', async () => {
    const { chain, asked } = await standIn({ sendrawtransaction: () => no(-25, 'bad-txns-inputs-missingorspent') });
    await expect(send(chain)).rejects.toMatchObject({ fault: { refusal: 'missing_inputs' } });
    expect(asked).toEqual(['sendrawtransaction']);
  });
});

describe('waiting for a block', () => {
  const never = new AbortController().signal;

  test('a tip that has moved already is not waited for', async () => {
    const { chain, asked } = await standIn({ getbestblockhash: () => ok(hashB) });
    await chain.waitForChange(hashA, never);
    expect(asked).toEqual(['getbestblockhash']);
  });

  test('bitcoind is told what was seen, where it understands that', async () => {
    const params: unknown[][] = [];
    const { chain } = await standIn({
      getbestblockhash: () => ok(hashA),
      waitfornewblock: (given) => {
        params.push([...given]);
        return ok({ hash: hashB, height: 2 });
      },
    });
    await chain.waitForChange(hashA, never);
    expect(params).toEqual([[10_000, hashA]]);
  });

  test('an older one is asked in its own way, and is asked so from then on', async () => {
    const params: number[] = [];
    const { chain } = await standIn({
      getbestblockhash: () => ok(hashA),
      waitfornewblock: (given) => {
        params.push(given.length);
        return given.length > 1 ? no(-1, 'waitfornewblock ( timeout )') : ok({ hash: hashB, height: 2 });
      },
    });
    for (let i = 0; i < 3; i++) await chain.waitForChange(hashA, never);
    expect(params).toEqual([2, 1, 1]);
  });

  test('a bitcoind without waitfornewblock is polled every second', async () => {
    const { chain, asked, clock } = await standIn({ getbestblockhash: () => ok(hashA) });
    await chain.waitForChange(hashA, never);
    expect(asked).toEqual(['getbestblockhash', 'waitfornewblock']);
    const waiting = chain.waitForChange(hashA, never);
    await until(() => clock.waiting > 0);
    clock.pass(1_000);
    await waiting;
    expect(asked).toEqual(['getbestblockhash', 'waitfornewblock', 'getbestblockhash']);
  });

  test('an abort ends the wait without an error', async () => {
    const { chain, clock } = await standIn({ getbestblockhash: () => ok(hashA) });
    await chain.waitForChange(hashA, never);
    const abort = new AbortController();
    const waiting = chain.waitForChange(hashA, abort.signal);
    await until(() => clock.waiting > 0);
    abort.abort();
    await waiting;
    expect(clock.waiting).toBe(0);
  });
});

describe('blocks and outputs', () => {
  const outpoint = { txid: txid(unhex(hashA)), vout: 1 };

  test('a height above the tip has no hash', async () => {
    const { chain } = await standIn({ getblockhash: () => no(-8, 'Block height out of range') });
    expect(await chain.hashAt(1000)).toBeUndefined();
  });

  test('a block bitcoind does not know is its own error', async () => {
    const unknown = () => no(-5, 'Block not found');
    const { chain } = await standIn({ getblockheader: unknown, getblock: unknown });
    await expect(chain.block(hashA)).rejects.toMatchObject({ fault: { code: 'unknown_block', hash: hashA } });
  });

  test.each(['00', hex(new Uint8Array(80)), 'ff'.repeat(200)])('a block of bytes %s is refused', async (bytes) => {
    const { chain } = await standIn({
      getblockheader: () => ok({ hash: hashA, height: 5, previousblockhash: hashB }),
      getblock: () => ok(bytes),
    });
    await expect(chain.block(hashA)).rejects.toMatchObject({ fault: { code: 'bad_answer', method: 'getblock' } });
  });

  test('an unspent output comes with its exact amount', async () => {
    const { chain } = await standIn({
      gettxout: (params) =>
        params[2] === false
          ? raw('{"confirmations":3,"value":0.29000001,"scriptPubKey":{"hex":"0014"},"coinbase":false}')
          : no(-1, 'the mempool must not count'),
    });
    expect(await chain.unspent(outpoint)).toEqual({
      amount: 29_000_001n,
      script: Uint8Array.of(0, 0x14),
      confirmations: 3,
      coinbase: false,
    });
  });

  test('a spent or unknown output is undefined', async () => {
    const { chain } = await standIn({ gettxout: () => ok(null) });
    expect(await chain.unspent(outpoint)).toBeUndefined();
  });

  test('a bitcoind that cannot look up spenders has seen none', async () => {
    const { chain } = await standIn({});
    expect(await chain.mempoolSpender(outpoint)).toBeUndefined();
  });

  test('a short_channel_id is looked up by place, and its block is listed once', async () => {
    const { chain, asked } = await standIn({
      getblockhash: ([height]) => (height === 103 ? ok(hashA) : no(-8, 'Block height out of range')),
      getblock: () => ok({ tx: [hashA, hashB] }),
      gettxout: ([id, vout]) =>
        id === hashB && vout === 0
          ? raw('{"confirmations":6,"value":0.01000000,"scriptPubKey":{"hex":"0020"},"coinbase":false}')
          : ok(null),
    });
    expect(await fundingOutput(chain, scidOf(103, 1, 0))).toMatchObject({
      amount: 1_000_000n,
      confirmations: 6,
      vout: 0,
    });
    expect(await fundingOutput(chain, scidOf(103, 1, 1))).toBeUndefined();
    expect(await fundingOutput(chain, scidOf(103, 2, 0))).toBeUndefined();
    expect(await fundingOutput(chain, scidOf(104, 1, 0))).toBeUndefined();
    expect(asked.filter((method) => method === 'getblock')).toHaveLength(1);
  });
});
