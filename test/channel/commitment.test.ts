/** Appendices C and F of BOLT 3, byte for byte: commitments, HTLC transactions and every signature in them. */
import { script, Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import { buildCommitment, commitmentNumber } from '../../channel/tx/commitment.ts';
import { type CommitmentFormat, formats } from '../../channel/tx/commitmentformats.ts';
import { derivePoint } from '../../channel/tx/keys.ts';
import {
  completeCommitment,
  completeHtlc,
  derSignature,
  signCommitment,
  verifyCommitment,
} from '../../channel/tx/signing.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { signature } from '../../wire/units.ts';
import { type Case, contentOf, type Params, pointOf, preimageOf, secretOf, vectorsOf } from './appendix.ts';

/** A case, and what must come of it, in hexadecimal. */
interface Row {
  readonly name: string;
  readonly given: Case;
  readonly remoteSignature: string;
  readonly transaction: string;
  readonly htlcs: readonly { readonly remoteSignature: string; readonly transaction: string }[];
}

interface AppendixC {
  readonly params: Params;
  readonly vectors: readonly {
    readonly name: string;
    readonly to_local_msat: number;
    readonly to_remote_msat: number;
    readonly local_feerate_per_kw: number;
    readonly num_htlcs: number;
    readonly actual_commitment_transaction_fee?: number;
    readonly remote_signature: string;
    readonly commit_tx: string;
    readonly htlc_outputs: readonly {
      readonly output: number;
      readonly htlc: number;
      readonly remote_htlc_signature: string;
      readonly raw_tx: string;
    }[];
  }[];
}

interface AppendixF {
  readonly params: Params;
  readonly vectors: readonly {
    readonly Name: string;
    readonly LocalBalance: number;
    readonly RemoteBalance: number;
    readonly DustLimitSatoshis?: number;
    readonly FeePerKw: number;
    readonly UseTestHtlcs: boolean;
    readonly HtlcDescs: readonly { readonly RemoteSigHex: string; readonly ResolutionTxHex: string }[];
    readonly ExpectedCommitmentTxHex: string;
    readonly RemoteSigHex: string;
  }[];
}

/** Which of the appendix's HTLCs are committed. */
const htlcsOf = (name: string, simple: boolean): readonly number[] =>
  simple ? [] : name.includes('same amount and preimage') ? [1, 5, 6] : [0, 1, 2, 3, 4];

const appendixC = vectorsOf<AppendixC>('bolt03-appendix-c-static-remotekey');
const rowsC = appendixC.vectors.map(
  (v): Row => ({
    name: v.name,
    given: {
      format: formats.static_remotekey,
      toLocal: v.to_local_msat,
      toRemote: v.to_remote_msat,
      feerate: v.local_feerate_per_kw,
      dustLimit: 546,
      htlcs: htlcsOf(v.name, v.name.includes('simple')),
    },
    remoteSignature: v.remote_signature,
    transaction: v.commit_tx,
    htlcs: v.htlc_outputs.map((h) => ({ remoteSignature: h.remote_htlc_signature, transaction: h.raw_tx })),
  }),
);

const appendixF = vectorsOf<AppendixF>('bolt03-appendix-f-anchors-zero-fee-htlc');
const rowsOfF = (
  file: Pick<AppendixF, 'vectors'>,
  format: CommitmentFormat = formats.anchors_zero_fee_htlc_tx,
): readonly Row[] =>
  file.vectors.map((v) => ({
    name: v.Name,
    given: {
      format,
      toLocal: v.LocalBalance,
      toRemote: v.RemoteBalance,
      feerate: v.FeePerKw,
      dustLimit: v.DustLimitSatoshis ?? 546,
      htlcs: htlcsOf(v.Name, !v.UseTestHtlcs),
    },
    remoteSignature: v.RemoteSigHex,
    transaction: v.ExpectedCommitmentTxHex,
    htlcs: v.HtlcDescs.map((h) => ({ remoteSignature: h.RemoteSigHex, transaction: h.ResolutionTxHex })),
  }));

/** The appendix gives signatures in DER without a hash type. */
const compact = (der: string, sighash: number) =>
  signature(script.signature.decode(Uint8Array.of(...unhex(der), sighash)).signature);

type Content = ReturnType<typeof contentOf>;

const check = (
  params: Params,
  { given, remoteSignature, transaction, htlcs }: Row,
  adapted = (content: Content): Content => content,
): void => {
  const commitment = buildCommitment(adapted(contentOf(params, given)));
  const { htlcSighash } = given.format;
  const signatures = {
    signature: compact(remoteSignature, 1),
    htlcSignatures: htlcs.map((h) => compact(h.remoteSignature, htlcSighash)),
  };
  const signed = signCommitment(commitment, {
    funding: secretOf(params, 'remote_funding_privkey'),
    htlc: secretOf(params, 'remote_privkey'),
  });
  expect(hex(derSignature(signed.signature, 1)).slice(0, -2)).toBe(remoteSignature);
  expect(signed.htlcSignatures.map(hex)).toEqual(signatures.htlcSignatures.map(hex));
  expect(verifyCommitment(commitment, signatures)).toBeUndefined();

  const complete = completeCommitment(commitment, signatures.signature, secretOf(params, 'local_funding_privkey'));
  expect(complete.toHex()).toBe(transaction);
  expect(hex(commitment.txid)).toBe(hex(complete.getHash()));

  expect(
    commitment.htlcs.map((output, i) =>
      completeHtlc(
        commitment,
        output,
        signatures.htlcSignatures[i] ?? signature(new Uint8Array(64)),
        secretOf(params, 'local_privkey'),
        output.htlc.direction === 'received' ? preimageOf(params, output.htlc.id) : undefined,
      ).toHex(),
    ),
  ).toEqual(htlcs.map((h) => h.transaction));
};

describe('appendix C, static_remotekey: the commitment, its HTLC transactions and all signatures', () => {
  test.each(rowsC)('$name', (row) => check(appendixC.params, row));

  test.each(appendixC.vectors)('$name: fee and HTLC outputs', (v) => {
    const row = rowsC.find(({ name }) => name === v.name);
    if (row === undefined) throw new Error(`no row ${v.name}`);
    const { htlcs, fee } = buildCommitment(contentOf(appendixC.params, row.given));
    expect(htlcs.map(({ index, htlc }) => [index, Number(htlc.id)])).toEqual(
      v.htlc_outputs.map((h) => [h.output, h.htlc]),
    );
    if (v.actual_commitment_transaction_fee !== undefined)
      expect(fee).toBe(BigInt(v.actual_commitment_transaction_fee));
  });
});

describe('appendix F, anchors_zero_fee_htlc_tx: the commitment, its HTLC transactions and all signatures', () => {
  test.each(rowsOfF(appendixF))('$name', (row) => check(appendixF.params, row));
});

describe('the same cases as lnd has them', () => {
  const rows = rowsOfF(vectorsOf<Pick<AppendixF, 'vectors'>>('lnd-commitment-zero-fee-htlc-tx'));
  test.each(rows)('$name', (row) => check(appendixF.params, row));
});

/** Nobody opens these kinds any more, but all that makes them up is in use: they test it from another side. */
describe('kinds of channel that are retired, as lnd has them', () => {
  const paying: CommitmentFormat = { ...formats.anchors_zero_fee_htlc_tx, htlcTransactionsPayFee: true };
  const anchors = rowsOfF(vectorsOf<Pick<AppendixF, 'vectors'>>('lnd-commitment-anchors'), paying);
  test.each(anchors)('anchors whose HTLC transactions pay a fee: $name', (row) => check(appendixF.params, row));

  const legacy = rowsOfF(vectorsOf<Pick<AppendixF, 'vectors'>>('lnd-commitment-legacy'), formats.static_remotekey);
  test.each(legacy)('a to_remote key of its own for each commitment: $name', (row) =>
    check(appendixC.params, row, (content) => ({
      ...content,
      keys: {
        ...content.keys,
        counterpartyPayment: derivePoint(
          content.keys.counterpartyPayment,
          pointOf(appendixC.params, 'local_per_commitment_point'),
        ),
      },
    })),
  );
});

test('the keys of the appendix follow from its basepoints', () => {
  const { keys, obscuring } = contentOf(appendixC.params, rowsC[0]?.given ?? expect.fail('no vectors'));
  expect(hex(keys.revocation)).toBe(hex(pointOf(appendixC.params, 'local_revocation_pubkey')));
  expect(hex(keys.holderDelayed)).toBe(hex(pointOf(appendixC.params, 'local_delayedpubkey')));
  expect(hex(keys.holderHtlc)).toBe(hex(pointOf(appendixC.params, 'local_htlcpubkey')));
  expect(hex(keys.counterpartyHtlc)).toBe(hex(pointOf(appendixC.params, 'remote_htlcpubkey')));
  expect(obscuring).toBe(0x2bb038521914n);
});

test('whoever knows the obscuring factor reads the commitment number back, and a closing is not taken for one', () => {
  const tx = Transaction.fromHex(appendixC.vectors[0]?.commit_tx ?? '');
  const seen = { sequence: tx.ins[0]?.sequence ?? 0, locktime: tx.locktime };
  expect(commitmentNumber(0x2bb038521914n, seen)).toBe(42);
  expect(commitmentNumber(0x2bb038521914n, { sequence: 0xffffffff, locktime: 0 })).toBeUndefined();
});
