/**
 * Our own commitment of a channel, whole and signed: the latest, or one that was remembered while it was valid. A remembered
 * one is the channel's records of that moment, kept under `dev/commitment/<channel>/<number>`, so it also outlives a restart.
 * If a revoked one is published, the peer may claim all of its outputs.
 */

import { Transaction } from 'bitcoinjs-lib';
import { witnessWeight } from '../../channel/claims/claimwitness.ts';
import type { HtlcClaim, Unlock } from '../../channel/model/claim.ts';
import { records, restore } from '../../channel/model/persist.ts';
import type { Core, Funded, Htlc } from '../../channel/model/state.ts';
import { localCommitment, signedLocalCommitment } from '../../channel/rules/commitmentupdates.ts';
import type { Commitment, HtlcOutput } from '../../channel/tx/commitment.ts';
import { htlcTransaction } from '../../channel/tx/htlctx.ts';
import { deriveSecret } from '../../channel/tx/keys.ts';
import { perCommitmentPoint } from '../../channel/tx/secrets.ts';
import { completeHtlc } from '../../channel/tx/signing.ts';
import { hex, text, utf8 } from '../../wire/bytes.ts';
import { bytes16, decode, encode, list, prefixed, struct, u16, u32 } from '../../wire/codec.ts';
import { sha256 } from '../../wire/crypto.ts';
import type { Msat, Preimage } from '../../wire/units.ts';
import type { Store } from '../ports/ports.ts';
import { readRecord } from '../store/records.ts';

const PREFIX = 'dev/commitment/';
const recordsCodec = list(u16, struct({ key: bytes16, value: prefixed(u32) }));

/** An HTLC with an output in a commitment, and the transaction that ends it where we can sign it. */
export interface SignedHtlc {
  readonly way: 'in' | 'out';
  readonly id: bigint;
  readonly amount: Msat;
  readonly expiry: number;
  readonly paymentHash: Uint8Array;
  /** Of the commitment. */
  readonly output: number;
  readonly tx: Transaction | undefined;
  /** The same for whoever adds what pays its fee, where it has none of its own. */
  readonly claim: HtlcClaim | undefined;
}

export interface SignedCommitment {
  readonly number: number;
  readonly tx: Transaction;
  readonly htlcs: readonly SignedHtlc[];
}

/** What our records say of the preimage of an HTLC. */
const knownPreimage = ({ preimage, removal }: Htlc): Preimage | undefined =>
  removal?.ending.kind === 'fulfill' ? removal.ending.preimage : preimage;

/** An HTLC transaction without a fee, as a claim; `index` counts the peer's signatures. */
const claimOf = (
  commitment: Commitment,
  output: HtlcOutput,
  index: number,
  preimage: Preimage | undefined,
): HtlcClaim | undefined => {
  const { spends, sequence, locktime, outputs } = htlcTransaction(commitment, output);
  const [pays] = outputs;
  if (pays === undefined || commitment.content.format.htlcTransactionsPayFee) return undefined;
  const { value, witnessScript: scriptCode } = output;
  const unlock: Unlock = { by: 'both', index, preimage };
  const why = preimage === undefined ? 'htlc_timeout' : 'htlc_success';
  return {
    ...{ kind: 'htlc', outpoint: spends, value, from: 0, deadline: undefined, why, sequence, locktime, scriptCode },
    witnessWeight: witnessWeight(unlock, scriptCode, preimage !== undefined),
    pays,
    unlock,
  };
};

/**
 * Our commitment `core.head.local` with both signatures, and its HTLC transactions: HTLC-timeout always, HTLC-success where
 * the preimage is among those given or in the channel's records. Valid on chain until it is revoked, and afterwards too.
 */
export const signedCommitment = (core: Core, preimages: readonly Preimage[]): SignedCommitment => {
  const commitment = localCommitment(core);
  const { number } = commitment.content;
  const secret = deriveSecret(core.keys.htlc, perCommitmentPoint(core.keys.perCommitmentSeed, number));
  const byHash = new Map(preimages.map((one) => [hex(sha256(one)), one]));
  const htlcs = commitment.htlcs.map((output, i): SignedHtlc => {
    const { id, direction, amount, cltvExpiry, paymentHash } = output.htlc;
    const signature = core.signatures.htlcs[i];
    const received = direction === 'received';
    const htlc = (received ? core.incoming : core.outgoing).get(id);
    const preimage = received ? (byHash.get(hex(paymentHash)) ?? (htlc && knownPreimage(htlc))) : undefined;
    const able = signature !== undefined && received === (preimage !== undefined);
    return {
      way: received ? 'in' : 'out',
      id,
      amount,
      expiry: cltvExpiry,
      paymentHash,
      output: output.index,
      tx: able ? completeHtlc(commitment, output, signature, secret, preimage) : undefined,
      claim: able ? claimOf(commitment, output, i, preimage) : undefined,
    };
  });
  return { number, tx: Transaction.fromBuffer(signedLocalCommitment(core)), htlcs };
};

/** Keeps the channel's present records. Resolves with the number of our commitment once they are durable. */
export const remember = async (store: Store, key: string, state: Funded): Promise<number> => {
  const { local } = state.core.head;
  const kept = [...records(state)].map(([name, value]) => ({ key: utf8(name), value }));
  await store.commit([{ key: `${PREFIX}${key}/${local}`, value: encode(recordsCodec, kept) }]);
  return local;
};

/** The channel as it was when its commitment of that number was remembered; undefined when it was not. */
export const remembered = async (store: Store, key: string, number: number): Promise<Funded | undefined> => {
  const name = `${PREFIX}${key}/${number}`;
  const value = await store.get(name);
  if (value === undefined) return undefined;
  return readRecord(name, value, (bytes) =>
    restore(new Map(decode(recordsCodec, bytes).map((one) => [text(one.key), one.value]))),
  );
};

/** Numbers of the commitments remembered of a channel, in order. */
export const rememberedNumbers = async (store: Store, key: string): Promise<readonly number[]> => {
  const prefix = `${PREFIX}${key}/`;
  const numbers: number[] = [];
  for await (const [name] of store.entries(prefix)) numbers.push(Number(name.slice(prefix.length)));
  return numbers.sort((a, b) => a - b);
};
