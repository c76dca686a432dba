/**
 * The witness of each claim (BOLT 3, witness stacks; BOLT 5), and its weight. The sweeper that builds the transaction never sees a
 * secret: it passes a digest and gets a witness.
 */

import { hash160, pointOf, sign } from '../../wire/crypto.ts';
import type { Point, SecretKey } from '../../wire/units.ts';
import type { Unlock, UnsignedClaim } from '../model/claim.ts';
import type { Core, Funded } from '../model/state.ts';
import { formats, SIGHASH_ALL } from '../tx/commitmentformats.ts';
import { deriveSecret, revocationPoint, revocationSecret } from '../tx/keys.ts';
import { perCommitmentPoint, receivedCount, receivedSecret } from '../tx/secrets.ts';
import { derSignature } from '../tx/signing.ts';

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
  { unlock, scriptCode }: Pick<UnsignedClaim, 'unlock' | 'scriptCode'>,
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
