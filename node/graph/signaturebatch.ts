/**
 * Which signatures of a batch of announcements are to be checked, and by which keys: a batch may bring a channel and, behind it, the
 * policies that its nodes signed.
 */
import { compare, unhex } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { signedDigest } from '../../wire/signed.ts';
import { type Point, point, type ShortChannelId, type Signature } from '../../wire/units.ts';
import { sideOf } from './announced.ts';
import { type Graph, type NodeKey, nodeKey } from './graph.ts';
import { CHECK_BYTES, type SignatureChecks } from './signaturechecks.ts';

type Announcement = MessageOf<'channel_announcement'> | MessageOf<'channel_update'> | MessageOf<'node_announcement'>;

/** An announcement as it was received. */
export interface ReceivedAnnouncement {
  readonly message: Announcement;
  readonly raw: Uint8Array;
}

/** Whether the signatures of an announcement hold: of a channel_update, if this node is its signer. */
export interface Verdict {
  readonly isValid: boolean;
  readonly signer?: NodeKey;
}

interface Planned {
  readonly signatures: readonly (readonly [Signature, Point])[];
  readonly signer?: NodeKey;
}

/** Announcements of fewer than this are checked as they are handled: a thread gains nothing. */
export const LEAST_TOGETHER = 8;

/**
 * Checks the signatures of a batch together, where `checks` can; an announcement without verdict is checked when it is handled.
 * `isWanted` says of which ones that would be of use.
 */
export const checkTogether = async (
  { graph, checks }: { readonly graph: Graph; readonly checks: SignatureChecks },
  batch: readonly ReceivedAnnouncement[],
  isWanted: (message: Announcement) => boolean,
): Promise<readonly (Verdict | undefined)[]> => {
  if (batch.length < LEAST_TOGETHER) return [];
  const planned = plan(graph, batch, isWanted);
  const count = planned.reduce((sum, one) => sum + (one?.signatures.length ?? 0), 0);
  if (count === 0) return [];
  const bytes = new Uint8Array(count * CHECK_BYTES);
  let at = 0;
  for (const [number, one] of planned.entries()) {
    const received = batch[number];
    if (one === undefined || received === undefined) continue;
    const digest = signedDigest(received.message.name, received.raw);
    for (const [signature, signer] of one.signatures) {
      bytes.set(signature, at);
      bytes.set(digest, at + 64);
      bytes.set(signer, at + 96);
      at += CHECK_BYTES;
    }
  }
  const valid = await checks.check(bytes);
  if (valid === undefined) return [];
  let next = 0;
  return planned.map((one) => {
    if (one === undefined) return undefined;
    const end = next + one.signatures.length;
    const isValid = valid.subarray(next, end).every((verdict) => verdict === 1);
    next = end;
    return { isValid, ...(one.signer !== undefined && { signer: one.signer }) };
  });
};

const plan = (
  graph: Graph,
  batch: readonly ReceivedAnnouncement[],
  isWanted: (message: Announcement) => boolean,
): readonly (Planned | undefined)[] => {
  const signers = new Map<ShortChannelId, readonly [Point, Point]>();
  const ofChannel = (m: MessageOf<'channel_announcement'>): Planned | undefined => {
    if (!isWanted(m) || compare(m.node_id_1, m.node_id_2) >= 0) return undefined;
    signers.set(m.short_channel_id, [m.node_id_1, m.node_id_2]);
    return {
      signatures: [
        [m.node_signature_1, m.node_id_1],
        [m.node_signature_2, m.node_id_2],
        [m.bitcoin_signature_1, m.bitcoin_key_1],
        [m.bitcoin_signature_2, m.bitcoin_key_2],
      ],
    };
  };
  const ofUpdate = (m: MessageOf<'channel_update'>): Planned | undefined => {
    const known = graph.channel(m.short_channel_id)?.nodes[sideOf(m)];
    const signer = known === undefined ? signers.get(m.short_channel_id)?.[sideOf(m)] : point(unhex(known));
    if (signer === undefined || !isWanted(m)) return undefined;
    return { signatures: [[m.signature, signer]], signer: known ?? nodeKey(signer) };
  };
  const of = (m: Announcement): Planned | undefined => {
    if (m.name === 'channel_announcement') return ofChannel(m);
    if (m.name === 'channel_update') return ofUpdate(m);
    return isWanted(m) ? { signatures: [[m.signature, m.node_id]] } : undefined;
  };
  return batch.map(({ message }) => of(message));
};
