/**
 * What a payment keeps: the request (written once), its progress, a record per shard, what it has learnt. When it is over all
 * that gives way to one record of the result, which goes once the node has taken note.
 */

import { FRAME_LENGTH } from '../onion/eobframe.ts';
import {
  bool,
  bytes,
  type Codec,
  encode,
  list,
  map,
  optional,
  prefixed,
  struct,
  u8,
  u16,
  u32,
  u64,
  union,
  WireError,
} from '../wire/codec.ts';
import { bytes32, msat, paymentHash, point, preimage, shortChannelId } from '../wire/fields.ts';
import { MAX_EXPIRY_AHEAD, type Msat } from '../wire/units.ts';
import { DEPLOYED } from './deployed.ts';
import type { PaymentFailure } from './events.ts';
import type { HopBlobs } from './extras.ts';
import type { AmpRequest, Keysend, PaymentRequest } from './io.ts';
import {
  isDeployed,
  isEob,
  isOrdinary,
  type Learnt,
  noRoomWanted,
  nothingKeptBack,
  type Payment,
  type PaymentResult,
  type Progress,
  type Shard,
} from './payment.ts';
import type { Excluded, Hop, Route } from './route.ts';
import type { SenderState, ShardShares } from './scheme.ts';
import { ascii, nothing, numberedName, oneOf, share } from './storecodecs.ts';
import { listTable, load, type Table, table } from './tables.ts';

/** A field that is not in the record. */
const absent = <T>(value: T): Codec<T> => ({ write: () => undefined, read: () => value });

/** A number with another behind it that versions before kept. */
const withRetired = (codec: Codec<number>): Codec<number> =>
  map(
    struct({ kept: codec, retired: u32 }),
    ({ kept }) => kept,
    (kept) => ({ kept, retired: 0 }),
  );

const terms = {
  id: ascii,
  destination: point,
  amount: msat,
  maxFee: msat,
  shards: optional(u8),
  maxShards: u8,
  minShard: msat,
  finalCltv: u32,
  maxDelay: absent(MAX_EXPIRY_AHEAD),
  entropy: bytes32,
  deadline: withRetired(u32),
  withhold: u8,
};
const amp = struct({ ...terms, paymentId: bytes(11) });
const ordinary = struct({ ...terms, paymentHash, paymentSecret: bytes32, metadata: optional(prefixed(u16)) });
const deployed = struct({ ...terms, paymentSecret: bytes32, metadata: optional(prefixed(u16)) });
const schemeName = numberedName({ fixed: 1, dynamic: 2, single: 16, mpp: 17 });
const request: Codec<PaymentRequest> = {
  write: (w, value) => {
    schemeName.write(w, value.scheme);
    if (isOrdinary(value)) ordinary.write(w, value);
    else if (isDeployed(value)) deployed.write(w, value);
    else amp.write(w, value);
  },
  read: (r) => {
    const scheme = schemeName.read(r);
    if (scheme === DEPLOYED) return { scheme: 'deployed', ...deployed.read(r) };
    return scheme === 'single' || scheme === 'mpp' ? { scheme, ...ordinary.read(r) } : { scheme, ...amp.read(r) };
  },
};

/** In a record of its own, which versions before did not have. */
const bounds = struct({ maxDelay: u16 });

/** What only some payments by AMP have; in a record of its own for the same reason. */
const extras: Codec<Pick<AmpRequest, 'shares' | 'redundancy' | 'maxOverpayment'>> = struct({
  shares: optional(u8),
  redundancy: optional(u8),
  maxOverpayment: optional(msat),
});
const hasExtras = (value: PaymentRequest): value is AmpRequest =>
  isEob(value) && (value.shares !== undefined || value.redundancy !== undefined || value.maxOverpayment !== undefined);

/** Of a payment that names one; in a record of its own for the same reason. */
const strategy = struct({ strategy: ascii });
const namesStrategy = (value: PaymentRequest): value is PaymentRequest & { readonly strategy: string } =>
  value.strategy !== undefined;

