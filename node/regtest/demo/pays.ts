/** Paying from alice to dave while somebody watches dave: the part all payment scenes share. */

import { unhex } from '../../../wire/bytes.ts';
import { blobFields, frameFields } from '../../api/frames.ts';
import { CallError } from '../../api/rpc/client.ts';
import { type Column, satText, shortText, tableLines } from '../../base/table.ts';
import type { PaymentFact, ShardFact } from './facts.ts';
import { fieldLines } from './frames.ts';
import { shardFact, waysOf } from './shards.ts';
import type { Stage } from './stage.ts';
import { type SeenSets, watchSets } from './watch.ts';
import { waterfall } from './waterfall.ts';

/** Why a call was refused, in the node's words. Rethrows what is no refusal. */
export const refusalOf = (error: unknown): string => {
  if (!(error instanceof CallError)) throw error;
  return `${error.message} (${[error.reason, error.code].filter(Boolean).join(', ')})`;
};

export interface PayCall {
  readonly scheme: PaymentFact['scheme'];
  /** How the payment is found in alice's list afterwards. */
  readonly label: string;
  /** Makes the call; what it answers is read from the list. */
  readonly call: () => Promise<unknown>;
}

/** Makes a payment and gathers what alice lists of it and what was seen at dave's. */
export const payWatched = async (
  { network, nameOf }: Stage,
  { scheme, label, call }: PayCall,
): Promise<{ readonly fact: PaymentFact; readonly seen: SeenSets }> => {
  const watch = await watchSets(network.nodes.dave);
  const failure = await call().then(() => undefined, refusalOf);
  const seen = await watch.stop();
  const { pays } = await network.nodes.alice.call('listpays');
  const pay = pays.filter((one) => one.label === label).at(-1);
  if (pay === undefined) throw new Error(`alice does not list the payment "${label}"`);
  const shards = (pay.shards ?? []).map((shard) => shardFact(shard, seen, nameOf));
  const fact: PaymentFact = {
    scheme,
    status: failure === undefined ? 'complete' : 'failed',
    failure,
    amount_msat: pay.amount_msat ?? 0n,
    amount_sent_msat: pay.amount_sent_msat ?? 0n,
    completed_at: seen.whole,
    shards,
    preimages: pay.payment_preimages ?? [],
  };
  return { fact, seen };
};

const msatText = (amount: bigint): string => satText(amount.toString());

const channelsColumn: Column<ShardFact> = { title: 'channels', cell: ({ channels }) => channels.join(', ') };
const preimageColumn: Column<ShardFact> = {
  title: 'preimage',
  cell: ({ payment_preimage: preimage }) => shortText(preimage) || '–',
};

/** Columns from which on everything about a shard stands on its line. */
const wide = 100;

/** The shards of a payment, one a line of at most `width` columns: what is the least of interest is left out of narrow ones. */
export const shardLines = ({ shards }: PaymentFact, width: number): readonly string[] =>
  tableLines<ShardFact>(
    [
      { title: 'shard', cell: ({ index }) => String(index), right: true },
      { title: 'amount sat', cell: ({ amount_msat: amount }) => msatText(amount), right: true },
      { title: 'fees', cell: (one) => msatText(one.amount_sent_msat - one.amount_msat), right: true },
      { title: 'route', cell: ({ nodes }) => ['alice', ...nodes].join(' → ') },
      ...(width < wide ? [] : [channelsColumn]),
      { title: 'payment hash', cell: ({ payment_hash: hash }) => shortText(hash) },
      ...(width < wide ? [] : [preimageColumn]),
      { title: '', cell: ({ status, failure }) => failure ?? (status === 'complete' ? 'claimed' : status) },
    ],
    shards,
  );

/** One shard's frame and blobs as the payee read them, field by field; nothing where the node did not show them. */
export const frameLines = ({ scheme, shards }: PaymentFact, at: number, width: number): readonly string[] => {
  const shard = shards[at];
  if (shard?.frame === undefined) return [];
  const frame = unhex(shard.frame);
  const blobs = shard.blobs.map(unhex);
  return [
    `what dave read at the end of shard ${shard.index}: a frame of 65 bytes …`,
    ...fieldLines(frameFields(frame, blobs), width),
    ...blobs.flatMap((blob) => [
      '… and behind it an extra onion blob of 65',
      ...fieldLines(blobFields(blob, scheme), width),
    ]),
  ];
};

/** The payment drawn against time. */
export const drawing = ({ shards, completed_at: complete }: PaymentFact, { printer }: Stage): readonly string[] =>
  waterfall(
    shards.flatMap(({ index, nodes, status, offered_at: offered, held_at: held, resolved_at: resolved }) =>
      offered === undefined
        ? []
        : [
            {
              label: `${index} by ${nodes[0] ?? '?'}`,
              ...{ offered, held, resolved },
              outcome: status === 'complete' ? 'claimed' : status,
            },
          ],
    ),
    { complete, width: printer.width, paint: printer.paint },
  );

/** A sentence about how a payment went. */
export const summary = (payment: PaymentFact): string => {
  const { shards, amount_msat: amount, amount_sent_msat: sent } = payment;
  const fee = msatText(sent - amount);
  const ways = waysOf(payment);
  const over = ways === 1 ? 'one route' : `${ways} routes`;
  return `${msatText(amount)} sat in ${shards.length} shards over ${over}, ${fee} sat of routing fees`;
};
