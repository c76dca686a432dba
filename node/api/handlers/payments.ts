/** Methods that pay. */
import type { PaymentRequest } from '../../../amp/io.ts';
import { LEAST_SHARE, SPONTANEOUS_FINAL_CLTV } from '../../../amp/limits.ts';
import { equal, hex, utf8, zeros } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { describeProblem, hasFeature, payerFeatures } from '../../../wire/features.ts';
import { checkPayable, type Invoice, type Obstacle } from '../../../wire/invoice.ts';
import { type Msat, msat, scidText } from '../../../wire/units.ts';
import type { Node } from '../../core/node.ts';
import type { Hint } from '../../graph/routing.ts';
import { PAYMENT_ID_LENGTH } from '../../pay/invoicerecord.ts';
import { isAmp, type PayRecord, shortfall } from '../../pay/paymentrecord.ts';
import type { ShardRecord } from '../../pay/shards.ts';
import { ApiError, type ErrorName } from '../errors.ts';
import type { Handlers, Params, Result } from '../table.ts';
import { ampOf } from './invoices.ts';
import { pastedInvoice, readInvoice } from './pasted.ts';
import { checkTakesAmp } from './payee.ts';
import { unusableText } from './unusable.ts';

type Paid = Result<'pay'>;
type Listed = Result<'listpays'>['pays'][number];
type Shard = NonNullable<Paid['shards']>[number];

/** Blocks added to what the payee asks, since one may be mined while the HTLC is on its way. */
const SLACK = 3;
const DEFAULTS = { feePercent: 0.5, exemptFee: 5000n, maxShards: 64, minShard: 1_000n, patience: 2 } as const;

interface Limits {
  readonly maxfeepercent?: number | undefined;
  readonly exemptfee?: Msat | undefined;
  readonly maxfee?: Msat | undefined;
}

/** What may go into fees: `maxfee`, or the larger of a share of the amount and what is always fine. Throws ApiError for both. */
export const maxFeeOf = (amount: Msat, { maxfeepercent, exemptfee, maxfee }: Limits): Msat => {
  if (maxfee !== undefined) {
    if (maxfeepercent === undefined && exemptfee === undefined) return maxfee;
    throw new ApiError(
      'invalid_params',
      'maxfee: it stands in the place of maxfeepercent and exemptfee, leave those out',
    );
  }
  // Percent with six decimals, so that no amount is ever multiplied by a fraction.
  const share = (amount * BigInt(Math.round((maxfeepercent ?? DEFAULTS.feePercent) * 1e6))) / 100_000_000n;
  const exempt = exemptfee ?? DEFAULTS.exemptFee;
  return msat(share > exempt ? share : exempt);
};

const obstacleError = (obstacle: Obstacle): ApiError => {
  switch (obstacle.code) {
    case 'expired':
      return new ApiError('pay_invoice_expired', 'bolt11: the invoice has expired');
    case 'other_network':
      return new ApiError(
        'invalid_params',
        `bolt11: the invoice is for ${obstacle.invoice}, this node is on ${obstacle.ours}`,
      );
    case 'missing_payment_secret':
      return new ApiError(
        'invalid_params',
        'bolt11: the invoice has no payment_secret, without which a payment is not safe',
      );
    case 'feature':
      return new ApiError(
        'invalid_params',
        `bolt11: the invoice cannot be paid from here: ${describeProblem(obstacle.problem)}`,
      );
  }
};

/** The ways into the payee's private channels, each hop as an edge. */
const hintsOf = (invoice: Invoice): readonly Hint[] =>
  invoice.routes.flatMap((route) =>
    route.map((hop, i) => ({
      from: hop.pubkey,
      to: route[i + 1]?.pubkey ?? invoice.payee,
      scid: hop.short_channel_id,
      feeBase: hop.fee_base_msat,
      feeProportional: hop.fee_proportional_millionths,
      cltvExpiryDelta: hop.cltv_expiry_delta,
    })),
  );

