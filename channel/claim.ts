/**
 * What a channel wants to take from the chain (BOLT 5), as plain values, and the witness that takes it. A claim says all
 * that a transaction needs but the fee, so whoever assembles it never sees a secret: it gives a digest and gets a witness.
 */
import { hash160, pointOf, sign } from '../wire/crypto.ts';
import type { Point, Preimage, Sat, SecretKey } from '../wire/units.ts';
import type { Outpoint } from './funding.ts';
import { deriveSecret, revocationPoint, revocationSecret } from './keys.ts';
import { perCommitmentPoint, receivedCount, receivedSecret } from './secrets.ts';
import { derSignature } from './signing.ts';
import type { Core, Funded } from './state.ts';
import type { Output } from './transaction.ts';
import { formats, SIGHASH_ALL } from './weights.ts';

/** What a claim is about, for logs. */
export type ClaimReason =
  | 'to_local'
  | 'to_remote'
  | 'htlc_timeout'
  | 'htlc_success'
  | 'htlc_output'
  | 'penalty to_local'
  | 'penalty htlc'
  | 'penalty htlc_output'
  | 'anchor'
  | 'closing';

export interface ClaimBase {
  readonly outpoint: Outpoint;
  /** Of the output that is taken. */
  readonly value: Sat;
  /** Lowest height of a block that may contain it. */
  readonly from: number;
  /** Height of the first block in which it may be too late: somebody else may have the output. undefined: no hurry. */
  readonly deadline: number | undefined;
  readonly why: ClaimReason;
}

/** What an input commits to, and what its witness takes. */
export interface ClaimInput {
  readonly sequence: number;
  readonly locktime: number;
  /** What BIP 143 calls scriptCode, without its length. */
  readonly scriptCode: Uint8Array;
  /** Most weight of the witness with the count of its items, in weight units. */
  readonly witnessWeight: number;
  readonly unlock: Unlock;
}

/** Which of our keys opens an output and what else stands in its witness. `number` is the commitment's. */
export type Unlock =
  /** Our main output of the peer's commitment. */
  | { readonly by: 'payment' }
  /** What we waited to_self_delay blocks for, of our commitment. */
  | { readonly by: 'delayed'; readonly number: number }
  /** Delayed outputs of a revoked commitment of the peer's and of its HTLC transactions. */
  | { readonly by: 'revocation'; readonly number: number }
  /** HTLC outputs of a revoked commitment of the peer's. */
  | { readonly by: 'htlc_revocation'; readonly number: number }
  /** An HTLC that we offered, past its expiry, on the peer's commitment. */
  | { readonly by: 'timeout'; readonly number: number }
  /** An HTLC that we received, on the peer's commitment. */
  | { readonly by: 'preimage'; readonly number: number; readonly preimage: Preimage }
  /** Input of our own HTLC transaction; `index` counts the signatures that the peer gave with our commitment. */
  | { readonly by: 'both'; readonly index: number; readonly preimage: Preimage | undefined }
  /** Our anchor. */
  | { readonly by: 'funding' }
  /** Our output of a closing, where it is the wallet's: no key of the channel opens it. */
  | { readonly by: 'wallet'; readonly script: Uint8Array };

interface Deciding {
  /** Whether an HTLC that we offered ends with it: then it is made even if nothing is left of it. */
  readonly decides?: boolean;
}

/**
 * An output too small to be taken alone, our anchor, that another claim's transaction may take with it. Anybody may have it from
 * the 16th block on: it is left out where somebody was first.
 */
export type Beside = Pick<ClaimBase, 'outpoint' | 'value'> & Omit<ClaimInput, 'locktime'>;

/** One input, outputs of our choice; the fee comes out of the value, or from the wallet where that is too small. */
export type SweepClaim = ClaimBase & { readonly kind: 'sweep'; readonly beside?: Beside } & ClaimInput & Deciding;

/**
 * Our own HTLC transaction where it pays no fee (anchors). The peer signed SINGLE|ANYONECANPAY: this input stands at index
 * 0, output 0 is `pays`, the locktime is this one. Whatever else is added pays the fee.
 */
export type HtlcClaim = ClaimBase & { readonly kind: 'htlc'; readonly pays: Output } & ClaimInput & Deciding;

/** A whole transaction, fee and witness included: HTLC transactions of channels without anchors. */
export type ReadyClaim = ClaimBase & { readonly kind: 'ready'; readonly tx: Uint8Array };

/**
 * Our anchor on our own commitment, or our output of a closing, which is not confirmed: its child pays for both. The parent is
 * published by a `broadcast` of its own. Before `from` it is left to itself.
 */
export type BumpClaim = ClaimBase & {
  readonly kind: 'bump';
  readonly parent: Uint8Array;
  readonly parentFee: Sat;
  /** Satoshi per 1,000 weight that parent and child together may pay; undefined: whatever is right. */
  readonly most?: number | undefined;
  /** Of the HTLCs that the deadline is for: the first block that can hold the commitment for their sake, and their sum. */
  readonly urged?: { readonly from: number; readonly value: Sat } | undefined;
} & Omit<ClaimInput, 'locktime'>;

