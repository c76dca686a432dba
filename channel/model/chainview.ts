/** What a channel on chain knows from the chain (BOLT 5). None of it is saved: after a restart the chain watcher reports it again. */

import type { Sat, Txid } from '../../wire/units.ts';
import type { Outpoint } from '../tx/funding.ts';
import type { CommitmentKeys } from '../tx/keys.ts';
import type { Claim, ClaimBase, HtlcClaim, SweepClaim } from './claim.ts';
import type { Htlc, PastHtlc } from './htlc.ts';

/** A confirmed spend of an output of a commitment, or of what came out of that. */
export interface OutputSpend {
  readonly txid: Txid;
  readonly height: number;
  /** Its outputs that pay the delayed script, as to_local does. */
  readonly delayedOutputs: readonly { readonly outpoint: Outpoint; readonly value: Sat }[];
}

/** Where an output is and since when. */
export type OutputLocation = Pick<ClaimBase, 'outpoint' | 'value'> & { readonly height: number };

/** An output of the commitment, or of a transaction that ended an HTLC of it. */
export interface TrackedOutput extends OutputLocation {
  readonly key: string;
  /** What it was read into when it was found, and its HTLC in the channel: while both stay, so does its claim. */
  readonly source: object;
  readonly live: Htlc | undefined;
  /** The HTLC that its spend resolves. */
  readonly htlc: ChainHtlc | undefined;
  /** An output of a commitment we cannot read. */
  readonly unreadable: boolean;
  /** Its claim, if we have one; perhaps `small`, and then not made unless it resolves an HTLC. */
  readonly claim: SweepClaim | HtlcClaim | undefined;
  /** The claim as it is handed out, signed where nothing in it can change; undefined while none is to be made. */
  readonly final: Claim | undefined;
  readonly small: boolean;
  /** Its confirmed spend. */
  readonly spend: OutputSpend | undefined;
}

/** What the watcher reported and what was reported to the node in this run of the process. */
export interface ChainView {
  /** Whether the watcher reported the spend of the funding output in this run: until then a reorg may have undone it. */
  readonly confirmed: boolean;
  /** The commitment that spent the funding output, read; undefined after a mutual close. */
  readonly commitment: ChainCommitment | undefined;
  /** By outpoint, as `outpointKey` writes it. */
  readonly spends: ReadonlyMap<string, OutputSpend>;
  /** The settled HTLCs of a revoked commitment; undefined while they are read from the store. */
  readonly past: readonly PastHtlc[] | undefined;
  /** Resolutions of outgoing HTLCs that were reported. */
  readonly reported: ReadonlyMap<bigint, 'fulfilled' | 'failed'>;
  /** Derived: the tracked outputs, as of the last step. */
  readonly outputs: readonly TrackedOutput[];
}

/** Before the chain watcher has reported anything. */
export const emptyChainView: ChainView = {
  confirmed: false,
  commitment: undefined,
  spends: new Map(),
  past: undefined,
  reported: new Map(),
  outputs: [],
};

/** Names a commitment: whose it is, its number, and its keys as far as they are known. */
export interface CommitmentRef {
  readonly holder: 'local' | 'remote';
  readonly number: number;
  /** undefined for one of the peer's that is newer than all we know. */
  readonly keys: CommitmentKeys | undefined;
}

/** An HTLC as a transaction knows it. */
export type ChainHtlc = Pick<Htlc, 'way' | 'id' | 'amount' | 'paymentHash' | 'expiry'>;

/** A confirmed commitment with the outputs that matter to us. It does not change while it is in the chain. */
export interface ChainCommitment {
  readonly whose: CommitmentRef;
  /** Whether it is revoked: then every output is ours to take. */
  readonly revoked: boolean;
  /** The holder's to_self_delay, and its delayed script; undefined where we do not know the keys. */
  readonly delay: number;
  readonly delayed: Uint8Array | undefined;
  /** Outputs that are ours, may be ours, or belong to an HTLC. */
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
