/** What holds of every commitment: conservation, trimming, order, both views, and digests that equal bitcoinjs-lib's. */

import { script, Transaction } from 'bitcoinjs-lib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildCommitment, type CommitmentContent, type CommitmentHtlc } from '../../channel/tx/commitment.ts';
import {
  commitmentFee,
  formats,
  htlcTransactionFee,
  openerCost,
  SIGHASH_ALL,
  SIGHASH_SINGLE_ANYONECANPAY,
} from '../../channel/tx/commitmentformats.ts';
import { htlcDigest, htlcDigests, htlcTransaction } from '../../channel/tx/htlctx.ts';
import { basepointsOf, channelSecrets, commitmentKeys, deriveSecret, obscuringFactor } from '../../channel/tx/keys.ts';
import { perCommitmentPoint } from '../../channel/tx/secrets.ts';
import { completeCommitment, completeHtlc, signCommitment, verifyCommitment } from '../../channel/tx/signing.ts';
import { digestAll, toTransaction } from '../../channel/tx/transaction.ts';
import { isTrimmed, trimThreshold } from '../../channel/tx/trimming.ts';
import { compare, hex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, paymentHash, preimage, sat, signature, txid } from '../../wire/units.ts';

const holder = channelSecrets(new Uint8Array(32).fill(1));
const counterparty = channelSecrets(new Uint8Array(32).fill(2));
const at = perCommitmentPoint(holder.perCommitmentSeed, 7);
const keys = commitmentKeys(basepointsOf(holder), basepointsOf(counterparty), at);
const obscuring = obscuringFactor(basepointsOf(holder).payment, basepointsOf(counterparty).payment);
const theirSecrets = { funding: counterparty.funding, htlc: deriveSecret(counterparty.htlc, at) };

const secretFor = (n: number) => preimage(new Uint8Array(32).fill(n));
const FUNDING = 10_000_000n;

/** Few amounts, hashes and expiries, so that outputs often collide. */
const htlcsOf: fc.Arbitrary<readonly CommitmentHtlc[]> = fc
  .array(
    fc.record({
      direction: fc.constantFrom('offered' as const, 'received' as const),
      amount: fc.oneof(fc.constantFrom(2_000_000n, 2_000_999n, 5_000_000n), fc.bigInt({ min: 1n, max: 6_000_000n })),
      hash: fc.integer({ min: 0, max: 2 }),
      cltvExpiry: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 120, max: 900_000 })),
    }),
    { maxLength: 12 },
  )
  .map((rows) =>
    rows.map(({ direction, amount, hash, cltvExpiry }, i) => ({
      id: BigInt(i),
      direction,
      amount: msat(amount),
      paymentHash: paymentHash(sha256(secretFor(hash))),
      cltvExpiry,
    })),
  );

/** Contents whose balances and HTLCs add up to the funding amount, the millisatoshi included. */
const contentOf: fc.Arbitrary<CommitmentContent> = fc
  .record({
    format: fc.constantFrom(formats.static_remotekey, formats.anchors_zero_fee_htlc_tx),
    number: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    toSelfDelay: fc.integer({ min: 1, max: 2016 }),
    dustLimit: fc.bigInt({ min: 354n, max: 3000n }),
    opener: fc.constantFrom('holder' as const, 'counterparty' as const),
    feerate: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 20_000_000 })),
    split: fc.oneof(fc.constantFrom(0n, 1_000_000n), fc.bigInt({ min: 0n, max: 1_000_000n })),
    htlcs: htlcsOf,
  })
  .map(({ split, dustLimit, ...rest }) => {
    const left = FUNDING * 1000n - rest.htlcs.reduce((sum, { amount }) => sum + amount, 0n);
    const toHolder = (left * split) / 1_000_000n;
    return {
      ...rest,
      funding: { txid: txid(new Uint8Array(32).fill(9)), index: 3 },
      fundingAmount: sat(FUNDING),
      obscuring,
      keys,
      dustLimit: sat(dustLimit),
      toHolder: msat(toHolder),
      toCounterparty: msat(left - toHolder),
    };
  })
  .filter((content) => content.format.anchor === undefined || openerSats(content) >= 660n);

const openerSats = ({ opener, toHolder, toCounterparty }: CommitmentContent): bigint =>
  (opener === 'holder' ? toHolder : toCounterparty) / 1000n;

