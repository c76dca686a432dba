/**
 * Classifies the outputs of a confirmed commitment (BOLT 3, "Commitment Transaction Outputs") by script and value, since the balances of
 * a revoked commitment are no longer known.
 */

import type { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../wire/bytes.ts';
import { txid as asTxid, sat } from '../../wire/units.ts';
import type { ChainCommitment, ChainHtlc, ClassifiedOutput, CommitmentRef } from '../model/chainview.ts';
import { htlcStatus, inLocal, inRemote } from '../model/spec.ts';
import type { Core, PastHtlc } from '../model/state.ts';
import { localKeys, remoteKeys } from '../rules/commitmentupdates.ts';
import { formats } from '../tx/commitmentformats.ts';
import {
  anchorScript,
  delayedScript,
  offeredHtlcScript,
  p2wpkh,
  p2wsh,
  receivedHtlcScript,
  toRemoteScript,
} from '../tx/script.ts';
import { keyScriptCode, remotePointAt } from './claimwitness.ts';

/** Our commitment of that number. */
export const localCommitmentRef = (core: Core, number: number): CommitmentRef => ({
  holder: 'local',
  number,
  keys: localKeys(core, core.keys.perCommitmentSeed, number),
});

/** The peer's commitment of that number. */
export const remoteCommitmentRef = (core: Core, number: number): CommitmentRef => {
  const point = remotePointAt(core, number);
  return { holder: 'remote', number, keys: point && remoteKeys(core, point) };
};

const delayOf = ({ params }: Core, holder: CommitmentRef['holder']): number =>
  (holder === 'local' ? params.remote : params.local).toSelfDelay;

/** The script of what its holder waits for: to_local, and the outputs of its HTLC transactions. */
const delayedOf = (core: Core, { holder, keys }: CommitmentRef): Uint8Array | undefined =>
  keys && delayedScript(keys, delayOf(core, holder));

/** The HTLCs that stood in a commitment: those the channel still has, and those it only remembers. */
const htlcsOf = (core: Core, { holder, number }: CommitmentRef, past: readonly PastHtlc[]): readonly ChainHtlc[] => {
  const view = holder === 'local' ? inLocal(number) : inRemote(number);
  const live = [...core.outgoing.values(), ...core.incoming.values()].filter(
    (htlc) => htlcStatus(view, htlc) === 'open',
  );
  const known = new Set(live.map(({ way, id }) => `${way}/${id}`));
  return [...live, ...past.filter(({ way, id }) => !known.has(`${way}/${id}`))];
};

interface Expected {
  readonly htlc: ChainHtlc;
  readonly scriptCode: Uint8Array;
}

/** HTLCs by the output they would have. Those that share one stand in the order in which BOLT 3 has their outputs. */
const expectedHtlcs = (
  { params }: Core,
  { holder, keys }: CommitmentRef,
  htlcs: readonly ChainHtlc[],
): ReadonlyMap<string, Expected[]> => {
  const out = new Map<string, Expected[]>();
  if (keys === undefined || htlcs.length === 0) return out;
  const format = formats[params.format];
  const offered = offeredHtlcScript(format, keys);
  const received = receivedHtlcScript(format, keys);
  const inOrder = [...htlcs].sort((a, b) => a.expiry - b.expiry || Number(a.id - b.id));
  for (const htlc of inOrder) {
    const byHolder = (htlc.way === 'out') === (holder === 'local');
    const scriptCode = byHolder ? offered(htlc.paymentHash) : received(htlc.paymentHash, htlc.expiry);
    const key = outputName(htlc.amount / 1000n, p2wsh(scriptCode));
    const same = out.get(key);
    if (same === undefined) out.set(key, [{ htlc, scriptCode }]);
    else same.push({ htlc, scriptCode });
  }
  return out;
};

const outputName = (value: bigint, script: Uint8Array): string => `${value}:${hex(script)}`;

/** Our main output of a commitment of the peer's. */
const ourBalance = ({ params }: Core): { readonly script: Uint8Array; readonly scriptCode: Uint8Array } => {
  const key = params.local.basepoints.payment;
  if (!formats[params.format].confirmedSpendsOnly) return { script: p2wpkh(key), scriptCode: keyScriptCode(key) };
  const scriptCode = toRemoteScript(key);
  return { script: p2wsh(scriptCode), scriptCode };
};

/** Our anchor, in a commitment of either side; undefined where the format has none. */
const ourAnchor = ({ params }: Core): { readonly name: string; readonly scriptCode: Uint8Array } | undefined => {
  if (formats[params.format].anchor === undefined) return undefined;
  const scriptCode = anchorScript(params.local.basepoints.funding);
  return { name: hex(p2wsh(scriptCode)), scriptCode };
};

/** The peer's main output of a commitment of ours: nothing to us, but a sign of whose the transaction is. */
const theirBalance = ({ params }: Core): Uint8Array => {
  const key = params.remote.basepoints.payment;
  return formats[params.format].confirmedSpendsOnly ? p2wsh(toRemoteScript(key)) : p2wpkh(key);
};

/** The outputs of a commitment that matter to us, in their order. Each HTLC has at most one of them. */
const classifyOutputs = (
  core: Core,
  whose: CommitmentRef,
  htlcs: readonly ChainHtlc[],
  tx: Transaction,
): readonly ClassifiedOutput[] => {
  const delayed = delayedOf(core, whose);
  const toLocal = delayed && hex(p2wsh(delayed));
  const balance = whose.holder === 'remote' ? ourBalance(core) : undefined;
  const toRemote = balance && hex(balance.script);
  const anchor = ourAnchor(core);
  const expected = new Map([...expectedHtlcs(core, whose, htlcs)].map(([key, same]) => [key, [...same]]));
  const out: ClassifiedOutput[] = [];
  let order = 0;
  tx.outs.forEach(({ script: bytes, value: amount }, index) => {
    const script = new Uint8Array(bytes);
    const name = hex(script);
    const base = { index, value: sat(amount), script };
    const found = expected.get(outputName(amount, script))?.shift();
    if (found !== undefined) out.push({ ...base, kind: 'htlc', ...found, order: order++ });
    else if (delayed !== undefined && name === toLocal) out.push({ ...base, kind: 'to_local', scriptCode: delayed });
    else if (balance !== undefined && name === toRemote)
      out.push({ ...base, kind: 'to_remote', scriptCode: balance.scriptCode });
    else if (anchor !== undefined && name === anchor.name)
      out.push({ ...base, kind: 'anchor', scriptCode: anchor.scriptCode });
    else out.push({ ...base, kind: 'unknown' });
  });
  return out;
};

const isOurs = ({ kind }: ClassifiedOutput, { holder, keys }: CommitmentRef, revoked: boolean): boolean => {
  if (kind === 'to_local') return holder === 'local' || revoked;
  return kind !== 'unknown' || keys === undefined;
};

/** Reads a commitment in the chain; `past` are HTLCs that the channel has forgotten. */
export const readCommitment = (
  core: Core,
  whose: CommitmentRef,
  revoked: boolean,
  past: readonly PastHtlc[],
  tx: Transaction,
): ChainCommitment => {
  const { holder } = whose;
  const txid = asTxid(new Uint8Array(tx.getHash()));
  return {
    whose,
    revoked,
    delay: delayOf(core, holder),
    delayed: delayedOf(core, whose),
    outputs: classifyOutputs(core, whose, htlcsOf(core, whose, past), tx)
      .filter((output) => isOurs(output, whose, revoked))
      .map((output) => ({ ...output, outpoint: { txid, index: output.index } })),
  };
};

/** How many outputs of a transaction speak for its being that commitment. Our anchor is the same in both sides'. */
export const countMatchingOutputs = (core: Core, whose: CommitmentRef, tx: Transaction): number => {
  const known = classifyOutputs(core, whose, htlcsOf(core, whose, []), tx);
  const theirs = whose.holder === 'local' ? hex(theirBalance(core)) : undefined;
  return known.filter(({ kind, script }) => (kind !== 'unknown' && kind !== 'anchor') || hex(script) === theirs).length;
};
