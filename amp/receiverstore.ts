/**
 * What the receiving machine keeps: a small record per set, one per HTLC of it, and the set_ids it remembers. A set's record
 * holds sums and phase; its HTLCs are records of their own, so a share that arrives rewrites nothing of those before it.
 */

import { equal, zeros } from '../wire/bytes.ts';
import type { Change } from '../wire/change.ts';
import { bytes, type Codec, encode, list, optional, struct, u8, u16, u32, u64, union } from '../wire/codec.ts';
import { bytes32, msat, paymentHash, point, preimage } from '../wire/fields.ts';
import type { Generation } from './endedsets.ts';
import type { Refusal } from './events.ts';
import { refusals } from './refusals.ts';
import { type HeldSet, htlcName, type Part, type Receiver, sumsOf } from './sets.ts';
import { ascii, nothing, numberedName, oneOf, share } from './storecodecs.ts';
import { changes, load, type Table, table } from './tables.ts';
import { VersionedMap } from './versions.ts';

const refusal: Codec<Refusal> = oneOf('refusal', refusals);
const schemeName = numberedName({ fixed: 0, dynamic: 1 });
const resolution = union('kind', {
  held: { id: 0, body: nothing },
  claimed: { id: 1, body: struct({ preimage }) },
  refused: { id: 2, body: struct({ why: refusal }) },
});
/** Behind a record, for HTLCs of record 14 alone: other records end before it. */
const childIndex: Codec<number | undefined> = {
  write: (w, value) => {
    if (value !== undefined) u32.write(w, value);
  },
  read: (r) => (r.left > 0 ? u32.read(r) : undefined),
};
const part: Codec<Part> = struct({
  key: struct({ channel: ascii, id: u64 }),
  peer: point,
  amount: msat,
  expiry: u32,
  paymentHash,
  shares: list(u8, share),
  order: u16,
  resolution,
  childIndex,
});

const header = struct({
  id: bytes32,
  content: union('kind', {
    eob: { id: 0, body: struct({ scheme: schemeName, paymentId: bytes(11) }) },
    ordinary: { id: 1, body: nothing },
    deployed: { id: 2, body: struct({ paymentSecret: bytes32 }) },
  }),
  phase: union('kind', {
    incomplete: { id: 0, body: nothing },
    settled: { id: 1, body: nothing },
    failed: { id: 2, body: struct({ why: refusal }) },
  }),
  invoice: optional(ascii),
  asked: optional(msat),
  expected: u16,
  count: u16,
  accumulated: bytes32,
  total: msat,
  firstSeen: u32,
  peer: point,
});

const id: Codec<Uint8Array> = bytes(0);
const EMPTY = zeros(0);

/** What is remembered of sets that are over, in tables that a step changes few of. */
const rememberedTables = (state: Receiver): readonly Table[] => [
  ...state.remembered.map(({ number, ids }) =>
    table(`settled/${number}`, ids, id, () => [...ids].map((name) => [name, EMPTY] as const)),
  ),
  ...state.failed.map(({ number, ids }) =>
    table(`failed/${number}`, ids, id, () => [...ids].map((name) => [name, EMPTY] as const)),
  ),
];

/** The record to write or delete under `key`, if any. */
const rowChange = <T>(key: string, codec: Codec<T>, before: T | undefined, after: T | undefined): readonly Change[] => {
  if (before === after) return [];
  if (after === undefined) return [{ key, value: undefined }];
  const value = encode(codec, after);
  return before !== undefined && equal(encode(codec, before), value) ? [] : [{ key, value }];
};

/**
 * What a step changed of the records. Only the sets and HTLCs that it touched are looked at: with a thousand sets held, as a
 * stranger may have it, or 255 HTLCs in one, one more must not cost as many records read again.
 */
export const receiverChanges = (before: Receiver, after: Receiver): readonly Change[] => {
  const out: Change[] = [];
  for (const name of after.sets.changedSince(before.sets)) {
    const old = before.sets.get(name);
    const now = after.sets.get(name);
    if (old === now) continue;
    out.push(...rowChange(`set/${name}`, header, old, now));
    const none = VersionedMap.of<Part>();
    const parts = { old: old?.parts ?? none, now: now?.parts ?? none };
    for (const htlc of parts.now.changedSince(parts.old))
      out.push(...rowChange(`part/${name}/${htlc}`, part, parts.old.get(htlc), parts.now.get(htlc)));
  }
  return [...out, ...changes(rememberedTables(before), rememberedTables(after))];
};

const loadRemembered = (records: ReadonlyMap<string, Uint8Array>, prefix: string): readonly Generation[] => {
  const byNumber = new Map<number, Set<string>>();
  for (const key of load(records, prefix, id).keys()) {
    const [number, name] = key.split('/', 2);
    const ids = byNumber.get(Number(number)) ?? new Set();
    byNumber.set(Number(number), ids.add(name ?? ''));
  }
  return [...byNumber].map(([number, ids]) => ({ number, ids })).sort((a, b) => a.number - b.number);
};

/** The machine as its records left it. HTLCs still in their channels are to be delivered to it again. Throws WireError. */
export const restoreReceiver = (records: ReadonlyMap<string, Uint8Array>): Receiver => {
  const partsOf = new Map<string, Part[]>();
  for (const [key, held] of load(records, 'part', part)) {
    const name = key.slice(0, key.indexOf('/'));
    const parts = partsOf.get(name);
    if (parts === undefined) partsOf.set(name, [held]);
    else parts.push(held);
  }
  const sets: [string, HeldSet][] = [];
  const owners: [string, string][] = [];
  for (const [name, head] of load(records, 'set', header)) {
    const parts = (partsOf.get(name) ?? []).sort((a, b) => a.order - b.order);
    for (const { key } of parts) owners.push([htlcName(key), name]);
    const held = VersionedMap.of(parts.map((one) => [htlcName(one.key), one] as const));
    const sums = head.phase.kind === 'incomplete' ? sumsOf(parts) : undefined;
    sets.push([name, { ...head, parts: held, sums }]);
  }
  return {
    sets: VersionedMap.of(sets),
    owners: VersionedMap.of(owners),
    remembered: loadRemembered(records, 'settled'),
    failed: loadRemembered(records, 'failed'),
  };
};