/** Of a payment that is a part of what the payee is to get; in a record of its own for the same reason. */
const totalRecord = struct({ total: msat });
const totalIn = (value: PaymentRequest): { readonly total: Msat } | undefined =>
  isOrdinary(value) && value.total !== undefined ? { total: value.total } : undefined;

/** What only a keysend has; in a record of its own for the same reason. */
const keysendRecord: Codec<Keysend> = struct({
  preimage,
  extraTlvs: list(u16, struct({ type: u64, value: prefixed(u16) })),
});
const keysendIn = (value: PaymentRequest): Keysend | undefined => (isOrdinary(value) ? value.keysend : undefined);

/** Blobs of the payer's own; in a record of its own for the same reason. */
const hopBlobs: Codec<HopBlobs> = struct({
  // No hop has number 0.
  hop: map(
    u8,
    (n): HopBlobs['hop'] => (n === 0 ? 'last' : n),
    (hop) => (hop === 'last' ? 0 : hop),
  ),
  protocol: u8,
  blobs: list(u8, bytes(FRAME_LENGTH)),
});
const blobRecord = list(u8, hopBlobs);

const hop: Codec<Hop> = struct({ node: point, scid: shortChannelId, amount: msat, expiry: u32, tlvOnly: bool });
const route: Codec<Route> = map(
  list(u8, hop),
  ([first, ...rest]) => {
    if (first === undefined) throw new RangeError('a route of at least one hop');
    return [first, ...rest];
  },
  (hops) => hops,
);

const assigned: Codec<ShardShares> = struct({ index: u32, shares: list(u8, share) });
const shard: Codec<Shard> = struct({
  amount: msat,
  assigned: optional(assigned),
  state: union('kind', {
    waiting: { id: 0, body: nothing },
    routed: { id: 1, body: struct({ route }) },
    in_flight: { id: 2, body: struct({ attempt: u32, route }) },
    fulfilled: { id: 3, body: struct({ preimage, sent: msat }) },
    dropped: { id: 4, body: nothing },
    withheld: { id: 5, body: nothing },
  }),
});

const failure: Codec<PaymentFailure> = union('code', {
  no_route: { id: 0, body: struct({ amount: msat }) },
  amount_too_large: { id: 1, body: struct({ spendable: msat }) },
  bad_request: { id: 2, body: struct({ field: ascii, expected: ascii }) },
  refused_by_destination: { id: 3, body: struct({ failure: ascii }) },
  too_many_attempts: { id: 4, body: struct({ attempts: u32 }) },
  deadline: { id: 5, body: nothing },
  cancelled: { id: 6, body: nothing },
  partially_claimed: { id: 7, body: struct({ claimed: msat }) },
  preimage_known: { id: 8, body: nothing },
  strategy_failed: { id: 9, body: struct({ strategy: ascii, detail: ascii }) },
  channels_full: { id: 10, body: nothing },
});

const sender: Codec<SenderState> = struct({
  root: bytes32,
  setId: bytes32,
  size: u8,
  made: u32,
  accumulated: bytes32,
  isComplete: bool,
});
const phases = ['planning', 'paying', 'stopping'] as const;
const progress: Codec<Progress> = struct({
  phase: oneOf('phase', phases),
  reason: optional(failure),
  query: u32,
  asking: optional(u8),
  attempts: withRetired(u32),
  keepBack: absent(nothingKeptBack),
  room: absent(noRoomWanted),
  sender: optional(sender),
});

/** In a record of its own, which only payments have that keep a share back. */
const keepBack: Codec<Progress['keepBack']> = struct({ wait: u32, until: map(u64, Number, BigInt) });

/** In a record of its own, which only payments have that our channels had no room for. */
const room: Codec<Progress['room']> = struct({ waits: bool, refused: u32 });

const excluded: Codec<Excluded> = struct({ scid: shortChannelId, from: optional(point), atLeast: msat });
const learnt: Codec<Learnt> = struct({
  excluded: list(u16, excluded),
  nodes: list(u16, point),
  notBefore: struct({ height: u32, time: u32 }),
});

const totals = { payment: ascii, amount: msat, amountSent: msat, parts: u8, preimages: list(u8, preimage) };
const result: Codec<PaymentResult> = union('event', {
  payment_succeeded: { id: 0, body: struct(totals) },
  payment_failed: { id: 1, body: struct({ ...totals, reason: failure }) },
});