const terms = (
  node: Node,
  amount: Msat,
  params: Limits & Pick<Params<'pay'>, 'retry_for' | 'maxdelay' | 'shards' | 'dev_withhold'>,
  /** Unix seconds from which on the payee takes nothing more. */
  expiresAt = Number.POSITIVE_INFINITY,
) => ({
  id: hex(node.ports.entropy.bytes(16)),
  amount,
  maxFee: maxFeeOf(amount, params),
  shards: params.shards,
  // One means one; any other number is a wish, and a shard that finds no way may still be cut further.
  maxShards: params.shards === 1 ? 1 : Math.max(DEFAULTS.maxShards, params.shards ?? 1),
  minShard: msat(DEFAULTS.minShard),
  entropy: node.ports.entropy.bytes(32),
  deadline: Math.min(node.now() + params.retry_for, expiresAt),
  maxDelay: params.maxdelay,
  patience: DEFAULTS.patience,
  withhold: params.dev_withhold ?? 0,
});

const shardOf = (shard: ShardRecord): Shard => {
  const [first] = shard.route;
  const last = shard.route.at(-1) ?? first;
  return {
    index: shard.index ?? 0,
    payment_hash: hex(shard.paymentHash),
    status: shard.status,
    amount_msat: last.amount,
    amount_sent_msat: first.amount,
    route: shard.route.map(({ node, scid }) => ({ id: hex(node), short_channel_id: scidText(scid) })),
    ...(shard.preimage && { payment_preimage: hex(shard.preimage) }),
    attempts: shard.attempts,
    ...(shard.failure !== undefined && { failure: shard.failure }),
    offered_at: shard.offeredAt / 1000,
    ...(shard.endedAt !== undefined && { resolved_at: shard.endedAt / 1000 }),
    frame: hex(shard.frame),
    blobs: shard.blobs.map(hex),
  };
};

const schemeShown = (record: PayRecord) => (isAmp(record) ? { scheme: record.scheme } : {});
/** Where less was claimed than was meant. */
const partial = (record: PayRecord) => {
  const text = shortfall(record);
  return text === undefined ? {} : { warning_partial_completion: text };
};

const paid = (node: Node, record: PayRecord): Omit<Paid, 'status'> => {
  const { end } = record;
  const preimages = end?.preimages ?? [];
  return {
    destination: hex(record.destination),
    payment_hash: hex(record.paymentHash),
    created_at: record.createdAt,
    parts: end?.parts ?? 0,
    amount_msat: end?.delivered ?? record.amount,
    amount_sent_msat: end?.sent ?? msat(0n),
    ...(!isAmp(record) && preimages[0] && { payment_preimage: hex(preimages[0]) }),
    payment_preimages: preimages.map(hex),
    ...partial(record),
    ...schemeShown(record),
    shards: node.payments.shardsOf(record.id).map(shardOf),
  };
};

/** Codes of answers to whoever waited for a payment that failed. */
const errorOf: Readonly<Record<NonNullable<NonNullable<PayRecord['end']>['cause']>, ErrorName>> = {
  no_route: 'pay_no_route',
  amount_too_large: 'pay_no_route',
  bad_request: 'invalid_params',
  refused_by_destination: 'pay_destination_failed',
  too_many_attempts: 'pay_gave_up',
  deadline: 'pay_gave_up',
  invoice_expired: 'pay_invoice_expired',
  cancelled: 'pay_gave_up',
  partially_claimed: 'pay_gave_up',
  preimage_known: 'pay_user_error',
  internal: 'internal_error',
};

/** The result of a payment that is over. Throws ApiError with the shards as data when it failed. */
const finished = (node: Node, record: PayRecord): Omit<Paid, 'status'> => {
  if (record.status === 'complete') return paid(node, record);
  const { why = 'it failed, and nobody knows why', cause = 'cancelled' } = record.end ?? {};
  const unusable = cause === 'amount_too_large' ? unusableText(node) : undefined;
  throw new ApiError(errorOf[cause], unusable === undefined ? why : `${why}; ${unusable}`, {
    payment_hash: hex(record.paymentHash),
    shards: node.payments.shardsOf(record.id).map(({ status, failure, paymentHash, route }) => ({
      status,
      failure,
      payment_hash: hex(paymentHash),
      amount_msat: Number((route.at(-1) ?? route[0]).amount),
      route: route.map(({ node: id, scid }) => ({ id: hex(id), short_channel_id: scidText(scid) })),
    })),
  });
};

