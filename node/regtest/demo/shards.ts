/** What the API says of a payment's shards, as facts; and what anybody can work out from what their frames carried. */
import { child, decodeBlob, joined } from '../../../amp/shares.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import type { Result } from '../../api/table.ts';
import type { PaymentFact, ShardFact } from './facts.ts';
import type { SeenSets } from './watch.ts';

export type ListedShard = NonNullable<Result<'pay'>['shards']>[number];

/** One shard; `nameOf` gives the name of a node id. */
export const shardFact = (shard: ListedShard, seen: SeenSets, nameOf: (id: string) => string): ShardFact => ({
  index: shard.index,
  status: shard.status,
  payment_hash: shard.payment_hash,
  payment_preimage: shard.payment_preimage,
  amount_msat: shard.amount_msat,
  amount_sent_msat: shard.amount_sent_msat,
  nodes: shard.route.map(({ id }) => nameOf(id)),
  channels: shard.route.map(({ short_channel_id: scid }) => scid),
  frame: shard.frame,
  blobs: shard.blobs ?? [],
  failure: shard.failure,
  offered_at: shard.offered_at,
  held_at: seen.held.get(shard.payment_hash),
  resolved_at: shard.resolved_at,
});

/** What the frames of a whole payment give away to the one node that reads all of them. */
export interface Opened {
  /** The xor of all shares: BP. */
  readonly root: string;
  /** H(BP). */
  readonly rootHash: string;
  readonly setIds: readonly string[];
  /** The payment hash of each child index, worked out from BP. */
  readonly hashOf: (index: number) => string;
}

/** Joins the shares of all shards. */
export const openShares = (shards: readonly Pick<ShardFact, 'blobs'>[]): Opened => {
  const blobs = shards.flatMap((shard) => shard.blobs.map((blob) => decodeBlob(unhex(blob))));
  const root = joined(blobs.map(({ share }) => share));
  return {
    root: hex(root),
    rootHash: hex(sha256(root)),
    setIds: [...new Set(blobs.map(({ setId }) => hex(setId)))],
    hashOf: (index) => hex(child(root, index).paymentHash),
  };
};

const different = (values: readonly string[]): boolean => new Set(values).size === values.length;

/** How many different ways the shards took. */
export const waysOf = ({ shards }: Pick<PaymentFact, 'shards'>): number =>
  new Set(shards.map(({ channels }) => channels.join())).size;

/** Claims about a payment that was to succeed, each true or not. */
export const paymentClaims = (payment: PaymentFact): readonly (readonly [claim: string, holds: boolean])[] => {
  const { shards, scheme } = payment;
  const { rootHash, setIds, hashOf } = openShares(shards);
  const hashes = shards.map(({ payment_hash: hash }) => hash);
  const opens = ({ payment_preimage: preimage, payment_hash: hash }: ShardFact): boolean =>
    preimage !== undefined && hex(sha256(unhex(preimage))) === hash;
  return [
    [
      'the payment succeeded, every shard of it',
      shards.length > 0 && shards.every(({ status }) => status === 'complete'),
    ],
    [
      'the shards add up to the amount, and the payer sent no more than that and the fees',
      shards.reduce((sum, one) => sum + one.amount_msat, 0n) === payment.amount_msat &&
        shards.reduce((sum, one) => sum + one.amount_sent_msat, 0n) === payment.amount_sent_msat,
    ],
    ['the shards took two different routes', waysOf(payment) === 2],
    ['their payment hashes are pairwise different', different(hashes)],
    ['none of them is H(BP), the hash of the xor of all shares', !hashes.includes(rootHash)],
    [
      scheme === 'dynamic' ? 'they name one set, and its set_id is H(BP)' : 'they name one set',
      setIds.length === 1 && (scheme !== 'dynamic' || setIds[0] === rootHash),
    ],
    ['each hash is H(H(BP || index))', shards.every(({ index, payment_hash }) => hashOf(index) === payment_hash)],
    ['each preimage that came back opens its hash', shards.every(opens)],
  ];
};