describe('every commitment', () => {
  test('gives the whole funding amount to outputs and fee, at least the base fee unless the opener cannot pay it', () => {
    fc.assert(
      fc.property(contentOf, (content) => {
        const { transaction, htlcs, fee } = buildCommitment(content);
        expect(transaction.outputs.reduce((sum, { value }) => sum + value, fee as bigint)).toBe(FUNDING);
        const { format, feerate } = content;
        if (openerSats(content) >= openerCost(format, feerate, htlcs.length))
          expect(fee).toBeGreaterThanOrEqual(commitmentFee(format, feerate, htlcs.length));
      }),
    );
  });

  test('has an output for an HTLC exactly when it and its second stage are not dust', () => {
    fc.assert(
      fc.property(contentOf, (content) => {
        const { format, feerate, dustLimit } = content;
        const present = new Set(buildCommitment(content).htlcs.map(({ htlc }) => htlc.id));
        for (const { id, direction, amount } of content.htlcs)
          expect(present.has(id)).toBe(amount / 1000n - htlcTransactionFee(format, feerate, direction) >= dustLimit);
      }),
    );
  });

  test('has to_local and to_remote exactly when they reach the dust limit after costs, and anchors that go with them', () => {
    fc.assert(
      fc.property(contentOf, (content) => {
        const { transaction, htlcs } = buildCommitment(content);
        const { format, feerate, opener, dustLimit } = content;
        const cost = openerCost(format, feerate, htlcs.length);
        const local = content.toHolder / 1000n - (opener === 'holder' ? cost : 0n) >= dustLimit;
        const remote = content.toCounterparty / 1000n - (opener === 'counterparty' ? cost : 0n) >= dustLimit;
        const count = (kind: string) => transaction.outputs.filter((output) => output.kind === kind).length;
        const anchors = format.name === 'anchors_zero_fee_htlc_tx';
        expect(count('to_local')).toBe(Number(local));
        expect(count('to_remote')).toBe(Number(remote));
        expect(count('to_local_anchor')).toBe(Number(anchors && (local || htlcs.length > 0)));
        expect(count('to_remote_anchor')).toBe(Number(anchors && (remote || htlcs.length > 0)));
      }),
    );
  });

  test('is the same transaction whatever order its HTLCs are kept in, and sorted by value, script and expiry', () => {
    fc.assert(
      fc.property(contentOf, fc.infiniteStream(fc.nat()), (content, numbers) => {
        const keyed = content.htlcs.map((htlc) => ({ htlc, at: numbers.next().value ?? 0 }));
        const shuffled = keyed.sort((a, b) => a.at - b.at).map(({ htlc }) => htlc);
        const [ours, theirs] = [buildCommitment(content), buildCommitment({ ...content, htlcs: shuffled })];
        expect(hex(theirs.txid)).toBe(hex(ours.txid));
        expect(htlcDigests(theirs, SIGHASH_ALL).map(hex)).toEqual(htlcDigests(ours, SIGHASH_ALL).map(hex));
        for (const [i, output] of ours.transaction.outputs.entries()) {
          const next = ours.transaction.outputs[i + 1];
          if (next === undefined) break;
          const order = Number(output.value - next.value) || compare(output.script, next.script);
          expect(order).toBeLessThanOrEqual(0);
          if (order === 0 && output.kind === 'htlc' && next.kind === 'htlc')
            expect(output.htlc.cltvExpiry).toBeLessThanOrEqual(next.htlc.cltvExpiry);
        }
      }),
    );
  });

  test('and its HTLC transactions have the ids and digests that bitcoinjs-lib computes', () => {
    fc.assert(
      fc.property(contentOf, (content) => {
        const commitment = buildCommitment(content);
        const tx = toTransaction(commitment.transaction, []);
        expect(hex(commitment.txid)).toBe(hex(tx.getHash()));
        expect(hex(digestAll(commitment.transaction, commitment.spent))).toBe(
          hex(tx.hashForWitnessV0(0, commitment.spent.witnessScript, FUNDING, SIGHASH_ALL)),
        );
        for (const sighash of [SIGHASH_ALL, SIGHASH_SINGLE_ANYONECANPAY]) {
          const digests = htlcDigests(commitment, sighash);
          for (const [i, output] of commitment.htlcs.entries()) {
            const second = toTransaction(htlcTransaction(commitment, output), []);
            const expected = hex(second.hashForWitnessV0(0, output.witnessScript, output.value, sighash));
            expect(hex(digests[i] ?? new Uint8Array())).toBe(expected);
            expect(hex(htlcDigest(commitment, output, sighash))).toBe(expected);
          }
        }
      }),
    );
  });

  test('writes its scripts with the fewest bytes, as bitcoinjs-lib reads and writes them', () => {
    fc.assert(
      fc.property(contentOf, (content) => {
        for (const { witnessScript } of buildCommitment(content).transaction.outputs)
          if (witnessScript !== undefined)
            expect(hex(script.compile(script.decompile(witnessScript) ?? []))).toBe(hex(witnessScript));
      }),
      { numRuns: 30 },
    );
  });
});

