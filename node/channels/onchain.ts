/** A channel that is on chain: its outputs are watched, its old HTLCs are looked up, its claims are passed on. */
import type { Effect, Input } from '../../channel/io.ts';
import { PAST, pastAt } from '../../channel/persist.ts';
import { unhex } from '../../wire/bytes.ts';
import { txid } from '../../wire/units.ts';
import type { Follower } from '../chain/follower.ts';
import { type Notice, outpointKey } from '../chain/watch.ts';
import type { Watcher } from '../chain/watcher.ts';
import type { Store } from '../ports.ts';
import type { Gate } from '../store/gate.ts';
import { within } from '../store/space.ts';
import type { Entry } from './entry.ts';

type EffectOf<D extends Effect['do']> = Extract<Effect, { do: D }>;

/** Where the records of channels begin, each under its key. */
export const CHANNELS = 'channel/';
/** How the names of their watches begin. */
export const OUTPUT = 'output';

/** Has the chain tell who spends these outputs. */
export const watchOutputs = async (
  { watcher, follower }: { readonly watcher: () => Watcher; readonly follower: () => Follower },
  { key }: Entry,
  { outpoints, since }: EffectOf<'watch_outputs'>,
): Promise<void> => {
  for (const { txid, index } of outpoints) {
    const id = `${OUTPUT}/${key}/${outpointKey(txid, index)}`;
    await watcher().watch({ wait: 'spend', id, since, outpoint: { txid, vout: index } }, follower());
  }
};

/** A notice about an output of a channel, as the channel takes it; undefined for other notices. */
export const outputInput = (notice: Notice): Input | undefined => {
  const [kind, , subject = ''] = notice.id.split('/');
  if (kind !== OUTPUT) return undefined;
  const [hash = '', index = ''] = subject.split(':');
  const outpoint = { txid: txid(unhex(hash)), index: Number(index) };
  return notice.notice === 'spent'
    ? { type: 'output_spent', outpoint, tx: notice.at.tx, height: notice.at.height }
    : { type: 'output_unspent', outpoint };
};

/** Finds the HTLCs that stood in an old commitment of the peer's. Throws StoreError or WireError. */
export const loadPast = async (
  { store, gate }: { readonly store: Store; readonly gate: Gate },
  { key, machine }: Entry,
  { number }: EffectOf<'load_past'>,
): Promise<void> => {
  // What was kept a moment ago cannot be read before it is written.
  await gate.settled();
  const records = new Map<string, Uint8Array>();
  for await (const [name, value] of within(store, `${CHANNELS}${key}/`).entries(PAST)) records.set(name, value);
  machine.push({ type: 'past_loaded', htlcs: pastAt(records, number) });
};