/** The payment's records, in tables of which a step changes few. */
export const paymentTables = (payment: Payment): readonly Table[] => {
  if (payment.kind === 'running') {
    const one = <T>(name: string, codec: Codec<T>, value: T): Table => table(name, value, codec, () => [['0', value]]);
    const [keysend, total] = [keysendIn(payment.request), totalIn(payment.request)];
    return [
      one('request', request, payment.request),
      one('bounds', bounds, payment.request),
      ...(hasExtras(payment.request) ? [one('extras', extras, payment.request)] : []),
      ...(namesStrategy(payment.request) ? [one('strategy', strategy, payment.request)] : []),
      ...(keysend === undefined ? [] : [one('keysend', keysendRecord, keysend)]),
      ...(total === undefined ? [] : [one('total', totalRecord, total)]),
      ...(payment.request.blobs === undefined ? [] : [one('blobs', blobRecord, payment.request.blobs)]),
      one('progress', progress, payment.progress),
      ...(payment.progress.keepBack === nothingKeptBack ? [] : [one('keepback', keepBack, payment.progress.keepBack)]),
      ...(payment.progress.room === noRoomWanted ? [] : [one('room', room, payment.progress.room)]),
      one('learnt', learnt, payment.learnt),
      listTable('shard', payment.shards, shard),
    ];
  }
  return payment.kind === 'finished' ? [table('result', payment.result, result, () => [['0', payment.result]])] : [];
};

/** Throws WireError where a field of a request is more than its record can hold. */
export const checkRequest = (terms: PaymentRequest): void => {
  encode(request, terms);
  encode(bounds, terms);
  if (hasExtras(terms)) encode(extras, terms);
  if (namesStrategy(terms)) encode(strategy, terms);
  const [keysend, total] = [keysendIn(terms), totalIn(terms)];
  if (keysend !== undefined) encode(keysendRecord, keysend);
  if (total !== undefined) encode(totalRecord, total);
  if (terms.blobs !== undefined) encode(blobRecord, terms.blobs);
};

/** Versions before called a payment failed that was claimed in part. A preimage is a preimage. */
const asPaid = (result: PaymentResult): PaymentResult => {
  if (result.event === 'payment_succeeded' || result.parts === 0) return result;
  const { reason: _, ...totals } = result;
  return { ...totals, event: 'payment_succeeded' };
};

/** The payment as its records left it; give it `restored` next. Throws WireError. */
export const restorePayment = (records: ReadonlyMap<string, Uint8Array>): Payment => {
  const one = <T>(name: string, codec: Codec<T>): T | undefined => load(records, name, codec).get('0');
  const over = one('result', result);
  if (over !== undefined) return { kind: 'finished', result: asPaid(over) };
  const parts = {
    request: one('request', request),
    bounds: one('bounds', bounds),
    extras: one('extras', extras),
    strategy: one('strategy', strategy),
    keysend: one('keysend', keysendRecord),
    total: one('total', totalRecord),
    blobs: one('blobs', blobRecord),
    progress: one('progress', progress),
    keepBack: one('keepback', keepBack),
    room: one('room', room),
    learnt: one('learnt', learnt),
  };
  if (parts.request === undefined) return { kind: 'new' };
  const { progress: how, learnt: what } = parts;
  if (how === undefined || what === undefined)
    throw new WireError({ code: 'invalid_value', expected: 'progress and learnt beside a request' });
  const shards = [...load(records, 'shard', shard)].sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value);
  return {
    kind: 'running',
    request: {
      ...parts.request,
      ...parts.bounds,
      ...parts.extras,
      ...parts.strategy,
      ...(parts.keysend !== undefined && { keysend: parts.keysend }),
      ...parts.total,
      ...(parts.blobs !== undefined && { blobs: parts.blobs }),
    },
    progress: {
      ...how,
      ...(parts.keepBack && { keepBack: parts.keepBack }),
      ...(parts.room && { room: parts.room }),
    },
    learnt: what,
    shards,
  };
};
