/**
 * BOLT 3's scripts, laid out as BOLT 3 lays them out. bitcoinjs-lib turns them into bytes; this file only says what goes
 * in. An HTLC script is compiled once for each commitment, and the two values that differ between HTLCs are put in.
 */
import { script as bitcoin, opcodes } from 'bitcoinjs-lib';
import { concat } from '../../wire/bytes.ts';
import { ripemd160, sha256 } from '../../wire/crypto.ts';
import type { PaymentHash, Point } from '../../wire/units.ts';
import type { CommitmentFormat } from './commitmentformats.ts';
import type { CommitmentKeys } from './keys.ts';

const {
  OP_0,
  OP_2,
  OP_16,
  OP_IF,
  OP_NOTIF,
  OP_ELSE,
  OP_ENDIF,
  OP_DROP,
  OP_DUP,
  OP_IFDUP,
  OP_SWAP,
  OP_SIZE,
  OP_EQUAL,
  OP_EQUALVERIFY,
  OP_HASH160,
  OP_CHECKSIG,
  OP_CHECKSIGVERIFY,
  OP_CHECKMULTISIG,
  OP_CHECKLOCKTIMEVERIFY,
  OP_CHECKSEQUENCEVERIFY,
} = opcodes;

const compile = (...chunks: readonly (number | Uint8Array)[]): Uint8Array => bitcoin.compile([...chunks]);
/** A number as a script pushes it; `compile` turns those up to 16 into their opcodes. */
const number = (n: number): Uint8Array => bitcoin.number.encode(n);
const hash160 = (bytes: Uint8Array): Uint8Array => ripemd160(sha256(bytes));

/** The opcodes that push a hash of that many bytes. */
const push20 = Uint8Array.of(20);
const push32 = Uint8Array.of(32);
const version0 = Uint8Array.of(OP_0);

/** Output script that pays to the SHA-256 of a witness script, 34 bytes. */
export const p2wsh = (witnessScript: Uint8Array): Uint8Array => concat(version0, push32, sha256(witnessScript));

/** Output script that pays to a public key, 22 bytes. */
export const p2wpkh = (key: Point): Uint8Array => compile(OP_0, hash160(key));

/** 2-of-2 with the keys in the order given. Witness: `<> <first's signature> <second's signature>`. */
export const multisig = (first: Point, second: Point): Uint8Array =>
  compile(OP_2, first, second, OP_2, OP_CHECKMULTISIG);

/**
 * What the holder gets after `delay` blocks, unless the commitment was revoked: to_local outputs and the outputs of HTLC
 * transactions. Witness: `<delayed signature> <>`, nSequence `delay`; or `<revocation signature> 1`.
 */
export const delayedScript = (
  { revocation, holderDelayed }: Pick<CommitmentKeys, 'revocation' | 'holderDelayed'>,
  delay: number,
): Uint8Array =>
  // biome-ignore format: laid out as in BOLT 3
  compile(
    OP_IF,
        revocation,
    OP_ELSE,
        number(delay),
        OP_CHECKSEQUENCEVERIFY,
        OP_DROP,
        holderDelayed,
    OP_ENDIF,
    OP_CHECKSIG,
  );

/** The counterparty's balance where spends must wait for one confirmation. Witness: `<signature>`, nSequence 1. */
export const toRemoteScript = (counterpartyPayment: Point): Uint8Array =>
  compile(counterpartyPayment, OP_CHECKSIGVERIFY, number(1), OP_CHECKSEQUENCEVERIFY);

/** An anchor of the side with this funding key. Witness: `<signature>`; by anyone after 16 blocks: `<>`. */
export const anchorScript = (funding: Point): Uint8Array =>
  // biome-ignore format: laid out as in BOLT 3
  compile(
    funding, OP_CHECKSIG, OP_IFDUP,
    OP_NOTIF,
        OP_16, OP_CHECKSEQUENCEVERIFY,
    OP_ENDIF,
  );

/** The line that anchors add to HTLC scripts: no spend in the block of the commitment, so none that pins it. */
const confirmed = (format: CommitmentFormat): readonly (number | Uint8Array)[] =>
  format.confirmedSpendsOnly ? [number(1), OP_CHECKSEQUENCEVERIFY, OP_DROP] : [];

type HtlcKeys = Pick<CommitmentKeys, 'revocation' | 'holderHtlc' | 'counterpartyHtlc'>;

/**
 * The scripts of the HTLCs that the holder offered, for one commitment's keys.
 * Counterparty: `<counterparty HTLC signature> <preimage>`, or `<revocation signature> <revocation key>`.
 * HTLC-timeout: `<> <counterparty HTLC signature> <holder HTLC signature> <>`.
 */
export const offeredHtlcScript = (format: CommitmentFormat, keys: HtlcKeys) => {
  // biome-ignore format: laid out as in BOLT 3
  const beforeHash = compile(
    OP_DUP, OP_HASH160, hash160(keys.revocation), OP_EQUAL,
    OP_IF,
        OP_CHECKSIG,
    OP_ELSE,
        keys.counterpartyHtlc, OP_SWAP, OP_SIZE, number(32), OP_EQUAL,
        OP_NOTIF,
            OP_DROP, OP_2, OP_SWAP, keys.holderHtlc, OP_2, OP_CHECKMULTISIG,
        OP_ELSE,
            OP_HASH160,
  );
  // biome-ignore format: laid out as in BOLT 3
  const afterHash = compile(
                        OP_EQUALVERIFY,
            OP_CHECKSIG,
        OP_ENDIF,
        ...confirmed(format),
    OP_ENDIF,
  );
  return (hash: PaymentHash): Uint8Array => concat(beforeHash, push20, ripemd160(hash), afterHash);
};

/**
 * The scripts of the HTLCs that the holder received, for one commitment's keys.
 * Counterparty after the expiry: `<counterparty HTLC signature> <>`, or `<revocation signature> <revocation key>`.
 * HTLC-success: `<> <counterparty HTLC signature> <holder HTLC signature> <preimage>`.
 */
export const receivedHtlcScript = (format: CommitmentFormat, keys: HtlcKeys) => {
  // biome-ignore format: laid out as in BOLT 3
  const beforeHash = compile(
    OP_DUP, OP_HASH160, hash160(keys.revocation), OP_EQUAL,
    OP_IF,
        OP_CHECKSIG,
    OP_ELSE,
        keys.counterpartyHtlc, OP_SWAP, OP_SIZE, number(32), OP_EQUAL,
        OP_IF,
            OP_HASH160,
  );
  // biome-ignore format: laid out as in BOLT 3
  const afterHash = compile(
                        OP_EQUALVERIFY,
            OP_2, OP_SWAP, keys.holderHtlc, OP_2, OP_CHECKMULTISIG,
        OP_ELSE,
            OP_DROP,
  );
  // biome-ignore format: laid out as in BOLT 3
  const afterExpiry = compile(
                     OP_CHECKLOCKTIMEVERIFY, OP_DROP,
            OP_CHECKSIG,
        OP_ENDIF,
        ...confirmed(format),
    OP_ENDIF,
  );
  return (hash: PaymentHash, cltvExpiry: number): Uint8Array =>
    concat(beforeHash, push20, ripemd160(hash), afterHash, compile(number(cltvExpiry)), afterExpiry);
};