describe('the signatures of a commitment', () => {
  const some = fc.sample(contentOf, { numRuns: 400, seed: 1 });
  const rich = (format: CommitmentContent['format']) =>
    some.find((content) => content.format === format && buildCommitment(content).htlcs.length > 4) ??
    expect.fail('a commitment with HTLCs');
  const rows = Object.values(formats).map((format) => ({ name: format.name, content: rich(format) }));

  test.each(rows)(
    '$name: are accepted as made, and the fault is named when one is missing, added or wrong',
    ({ content }) => {
      const commitment = buildCommitment(content);
      const good = signCommitment(commitment, theirSecrets);
      const { htlcSignatures } = good;
      const count = htlcSignatures.length;
      expect(verifyCommitment(commitment, good)).toBeUndefined();

      const wrong = signature(new Uint8Array(64).fill(1));
      expect(verifyCommitment(commitment, { ...good, signature: wrong })).toEqual({
        code: 'invalid_commitment_signature',
      });
      expect(verifyCommitment(commitment, { ...good, htlcSignatures: htlcSignatures.slice(1) })).toEqual({
        code: 'htlc_signature_count',
        expected: count,
        got: count - 1,
      });
      expect(verifyCommitment(commitment, { ...good, htlcSignatures: [...htlcSignatures, wrong] })).toEqual({
        code: 'htlc_signature_count',
        expected: count,
        got: count + 1,
      });
      const last = commitment.htlcs[count - 1];
      expect(
        verifyCommitment(commitment, { ...good, htlcSignatures: [...htlcSignatures.slice(0, -1), wrong] }),
      ).toEqual({ code: 'invalid_htlc_signature', index: last?.index, htlc: last?.htlc.id });
      expect(verifyCommitment(buildCommitment({ ...content, number: Math.abs(content.number - 1) }), good)).toEqual({
        code: 'invalid_commitment_signature',
      });
    },
  );

  test.each(rows)('$name: complete transactions that are no heavier than the fee rules expect', ({ content }) => {
    const { format } = content;
    const commitment = buildCommitment(content);
    const { signature: theirs, htlcSignatures } = signCommitment(commitment, theirSecrets);
    const tx = completeCommitment(commitment, theirs, holder.funding);
    expect(BigInt(tx.weight())).toBeLessThanOrEqual(
      format.weight + format.htlcOutputWeight * BigInt(commitment.htlcs.length),
    );
    for (const [i, output] of commitment.htlcs.entries()) {
      const received = output.htlc.direction === 'received';
      const known = [0, 1, 2].map(secretFor).find((p) => hex(sha256(p)) === hex(output.htlc.paymentHash));
      const complete = (of: typeof known) =>
        completeHtlc(commitment, output, htlcSignatures[i] ?? theirs, deriveSecret(holder.htlc, at), of);
      const second = complete(received ? known : undefined);
      expect(BigInt(second.weight())).toBeLessThanOrEqual(format.htlcTransactionWeight[output.htlc.direction]);
      expect(Transaction.fromHex(second.toHex()).ins[0]?.witness).toHaveLength(5);
      expect(() => complete(received ? undefined : known)).toThrow(RangeError);
    }
  });
});

test('a commitment whose opener cannot even pay for the anchors, or whose amounts do not add up, is not built', () => {
  const [content] = fc.sample(contentOf, { numRuns: 1, seed: 1 });
  if (content === undefined) throw new Error('a content');
  const base = { ...content, feerate: 0, htlcs: [], opener: 'holder' as const };
  const build = (format: CommitmentContent['format'], toHolder: bigint, toCounterparty: bigint) => () =>
    buildCommitment({ ...base, format, toHolder: msat(toHolder), toCounterparty: msat(toCounterparty) });
  expect(build(formats.anchors_zero_fee_htlc_tx, 329_000n, 9_999_671_000n)).toThrow(RangeError);
  expect(build(formats.anchors_zero_fee_htlc_tx, 330_000n, 9_999_670_000n)().fee).toBe(0n);
  expect(build(formats.static_remotekey, 5_000_000_000n, 5_000_001_000n)).toThrow(RangeError);
});

test('fees and trimming are those of the example in BOLT 3', () => {
  const format = formats.static_remotekey;
  const dust = sat(546n);
  expect(htlcTransactionFee(format, 5000, 'offered')).toBe(3315n);
  expect(htlcTransactionFee(format, 5000, 'received')).toBe(3515n);
  const trimmed = (direction: 'offered' | 'received', sats: bigint) =>
    isTrimmed(format, 5000, dust, { direction, amount: msat(sats * 1000n) });
  expect([trimmed('offered', 5000n), trimmed('offered', 1000n)]).toEqual([false, true]);
  expect([trimmed('received', 7000n), trimmed('received', 800n)]).toEqual([false, true]);
  expect(commitmentFee(format, 5000, 2)).toBe(5340n);
  expect(trimThreshold(format, 5000, dust, 'offered')).toBe(3861n);
  expect(openerCost(formats.anchors_zero_fee_htlc_tx, 1000, 1)).toBe(1124n + 172n + 660n);
});
