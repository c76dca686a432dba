/**
 * What the receiving machine keeps: a small record per set, one per HTLC of it, and the set_ids it remembers. A set's record
 * holds sums and phase; its HTLCs are records of their own, so a share that arrives rewrites nothing of those before it.
 */

import { zeros } from '../wire/bytes.ts';
import type { Change } from '../wire/change.ts';
import { bytes, type Codec, list, optional, struct, u8, u16, u32, u64, union } from '../wire/codec.ts';
import { bytes32, msat, paymentHash, point, preimage } from '../wire/fields.ts';
import type { Refusal } from './events.ts';
import { refusals } from './refusals.ts';
import { type HeldSet, htlcName, type Part, type Receiver } from './sets.ts';
import type { Generation } from './settledsets.ts';
import { ascii, nothing, numberedName, oneOf, share } from './storecodecs.ts';
import { changes, load, type Table, table } from './tables.ts';

const refusal: Codec<Refusal> = oneOf('refusal', refusals);
const schemeName = numberedName({ fixed: 0, dynamic: 1 });
const fate = union('kind', {
  held: { id: 0, body: nothing },
  claimed: { id: 1, body: struct({ preimage }) },
  refused: { id: 2, body: struct({ why: refusal }) },
});
const part: Codec<Part> = struct({
  key: struct({ channel: ascii, id: u64 }),
  peer: point,
  amount: msat,
  expiry: u32,
  paymentHash,
  shares: list(u8, share),
  order: u16,
  fate,
});

const header = struct({
  id: bytes32,
  content: union('kind', {
    eob: { id: 0, body: struct({ scheme: schemeName, paymentId: bytes(11) }) },
    ordinary: { id: 1, body: nothing },
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

/** The machine's records, in tables that a step changes few of. */
const receiverTables = (state: Receiver): readonly Table[] => [
  table('set', state.sets, header, () => state.sets),
  ...[...state.sets].map(([name, { parts }]) => table(`part/${name}`, parts, part, () => parts)),
  ...state.remembered.map(({ number, ids }) =>
    table(`settled/${number}`, ids, id, () => [...ids].map((name) => [name, EMPTY] as const)),
  ),
  ...state.failed.map(({ number, ids }) =>
    table(`failed/${number}`, ids, id, () => [...ids].map((name) => [name, EMPTY] as const)),
  ),
];

const isThere = (entry: readonly [string, HeldSet | undefined]): entry is readonly [string, HeldSet] =>
  entry[1] !== undefined;

/**
 * What a step changed of the records. Only sets that it touched are looked at: with a thousand of them held, as a stranger may
 * have it, one more HTLC must not cost a thousand records read again.
 */
export const receiverChanges = (before: Receiver, after: Receiver): readonly Change[] => {
  const touched = [...new Set([...before.sets.keys(), ...after.sets.keys()])].filter(
    (name) => before.sets.get(name) !== after.sets.get(name),
  );
  const only = (state: Receiver): Receiver => ({
    ...state,
    sets: new Map(touched.map((name) => [name, state.sets.get(name)] as const).filter(isThere)),
  });
  return changes(receiverTables(only(before)), receiverTables(only(after)));
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
    partsOf.set(name, [...(partsOf.get(name) ?? []), held]);
  }
  const sets = new Map<string, HeldSet>();
  const owners = new Map<string, string>();
  for (const [name, head] of load(records, 'set', header)) {
    const parts = (partsOf.get(name) ?? []).sort((a, b) => a.order - b.order);
    for (const { key } of parts) owners.set(htlcName(key), name);
    sets.set(name, { ...head, parts: new Map(parts.map((held) => [htlcName(held.key), held])) });
  }
  return { sets, owners, remembered: loadRemembered(records, 'settled'), failed: loadRemembered(records, 'failed') };
};
