/** Appendix B of BOLT 3 byte for byte, and the closing transactions that spend a funding output. */
import { crypto, script, Transaction } from 'bitcoinjs-lib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildClosing,
  buildLegacyClosing,
  type ClosingContent,
  closingFee,
  closingWeight,
  dustThreshold,
} from '../../channel/tx/closingtx.ts';
import { channelIdOf, fundingOutputScript, fundingScript } from '../../channel/tx/funding.ts';
import { p2wpkh } from '../../channel/tx/script.ts';
import { completeFundingSpend, derSignature, signFundingSpend, verifyFundingSpend } from '../../channel/tx/signing.ts';
import { toTransaction } from '../../channel/tx/transaction.ts';
import { compare, concat, hex, reversed, unhex } from '../../wire/bytes.ts';
import { pointOf, sign } from '../../wire/crypto.ts';
import { msat, point, sat, secretKey, txid } from '../../wire/units.ts';
import { vectorsOf } from './appendix.ts';

const funding = vectorsOf<{ readonly vectors: Readonly<Record<string, string>> }>('bolt03-appendix-b-funding').vectors;
const field = (name: string): string => funding[name] ?? expect.fail(`no ${name}`);
const local = point(unhex(field('local_funding_pubkey')));
const remote = point(unhex(field('remote_funding_pubkey')));

describe('appendix B: the funding transaction', () => {
  test('its witness script is the same whichever key comes first', () => {
    expect(hex(fundingScript(local, remote))).toBe(field('funding_witness_script'));
    expect(hex(fundingScript(remote, local))).toBe(field('funding_witness_script'));
  });

  test('it is rebuilt byte for byte, signature included', () => {
    const secret = secretKey(unhex(field('Block_1_coinbase_privkey').slice(0, 64)));
    const coinbase = Transaction.fromHex(field('Block_1_coinbase_transaction'));
    const tx = new Transaction();
    tx.version = 2;
    tx.addInput(reversed(unhex(field('input_txid'))), Number(field('input_index')));
    tx.addOutput(fundingOutputScript(local, remote), BigInt(field('funding_satoshis')));
    tx.addOutput(p2wpkh(pointOf(secret)), BigInt(field('change_satoshis')));
    const digest = tx.hashForSignature(0, coinbase.outs[0]?.script ?? new Uint8Array(), Transaction.SIGHASH_ALL);
    tx.setInputScript(0, script.compile([derSignature(sign(digest, secret), 1), pointOf(secret)]));
    expect(tx.toHex()).toBe(field('funding_tx'));
    expect(tx.getId()).toBe(field('funding_txid'));
  });

  test('the channel_id is the txid with its last two bytes XORed with the output index', () => {
    const id = txid(reversed(unhex(field('funding_txid'))));
    expect(hex(channelIdOf({ txid: id, index: 0 }))).toBe(hex(id));
    const changed = channelIdOf({ txid: id, index: 0x0102 });
    expect(hex(changed.subarray(0, 30))).toBe(hex(id.subarray(0, 30)));
    expect([...changed.subarray(30)]).toEqual([(id[30] ?? 0) ^ 1, (id[31] ?? 0) ^ 2]);
  });
});

const outputScripts: readonly (readonly [name: string, script: string, dust: bigint])[] = [
  ['P2PKH', `76a914${'11'.repeat(20)}88ac`, 546n],
  ['P2SH', `a914${'11'.repeat(20)}87`, 540n],
  ['P2WPKH', `0014${'11'.repeat(20)}`, 294n],
  ['P2WSH', `0020${'11'.repeat(32)}`, 330n],
  ['pay to anchor', '51024e73', 240n],
  ['P2TR', `5120${'11'.repeat(32)}`, 354n],
  ['the longest witness program of a later version', `6028${'11'.repeat(40)}`, 354n],
  ['OP_RETURN', `6a06${'11'.repeat(6)}`, 0n],
  ['a script nobody knows', 'ac', 546n],
  ['nothing', '', 546n],
];
test.each(outputScripts)('%s is dust below its threshold', (_, bytes, dust) => {
  expect(dustThreshold(unhex(bytes))).toBe(dust);
});

const localSecret = secretKey(new Uint8Array(32).fill(1));
const remoteSecret = secretKey(new Uint8Array(32).fill(2));
const spk = (at: number): Uint8Array => unhex(outputScripts[at]?.[1] ?? '');

const content = (given: Partial<ClosingContent> = {}, localBalance = 600_000_999n): ClosingContent => ({
  funding: { txid: txid(new Uint8Array(32).fill(3)), index: 1 },
  fundingAmount: sat(1_000_000n),
  local: { funding: pointOf(localSecret), balance: msat(localBalance), script: spk(2) },
  remote: { funding: pointOf(remoteSecret), balance: msat(1_000_000_000n - localBalance), script: spk(5) },
  payer: 'local',
  fee: sat(700n),
  ...given,
});

