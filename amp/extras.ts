/**
 * Extra onion blobs that a payer adds for hops of a route, beside those that an AMP needs: the payment's own, which are kept with it,
 * and those that an EOB protocol of the program composes for each route. They take their place from the same 1300 bytes.
 */
import { FRAME_LENGTH, MAX_BLOBS } from '../onion/eobframe.ts';
import { HOPS_LENGTH } from '../onion/packet.ts';
import { zeros } from '../wire/bytes.ts';
import type { Msat, Point } from '../wire/units.ts';
import type { PaymentFailure } from './events.ts';
import type { Route } from './route.ts';

/** Blobs for one hop of every route of a payment. */
export interface HopBlobs {
  /** 1 is the first hop, a peer of ours; `last` is the destination. */
  readonly hop: number | 'last';
  /** EOB protocol, 1..15. */
  readonly protocol: number;
  /** 1..16 blobs of 65 bytes; at the destination one less, since the AMP's own stands in front of them. */
  readonly blobs: readonly Uint8Array[];
}

/** What a composer is told of a payment. */
export interface ComposedPayment {
  /** The payment's id, which is the same for all its shards. */
  readonly id: string;
  readonly destination: Point;
  readonly amount: Msat;
  /** The share scheme of an AMP, `deployed` (lnd's), `single` or `mpp`. */
  readonly scheme: string;
}

/** What a composer is told of a shard. */
export interface ComposedShard {
  /** From 0. */
  readonly index: number;
  readonly amount: Msat;
}

/** The sending side of an EOB protocol. */
export interface Composer {
  /**
   * The bytes for each hop of the route, the first hop first, undefined for a hop that gets none; filled with zeros to whole blobs of
   * 65 bytes. Called for each shard and each route that is tried, also after a restart, so it should follow from its arguments alone. A
   * hop that is `tlvOnly` can be given none. If it throws, the payment fails.
   */
  readonly compose: (
    payment: ComposedPayment,
    shard: ComposedShard,
    route: Route,
  ) => readonly (Uint8Array | undefined)[];
  /** Blobs that `compose` adds to one route at most, for which room is kept in the onion; 1 unless given. */
  readonly mostBlobs?: number | undefined;
}

/** Composers by EOB protocol number. */
export type Composers = ReadonlyMap<number, Composer>;

/** The blobs of a hop, and the protocol that reads them. */
export type ExtraBlobs = Omit<HopBlobs, 'hop'>;
/** By the hop's index into the route, from 0. */
export type RouteExtras = ReadonlyMap<number, ExtraBlobs>;

type BadRequest = Extract<PaymentFailure, { code: 'bad_request' }>;

/** The most hops that a route can have: one frame each. */
export const MOST_HOPS = HOPS_LENGTH / FRAME_LENGTH;

/** Characters that are shown of the error of a composer. */
const MOST_ERROR = 200;

/** Bytes as blobs of 65 bytes, the last filled with zeros. */
export const toBlobs = (bytes: Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / FRAME_LENGTH) }, (_, i) => {
    const blob = zeros(FRAME_LENGTH);
    blob.set(bytes.subarray(i * FRAME_LENGTH, (i + 1) * FRAME_LENGTH));
    return blob;
  });

const isWhole = (n: number, low: number, high: number): boolean => Number.isInteger(n) && n >= low && n <= high;

/** What is expected of a payment's blobs and is not so; undefined where they can be sent. */
export const expectedOfBlobs = (blobs: readonly HopBlobs[]): string | undefined => {
  for (const { hop, protocol, blobs: frames } of blobs) {
    const most = hop === 'last' ? MAX_BLOBS - 1 : MAX_BLOBS;
    if (hop !== 'last' && !isWhole(hop, 1, MOST_HOPS)) return `a hop from 1 to ${MOST_HOPS}, or last`;
    if (!isWhole(protocol, 1, 15)) return 'a protocol number from 1 to 15';
    if (!isWhole(frames.length, 1, most) || frames.some(({ length }) => length !== FRAME_LENGTH))
      return `1 to ${most * FRAME_LENGTH} bytes for hop ${hop}, in blobs of ${FRAME_LENGTH}`;
  }
  if (new Set(blobs.map(({ hop }) => hop)).size < blobs.length) return 'each hop once: a frame has one protocol';
  return undefined;
};

/** Blobs that may be added to a route of a payment, at most. */
export const mostExtras = (blobs: readonly HopBlobs[] = [], composers: Composers = new Map()): number => {
  const own = blobs.reduce((sum, { blobs: frames }) => sum + frames.length, 0);
  return [...composers.values()].reduce((sum, { mostBlobs = 1 }) => sum + mostBlobs, own);
};

