/**
 * The state of a node as plain values. Unless secrets are asked for, bytes are shown only under names that are known to be
 * public, and all others as their length: a field that comes later is hidden until somebody decides otherwise.
 */
import { records } from '../../channel/model/persist.ts';
import { hex } from '../../wire/bytes.ts';
import type { Result } from '../api/table.ts';
import { isFunded } from '../channels/entry.ts';
import type { Node } from '../core/node.ts';
import type { Store } from '../ports/ports.ts';

const open: ReadonlySet<string> = new Set([
  'chainHash',
  'channelId',
  'temporaryChannelId',
  'destination',
  'nodes',
  'node',
  'peer',
  'txid',
  'paymentHash',
  'remotePoint',
  'remoteNextPoint',
  'shutdownScript',
  'upfrontScript',
  'ours',
  'theirs',
  'agreed',
  'signed',
  'fundingTx',
  'tx',
]);

/** A value as JSON. `name` is that of the field, or of the list, in which it stands. */
export const plain = (value: unknown, secrets: boolean, name = ''): unknown => {
  if (value instanceof Uint8Array) return secrets || open.has(name) ? hex(value) : `[${value.length} bytes]`;
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item, secrets, name));
  if (value instanceof Set) return plain([...value], secrets, name);
  if (value instanceof Map)
    return fields(
      [...value].map(([key, item]) => [String(key), item]),
      secrets,
    );
  return typeof value === 'object' && value !== null ? fields(Object.entries(value), secrets) : value;
};
const fields = (entries: readonly (readonly [string, unknown])[], secrets: boolean): Record<string, unknown> =>
  Object.fromEntries(entries.flatMap(([key, item]) => (item === undefined ? [] : [[key, plain(item, secrets, key)]])));

/** A key without what names one thing among its like: as `dev-crash` takes it. */
export const kindOfKey = (key: string): string =>
  key
    .split('/')
    .map((part, i) => (i > 0 && /^(?:[0-9a-f]{8,}.*|\d+)$/.test(part) ? '*' : part))
    .join('/');

const kindsIn = async (store: Store): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for await (const [key] of store.entries('')) {
    const kind = kindOfKey(key);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
};

const paymentsIn = async ({ payments }: Node, secrets: boolean): Promise<Result<'dev-dump-state'>['payments']> => {
  const out: Record<string, unknown>[] = [];
  for await (const record of payments.list())
    out.push({
      ...(plain(record, secrets) as Record<string, unknown>),
      machine: plain(payments.stateOf(record.id), secrets),
    });
  return out;
};

/** What `dev-dump-state` answers. */
export const dumpState = async (node: Node, secrets: boolean): Promise<Result<'dev-dump-state'>> => ({
  channels: [...node.channels.entries.values()].map(({ key, peer, machine }) => {
    const { state } = machine;
    return {
      key,
      peer,
      backlog: machine.backlog,
      broken: machine.broken,
      phase: state.phase,
      state: plain(state, secrets),
      records: isFunded(state)
        ? Object.fromEntries([...records(state)].map(([name, value]) => [name, secrets ? hex(value) : value.length]))
        : {},
    };
  }),
  payments: await paymentsIn(node, secrets),
  sets: node.receiver.sets().map((set) => plain(set, secrets) as Record<string, unknown>),
  store: await kindsIn(node.ports.store),
});