/** Throws ApiError for a scheme that this node does not have. */
const schemeFor = ({ payments }: Node, given: string | undefined): string => {
  if (given === undefined) return 'dynamic';
  if (payments.schemes.has(given)) return given;
  const known = [...payments.schemes.keys()].map((name) => `"${name}"`).join(' or ');
  throw new ApiError('invalid_params', `scheme: expected ${known}`);
};

const requestFor = (node: Node, invoice: Invoice, amount: Msat, params: Params<'pay'>): PaymentRequest => {
  const common = {
    ...terms(node, amount, params, invoice.timestamp + invoice.expiry),
    destination: invoice.payee,
    finalCltv: invoice.minFinalCltvExpiryDelta + SLACK,
  };
  const secret = invoice.paymentSecret ?? zeros(32);
  if (ampOf(invoice.features) === 'eob')
    return { ...common, scheme: schemeFor(node, params.scheme), paymentId: secret.slice(0, PAYMENT_ID_LENGTH) };
  if (params.scheme !== undefined)
    throw new ApiError('invalid_params', 'scheme: this invoice does not ask for an AMP; leave scheme out');
  return {
    ...common,
    scheme: hasFeature(invoice.features, 'basic_mpp') && params.shards !== 1 ? 'mpp' : 'single',
    paymentHash: invoice.paymentHash,
    paymentSecret: secret,
    metadata: invoice.metadata,
  };
};

/** What the payment is for. A caller's own words must be those that the payee has signed the hash of (BOLT 11, `h`). */
const descriptionOf = ({ description, descriptionHash }: Invoice, given: string | undefined): string | undefined => {
  if (given === undefined || given === description) return description;
  if (descriptionHash === undefined)
    throw new ApiError('invalid_params', 'description: the invoice has one of its own, leave it out');
  if (!equal(sha256(utf8(given)), descriptionHash))
    throw new ApiError('invalid_params', 'description: the invoice has the hash of another one');
  return given;
};

/** Throws ApiError while the chain is away for so long that nothing may be offered. */
const refuseWithoutChain = ({ outage }: Node): void => {
  const why = outage.warning();
  if (why !== undefined) throw new ApiError('chain', `nothing was sent: ${why}`);
};

const underWay = (): ApiError =>
  new ApiError(
    'pay_in_progress',
    'this invoice is being paid already: listpays says how far, and pay again what came of it',
  );

const pay = async (node: Node, params: Params<'pay'>): Promise<Paid> => {
  const { invoice, text: bolt11 } = pastedInvoice('bolt11', params.bolt11);
  // What became of it comes first: whoever asks again wants to know that, also of an invoice that nobody could begin to pay now.
  const before = await node.payments.of(invoice.paymentHash);
  if (before?.status === 'complete') return { ...paid(node, before), status: 'complete' };
  if (before?.status === 'pending') throw underWay();
  const features = payerFeatures(invoice.features);
  const [obstacle] = checkPayable(invoice, { network: node.network.name, now: node.now(), features });
  if (obstacle !== undefined) throw obstacleError(obstacle);
  if (equal(invoice.payee, node.keys.nodeId))
    throw new ApiError('pay_user_error', 'bolt11: that is an invoice of this node');
  if (invoice.amount !== undefined && params.amount_msat !== undefined && params.amount_msat !== invoice.amount)
    throw new ApiError('invalid_params', `amount_msat: the invoice asks ${invoice.amount}, leave it out`);
  const amount = invoice.amount ?? params.amount_msat;
  if (amount === undefined || amount === 0n)
    throw new ApiError('invalid_params', 'amount_msat: the invoice names no amount, so it is required');
  const blocks = invoice.minFinalCltvExpiryDelta + SLACK;
  if (blocks > params.maxdelay)
    throw new ApiError(
      'pay_no_route',
      `the payee wants ${blocks - SLACK} blocks, with ${SLACK} to spare: that is more than maxdelay, ${params.maxdelay}`,
    );
  const described = descriptionOf(invoice, params.description);
  const request = requestFor(node, invoice, amount, params);
  const { label } = params;
  const expiresAt = invoice.timestamp + invoice.expiry;
  const note = { paymentHash: invoice.paymentHash, label, bolt11, description: described, expiresAt };
  refuseWithoutChain(node);
  const record = await node.payments.startOnce(request, { ...note, hints: hintsOf(invoice) });
  if (record === 'under_way') throw underWay();
  if (record === 'ours')
    throw new ApiError(
      'pay_user_error',
      'bolt11: an invoice of this node has the same payment_hash, so its payee is not the only one who can claim it',
    );
  return { ...finished(node, record), status: 'complete' };
};

