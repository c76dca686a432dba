/** What a channel on chain knows from the chain alone. Nothing of it is kept: after a restart the chain tells it again. */

import type { Sat, Txid } from '../../wire/units.ts';
import type { Outpoint } from '../tx/funding.ts';
import type { CommitmentKeys } from '../tx/keys.ts';
import type { Htlc, PastHtlc } from './htlc.ts';

/** A confirmed spend of an output of a commitment, or of what came out of that. */
export interface OutputSpend {
  readonly txid: Txid;
  readonly height: number;
  /** Its outputs that its maker must wait for, as it must for to_local. */
  readonly delayedOutputs: readonly { readonly outpoint: Outpoint; readonly value: Sat }[];
}

/** What was told in this run of the process. */
export interface ChainView {
  /** Whether it told of the spend of the funding output: until then a reorg may have undone that. */
  readonly confirmed: boolean;
  /** The commitment that spent the funding output, read; undefined after a mutual close. */
  readonly commitment: ChainCommitment | undefined;
  /** By outpoint, as `outpointKey` writes it. */
  readonly spends: ReadonlyMap<string, OutputSpend>;
  /** The HTLCs of a revoked commitment that are over; undefined while they are read. */
  readonly past: readonly PastHtlc[] | undefined;
  /** Fates of outgoing HTLCs that were told. */
  readonly reported: ReadonlyMap<bigint, 'fulfilled' | 'failed'>;
}

/** Before the chain has told anything. */
export const emptyChainView: ChainView = {
  confirmed: false,
  commitment: undefined,
  spends: new Map(),
  past: undefined,
  reported: new Map(),
};

/** A commitment: whose it is, its number, and its keys as far as they can be known. */
export interface CommitmentRef {
  readonly holder: 'local' | 'remote';
  readonly number: number;
  /** undefined for one of the peer's that is newer than all we know. */
  readonly keys: CommitmentKeys | undefined;
}

/** An HTLC as a transaction knows it. */
export type ChainHtlc = Pick<Htlc, 'way' | 'id' | 'amount' | 'paymentHash' | 'expiry'>;

/** A commitment in the chain, with all of it that matters to us. It never changes while it is there. */
export interface ChainCommitment {
  readonly whose: CommitmentRef;
  /** Whether everything in it is ours. */
  readonly revoked: boolean;
  /** How long its holder waits for its own, and the script that says so; undefined where we do not know the keys. */
  readonly delay: number;
  readonly delayed: Uint8Array | undefined;
  /** Ours, perhaps ours, or of an HTLC; with each its HTLC. */
  readonly outputs: readonly ChainOutput[];
}

export type ChainOutput = ClassifiedOutput & { readonly outpoint: Outpoint };

/** An output of a commitment, as far as it is known. */
export type ClassifiedOutput = { readonly index: number; readonly value: Sat; readonly script: Uint8Array } & (
  | { readonly kind: 'to_local' | 'to_remote' | 'anchor'; readonly scriptCode: Uint8Array }
  /** `order` counts the HTLC outputs, as the signatures of commitment_signed do. */
  | { readonly kind: 'htlc'; readonly scriptCode: Uint8Array; readonly htlc: ChainHtlc; readonly order: number }
  | { readonly kind: 'unknown' }
);