const badBlob = (expected: string): BadRequest => ({ code: 'bad_request', field: 'blob', expected });

/** What a composer adds to a route, or why the payment cannot go on. */
const composed = (
  protocol: number,
  { compose, mostBlobs = 1 }: Composer,
  given: Parameters<Composer['compose']>,
): readonly (readonly [number, ExtraBlobs])[] | BadRequest => {
  const bad = (expected: string): BadRequest => ({ code: 'bad_request', field: `protocol ${protocol}`, expected });
  let parts: unknown;
  try {
    parts = compose(...given);
  } catch (error) {
    const said = String((error as Error)?.message ?? error).slice(0, MOST_ERROR);
    return bad(`that compose does not throw: ${said}`);
  }
  const { length } = given[2];
  if (!Array.isArray(parts) || parts.length > length)
    return bad(`a list of at most ${length} items from compose, one for each hop`);
  if (parts.some((part: unknown) => part !== undefined && !(part instanceof Uint8Array)))
    return bad('bytes or undefined for each hop from compose');
  const extras = (parts as readonly (Uint8Array | undefined)[]).flatMap((part, hop) =>
    part === undefined || part.length === 0 ? [] : [[hop, { protocol, blobs: toBlobs(part) }] as const],
  );
  const count = extras.reduce((sum, [, { blobs }]) => sum + blobs.length, 0);
  return count > mostBlobs ? bad(`at most ${mostBlobs} blobs from compose (mostBlobs), not ${count}`) : extras;
};

/** What there is to know of the destination's frame. */
export interface DestinationFrame {
  /** Blobs of the AMP in it; undefined where the destination gets a TLV payload. */
  readonly ampBlobs: number | undefined;
  /** Protocol numbers under which AMPs travel. */
  readonly ampProtocols: readonly number[];
}

/** Why a hop of a route cannot be given blobs; undefined where it can. */
const faultAt = (
  route: Route,
  hop: number,
  { protocol, blobs }: ExtraBlobs,
  { ampBlobs, ampProtocols }: DestinationFrame,
): BadRequest | undefined => {
  const at = route[hop];
  if (at === undefined) return badBlob(`a hop of the route, which has ${route.length}, not hop ${hop + 1}`);
  if (hop < route.length - 1) {
    if (at.tlvOnly)
      return badBlob(`that hop ${hop + 1} reads frames of 65 bytes (feature option_eob_amp), which it does not say`);
    return blobs.length > MAX_BLOBS ? badBlob(`at most ${MAX_BLOBS} blobs at hop ${hop + 1}`) : undefined;
  }
  if (ampBlobs === undefined)
    return badBlob('none at the destination, which reads a TLV payload; it can be given some by an AMP in EOBs');
  if (ampProtocols.includes(protocol))
    return badBlob(`a protocol for the destination that is none of an AMP, not ${protocol}`);
  if (ampBlobs !== 1) return badBlob('one share in each HTLC where the destination gets further blobs');
  return blobs.length >= MAX_BLOBS ? badBlob(`at most ${MAX_BLOBS - 1} blobs at the destination`) : undefined;
};

/** The blobs that go along with a shard over a route, by hop; or why the payment cannot go this way. */
export const extrasOf = (
  payment: ComposedPayment & { readonly blobs?: readonly HopBlobs[] | undefined },
  shard: ComposedShard,
  route: Route,
  destination: DestinationFrame,
  composers: Composers = new Map(),
): RouteExtras | BadRequest => {
  const own = (payment.blobs ?? []).map(
    ({ hop, protocol, blobs }) => [hop === 'last' ? route.length - 1 : hop - 1, { protocol, blobs }] as const,
  );
  const all = [...own];
  const { id, destination: to, amount, scheme } = payment;
  for (const [protocol, composer] of composers) {
    const added = composed(protocol, composer, [{ id, destination: to, amount, scheme }, shard, route]);
    if ('code' in added) return added;
    all.push(...added);
  }
  const extras = new Map<number, ExtraBlobs>();
  for (const [hop, blobs] of all) {
    if (extras.has(hop)) return badBlob(`one protocol at each hop, since a frame names one; hop ${hop + 1} has two`);
    const fault = faultAt(route, hop, blobs, destination);
    if (fault !== undefined) return fault;
    extras.set(hop, blobs);
  }
  return extras;
};
