/** Sets of record 14 made for tests: what a payer would send, HTLC by HTLC. */
import { deployedChild, deployedSender, handOut } from '../../amp/deployed.ts';
import type { FinalPayload, InvoiceTerms } from '../../amp/io.ts';
import { msat } from '../../wire/units.ts';
import { bytes32, type Htlc, keyOf, peerOf } from './receiver.ts';
import { ampInvoice } from './sets.ts';

type Deployed = Extract<FinalPayload, { kind: 'deployed' }>;

export interface DeployedWish {
  readonly parts: number;
  readonly seed?: number;
  readonly firstKey?: number;
  /** Of each HTLC, msat. */
  readonly amount?: bigint;
  readonly invoice?: InvoiceTerms;
}

/** The HTLCs of one payment, in the order in which their shares are handed out. */
export const deployed = ({ parts, seed = 1, firstKey = 0, amount = 1000n, invoice }: DeployedWish): readonly Htlc[] => {
  const entropy = bytes32(seed);
  let sender = deployedSender(entropy);
  return Array.from({ length: parts }, (_, i): Htlc => {
    const [shard, next] = handOut(sender, entropy, i, i === parts - 1);
    sender = next;
    const share = shard.shares[0]?.share ?? bytes32(0);
    return {
      ...{ key: keyOf(firstKey + i), peer: peerOf(1), amount: msat(amount), expiry: 540 },
      paymentHash: deployedChild(sender.root, share, shard.index).paymentHash,
      payload: {
        ...{ kind: 'deployed', amount: msat(amount), expiry: 540, setId: sender.setId, share, childIndex: shard.index },
        ...{ paymentSecret: invoice?.paymentSecret ?? bytes32(3000 + seed), total: msat(amount * BigInt(parts)) },
      },
      invoice,
    };
  });
};

/** An HTLC whose payload is changed. */
export const changed = (htlc: Htlc | undefined, change: Partial<Deployed>): Htlc => {
  if (htlc?.payload.kind !== 'deployed') throw new RangeError('no HTLC with record 14');
  return { ...htlc, payload: { ...htlc.payload, ...change } };
};

export const deployedInvoice = (amount: bigint | undefined, n = 7): InvoiceTerms => ({
  ...ampInvoice(amount, n),
  kind: 'deployed_amp',
});