const keysend = async (node: Node, params: Params<'keysend'>): Promise<Result<'keysend'>> => {
  const { destination, amount_msat, label } = params;
  if (equal(destination, node.keys.nodeId)) throw new ApiError('pay_user_error', 'destination: that is this node');
  if (amount_msat === 0n) throw new ApiError('invalid_params', 'amount_msat: expected more than nothing');
  checkTakesAmp(node, destination, params.force ?? false);
  const request: PaymentRequest = {
    ...terms(node, amount_msat, params),
    // A payee holds nothing smaller without an invoice.
    minShard: LEAST_SHARE,
    destination,
    finalCltv: SPONTANEOUS_FINAL_CLTV + SLACK,
    scheme: schemeFor(node, params.scheme),
    paymentId: zeros(PAYMENT_ID_LENGTH),
  };
  const note = { paymentHash: node.ports.entropy.bytes(32), label, bolt11: undefined, description: undefined };
  refuseWithoutChain(node);
  const record = await node.payments.start(request, { ...note, hints: [] });
  return { ...finished(node, record), status: 'complete' };
};

const listed = (node: Node, record: PayRecord): Listed => {
  const { end } = record;
  const shards = node.payments.shardsOf(record.id);
  return {
    payment_hash: hex(record.paymentHash),
    status: record.status,
    destination: hex(record.destination),
    created_at: record.createdAt,
    created_index: Number(record.createdIndex),
    amount_msat: end?.delivered ?? record.amount,
    ...(record.label !== undefined && { label: record.label }),
    ...(record.bolt11 !== undefined && { bolt11: record.bolt11 }),
    ...(record.description !== undefined && { description: record.description }),
    ...partial(record),
    ...(end && {
      completed_at: end.at,
      amount_sent_msat: end.sent,
      number_of_parts: end.parts,
      payment_preimages: end.preimages.map(hex),
      ...(!isAmp(record) && end.preimages[0] && { preimage: hex(end.preimages[0]) }),
    }),
    ...schemeShown(record),
    ...(shards.length > 0 && { shards: shards.map(shardOf) }),
  };
};

interface Wanted extends Pick<Params<'listpays'>, 'status' | 'start' | 'limit'> {
  readonly hash: Uint8Array | undefined;
}

async function* paysOf(node: Node, { status, start = 0, limit, hash }: Wanted): AsyncGenerator<Listed> {
  const first = BigInt(start);
  let left = limit ?? Number.POSITIVE_INFINITY;
  if (left === 0) return;
  const all = status === 'pending' ? node.payments.pending() : node.payments.list(first, hash);
  for await (const record of all) {
    if (status !== undefined && record.status !== status) continue;
    if (record.createdIndex < first || (hash !== undefined && !equal(record.paymentHash, hash))) continue;
    yield listed(node, record);
    if (--left === 0) return;
  }
}

export const paymentHandlers = (node: Node): Pick<Handlers, 'pay' | 'keysend' | 'listpays'> => ({
  pay: (params) => pay(node, params),
  keysend: (params) => keysend(node, params),
  listpays: async ({ bolt11, payment_hash, status, start, limit }) => {
    const named = bolt11 === undefined ? undefined : readInvoice('bolt11', bolt11).paymentHash;
    if (named !== undefined && payment_hash !== undefined && !equal(named, payment_hash)) return { pays: [] };
    return { pays: paysOf(node, { status, start, limit, hash: named ?? payment_hash }) };
  },
});