describe('a closing transaction', () => {
  test('pays both balances in whole satoshis, less the fee for the payer, and leaves the rest to miners', () => {
    const { transaction, fee } = buildLegacyClosing(content(), sat(354n));
    expect(transaction.outputs.map(({ owner, value }) => [owner, value])).toEqual([
      ['remote', 399_999n],
      ['local', 599_300n],
    ]);
    expect(fee).toBe(701n);
    expect([transaction.sequence, transaction.locktime]).toEqual([0xffffffff, 0]);
  });

  test('has no output below the dust limit, nor one left out', () => {
    const owners = (...args: Parameters<typeof buildLegacyClosing>) =>
      buildLegacyClosing(...args).transaction.outputs.map(({ owner }) => owner);
    const poor = (sats: bigint) => content({}, sats * 1000n);
    expect(owners(poor(1245n), sat(546n))).toEqual(['remote']);
    expect(owners(poor(1246n), sat(546n))).toEqual(['local', 'remote']);
    expect(owners(poor(699n), sat(0n))).toEqual(['remote']);
    expect(owners(content({ leaveOut: 'remote' }), sat(546n))).toEqual(['local']);
    expect(owners(content({ leaveOut: 'local' }), sat(546n))).toEqual(['remote']);
  });

  test('of the simple protocol may be replaced, has the agreed locktime and gives OP_RETURN nothing', () => {
    const base = content();
    const burning = { ...base, local: { ...base.local, script: spk(7) } };
    const { transaction } = buildClosing(burning, 800_000);
    expect(transaction.outputs.map(({ owner, value }) => [owner, value])).toEqual([
      ['local', 0n],
      ['remote', 399_999n],
    ]);
    expect([transaction.sequence, transaction.locktime]).toEqual([0xfffffffd, 800_000]);
    expect(() => buildClosing(content({}, 699_000n), 0)).toThrow(RangeError);
  });

  test('is signed by both sides over the digest that bitcoinjs-lib computes, and not much lighter than expected', () => {
    const outputScript = fc.constantFrom(...outputScripts.slice(0, 7).map(([, bytes]) => unhex(bytes)));
    const balance = fc.bigInt({ min: 2_000_000n, max: 998_000_000n });
    fc.assert(
      fc.property(outputScript, outputScript, balance, (ours, theirs, localBalance) => {
        const base = content({}, localBalance);
        const closing = buildLegacyClosing(
          { ...base, local: { ...base.local, script: ours }, remote: { ...base.remote, script: theirs } },
          sat(0n),
        );
        const [a, b] = [localSecret, remoteSecret].map((secret) => ({
          key: pointOf(secret),
          signature: signFundingSpend(closing, secret),
        }));
        if (a === undefined || b === undefined) throw new Error('two signatures');
        expect(verifyFundingSpend(closing, a)).toBe(true);
        expect(verifyFundingSpend(closing, { key: a.key, signature: b.signature })).toBe(false);

        const tx = completeFundingSpend(closing, a, b);
        expect(completeFundingSpend(closing, b, a).toHex()).toBe(tx.toHex());
        expect(hex(tx.getHash())).toBe(hex(closing.txid));
        const digest = tx.hashForWitnessV0(0, closing.spent.witnessScript, closing.spent.value, 1);
        expect(hex(sign(digest, localSecret))).toBe(hex(a.signature));
        const [first] = [a, b].sort((x, y) => compare(x.key, y.key));
        expect(hex(tx.ins[0]?.witness[1] ?? new Uint8Array())).toBe(
          hex(derSignature(first?.signature ?? a.signature, 1)),
        );
        const margin = Number(closingWeight(ours, theirs)) - tx.weight();
        expect(margin).toBeGreaterThanOrEqual(2);
        expect(margin).toBeLessThan(16);
      }),
      { numRuns: 30 },
    );
  });

  test('costs its expected weight at the feerate', () => {
    expect(closingWeight(spk(2), spk(2))).toBe(4n * (51n + 31n + 31n) + 224n);
    expect(closingFee(1000, spk(2), spk(2))).toBe(676n);
    expect(closingFee(253, spk(2), spk(3))).toBe(sat((253n * (676n + 48n)) / 1000n));
  });

  test('keeps a scriptpubkey that is longer than a one-byte length can say', () => {
    const long = concat(unhex('6a4d2c01'), new Uint8Array(300));
    const base = content();
    const { transaction, txid: id } = buildClosing({ ...base, remote: { ...base.remote, script: long } }, 0);
    expect(hex(toTransaction(transaction, []).getHash())).toBe(hex(id));
  });
});

test('hash160 of a key gives the P2WPKH that bitcoinjs-lib makes', () => {
  expect(hex(p2wpkh(local))).toBe(`0014${hex(crypto.hash160(local))}`);
});