export type Claim = SweepClaim | HtlcClaim | ReadyClaim | BumpClaim;
/** Those that somebody else puts together. */
export type OpenClaim = Exclude<Claim, ReadyClaim>;

/** The peer's per-commitment point of one of its commitments; undefined for those we never learnt it of. */
export const remotePointAt = ({ head, secrets }: Pick<Core, 'head' | 'secrets'>, number: number): Point | undefined => {
  if (number === head.remote) return head.remotePoint;
  if (number === head.remote + 1) return head.remoteNextPoint;
  return number < receivedCount(secrets) ? pointOf(receivedSecret(secrets, number)) : undefined;
};

/** The commitment number in a claim is always one whose point made its script. */
const remotePoint = (core: Core, number: number): Point => {
  const point = remotePointAt(core, number);
  if (point === undefined) throw new RangeError(`no per-commitment point of the peer's commitment ${number}`);
  return point;
};

const none = new Uint8Array();

/**
 * The witness that takes a claim's output, its script last. `digest` has 32 bytes: BIP 143 with SIGHASH_ALL, of the claim's
 * input in the transaction that will carry it. Throws RangeError for a claim that is not this channel's.
 */
export const claimWitness = (
  { core }: Pick<Funded, 'core'>,
  { unlock, scriptCode }: Pick<OpenClaim, 'unlock' | 'scriptCode'>,
  digest: Uint8Array,
): readonly Uint8Array[] => {
  const { keys, params, signatures } = core;
  const signed = (secret: SecretKey): Uint8Array => derSignature(sign(digest, secret), SIGHASH_ALL);
  switch (unlock.by) {
    case 'payment': {
      const key = params.local.basepoints.payment;
      return [signed(keys.payment), formats[params.format].confirmedSpendsOnly ? scriptCode : key];
    }
    case 'delayed': {
      const point = perCommitmentPoint(keys.perCommitmentSeed, unlock.number);
      return [signed(deriveSecret(keys.delayedPayment, point)), none, scriptCode];
    }
    case 'revocation': {
      const secret = revocationSecret(keys.revocation, receivedSecret(core.secrets, unlock.number));
      return [signed(secret), Uint8Array.of(1), scriptCode];
    }
    case 'htlc_revocation': {
      const theirs = receivedSecret(core.secrets, unlock.number);
      const key = revocationPoint(params.local.basepoints.revocation, pointOf(theirs));
      return [signed(revocationSecret(keys.revocation, theirs)), key, scriptCode];
    }
    case 'timeout':
      return [signed(deriveSecret(keys.htlc, remotePoint(core, unlock.number))), none, scriptCode];
    case 'preimage':
      return [signed(deriveSecret(keys.htlc, remotePoint(core, unlock.number))), unlock.preimage, scriptCode];
    case 'both': {
      const theirs = signatures.htlcs[unlock.index];
      if (theirs === undefined) throw new RangeError(`no signature ${unlock.index} of the peer's`);
      const point = perCommitmentPoint(keys.perCommitmentSeed, core.head.local);
      const ours = signed(deriveSecret(keys.htlc, point));
      const { htlcSighash } = formats[params.format];
      return [none, derSignature(theirs, htlcSighash), ours, unlock.preimage ?? none, scriptCode];
    }
    case 'funding':
      return [signed(keys.funding), scriptCode];
    case 'wallet':
      throw new RangeError('an output of the wallet is not for the channel to open');
  }
};

/** What one item takes of a witness, its length included; no item but a script is longer than 252 bytes, and no script. */
const item = (length: number): number => 1 + length;
const signatureItem = item(73);

/** The most that `claimWitness` weighs, with the count of its items (BOLT 3 and 5, "Expected Weight"). */
export const witnessWeight = ({ by }: Pick<Unlock, 'by'>, scriptCode: Uint8Array, preimage: boolean): number => {
  const script = item(scriptCode.length);
  switch (by) {
    case 'wallet':
      return 1 + signatureItem + item(33);
    case 'payment':
      // A P2WPKH's scriptCode is not in its witness; the key, which is, is longer.
      return 1 + signatureItem + Math.max(script, item(33));
    case 'delayed':
    case 'timeout':
      return 1 + signatureItem + item(0) + script;
    case 'revocation':
      return 1 + signatureItem + item(1) + script;
    case 'htlc_revocation':
      return 1 + signatureItem + item(33) + script;
    case 'preimage':
      return 1 + signatureItem + item(32) + script;
    case 'both':
      return 1 + item(0) + 2 * signatureItem + item(preimage ? 32 : 0) + script;
    case 'funding':
      return 1 + signatureItem + script;
  }
};

/** BIP 143's scriptCode of a P2WPKH output, 25 bytes. */
export const keyScriptCode = (key: Point): Uint8Array => Uint8Array.of(0x76, 0xa9, 20, ...hash160(key), 0x88, 0xac);
