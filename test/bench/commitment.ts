/** The hot loop of a channel: a commitment and all its HTLC transactions built and signed, built and verified. */
import { buildCommitment, type CommitmentContent } from '../../channel/tx/commitment.ts';
import { type CommitmentFormat, formats } from '../../channel/tx/commitmentformats.ts';
import { htlcDigests, htlcTransaction } from '../../channel/tx/htlctx.ts';
import { basepointsOf, channelSecrets, commitmentKeys, deriveSecret, obscuringFactor } from '../../channel/tx/keys.ts';
import { perCommitmentPoint } from '../../channel/tx/secrets.ts';
import { signCommitment, verifyCommitment } from '../../channel/tx/signing.ts';
import { toTransaction } from '../../channel/tx/transaction.ts';
import { u32be } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, paymentHash, sat, txid } from '../../wire/units.ts';
import { type Bench, underEachBackend } from './harness.ts';

const NUMBER = 7;
/** Each side may have 483 HTLCs in flight; nodes that care for speed have some ten or a hundred. */
const COUNTS = [0, 10, 100, 483] as const;

const holder = channelSecrets(new Uint8Array(32).fill(1));
const counterparty = channelSecrets(new Uint8Array(32).fill(2));
const [ours, theirs] = [basepointsOf(holder), basepointsOf(counterparty)];
const point = perCommitmentPoint(holder.perCommitmentSeed, NUMBER);
const secrets = { funding: counterparty.funding, htlc: deriveSecret(counterparty.htlc, point) };

/** A commitment with that many untrimmed HTLCs, half of them offered, all different. */
const contentOf = (format: CommitmentFormat, htlcs: number): CommitmentContent => ({
  format,
  funding: { txid: txid(sha256(point)), index: 0 },
  fundingAmount: sat(100_000_000n),
  obscuring: obscuringFactor(ours.payment, theirs.payment),
  number: NUMBER,
  keys: commitmentKeys(ours, theirs, point),
  toSelfDelay: 144,
  dustLimit: sat(354n),
  opener: 'holder',
  feerate: 1000,
  toHolder: msat(40_000_000_000n),
  toCounterparty: msat(40_000_000_000n),
  htlcs: Array.from({ length: htlcs }, (_, i) => ({
    id: BigInt(i),
    direction: i % 2 === 0 ? 'offered' : 'received',
    amount: msat(10_000_000n + 1000n * BigInt(i)),
    paymentHash: paymentHash(sha256(u32be(i))),
    cltvExpiry: 800_000 + i,
  })),
});

export const bench: Bench = {
  name: 'commitment',
  about: 'commitments with their HTLC transactions, built, signed and verified',
  async run(scope) {
    for (const format of Object.values(formats)) {
      scope.table(`Commitments, ${format.name}`);
      for (const count of COUNTS) {
        const content = contentOf(format, count);
        const signatures = signCommitment(buildCommitment(content), secrets);
        const row = `${count} HTLCs`;
        scope.rate(row, 'built', () => {
          buildCommitment(content);
        });
        scope.rate(row, 'built and signed', () => {
          signCommitment(buildCommitment(content), secrets);
        });
        scope.rate(row, 'built and verified', () => {
          if (verifyCommitment(buildCommitment(content), signatures)) throw new Error('signatures refused');
        });
      }
    }

    scope.table('With 10 HTLCs, by curve backend');
    await underEachBackend((name) => {
      const content = contentOf(formats.static_remotekey, 10);
      const signatures = signCommitment(buildCommitment(content), secrets);
      scope.rate('keys of a commitment', name, () => {
        commitmentKeys(ours, theirs, point);
      });
      scope.rate('own per-commitment point', name, () => {
        perCommitmentPoint(holder.perCommitmentSeed, NUMBER);
      });
      scope.rate('built and signed', name, () => {
        signCommitment(buildCommitment(content), secrets);
      });
      scope.rate('built and verified', name, () => {
        if (verifyCommitment(buildCommitment(content), signatures)) throw new Error('signatures refused');
      });
    });

    scope.table('Digests of 100 HTLC transactions');
    const commitment = buildCommitment(contentOf(formats.static_remotekey, 100));
    const { htlcSighash } = commitment.content.format;
    scope.rate('100 HTLCs', 'in one buffer', () => {
      htlcDigests(commitment, htlcSighash);
    });
    scope.rate('100 HTLCs', 'bitcoinjs-lib', () => {
      for (const output of commitment.htlcs)
        toTransaction(htlcTransaction(commitment, output), []).hashForWitnessV0(
          0,
          output.witnessScript,
          output.value,
          htlcSighash,
        );
    });
  },
};
