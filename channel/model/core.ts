/** A channel's core from what was agreed and, after a restart, from what was kept; what is derived is derived here. */
import { equal, zeros } from '../../wire/bytes.ts';
import { signature, type Txid, toMsat } from '../../wire/units.ts';
import { channelIdOf, type Outpoint } from '../tx/funding.ts';
import { secretsOf } from '../tx/keys.ts';
import { lateAlias } from './alias.ts';
import type { ChannelFeatures } from './channeltype.ts';
import type { Spec } from './spec.ts';
import type { Closings, Core, Head, LocalSignatures, Params } from './state.ts';

/** What the store gives back of a core; the rest follows from it. */
export type Kept = Omit<
  Core,
  'channelId' | 'counters' | 'revocationOverdue' | 'link' | 'keys' | 'nextLocalKeys' | 'nextRemoteKeys'
>;

/** Adds to what was kept everything that is derived: ids, keys, counters. The peer is taken to be away. */
export const derive = (kept: Kept): Core => {
  const { head } = kept;
  const orders = [...kept.outgoing.values(), ...kept.incoming.values()].flatMap(({ order, removal }) => [
    order,
    removal?.order ?? 0,
  ]);
  const last = [...orders, ...kept.fees.map(({ order }) => order)].reduce((a, b) => Math.max(a, b), 0);
  return {
    ...kept,
    params: kept.params.alias === undefined ? { ...kept.params, alias: lateAlias(kept.params.seed) } : kept.params,
    channelId: channelIdOf(kept.funding),
    counters: { nextIn: head.signedIn, nextOut: head.signedOut, order: last },
    revocationOverdue: undefined,
    link: { status: 'offline' },
    keys: secretsOf(kept.params),
    nextLocalKeys: undefined,
    nextRemoteKeys: undefined,
  };
};

/** What the first commitments say: the funder's money, less what it gives away. */
export const firstSpec = ({ role, capacity, push, feerate }: Params): Spec => {
  const funder = toMsat(capacity) - push;
  const [toUs, toThem] = role === 'funder' ? [funder, push] : [push, funder];
  return { feerate, toUs, toThem, htlcs: [] };
};

/** The numbers of both sides at commitment 0. */
export const firstHead = (params: Params, remotePoint: Head['remotePoint']): Head => ({
  local: 0,
  remote: 0,
  signedAt: undefined,
  toUs: firstSpec(params).toUs,
  feerate: params.feerate,
  signedIn: 0n,
  signedOut: 0n,
  remotePoint,
  remoteNextPoint: undefined,
});

/** A channel at commitment 0 on both sides. */
export const newCore = (
  params: Params,
  funding: Outpoint,
  remotePoint: Head['remotePoint'],
  signatures: LocalSignatures,
  fundingTx: Uint8Array,
  features: ChannelFeatures,
): Core => ({
  ...derive({
    params,
    funding,
    head: firstHead(params, remotePoint),
    incoming: new Map(),
    outgoing: new Map(),
    fees: [],
    signatures,
    secrets: [],
    lockin: { scid: undefined, sent: false, received: false, peerAlias: undefined },
    closings: noClosings,
    fundingTx,
    closingSince: undefined,
  }),
  link: { status: 'online', features },
});

/** Nothing was signed. */
export const noClosings: Closings = { signed: [], agreedAt: undefined, fellBack: false, refusedSince: undefined };

/** Whether we ever signed a closing with this id. */
export const isSignedClosing = ({ closings }: Pick<Core, 'closings'>, id: Txid): boolean =>
  closings.signed.some((one) => equal(one, id));

export const NOTHING = signature(zeros(64));

/** Whether a channel came from a backup: its balances, and which commitment is the last one, are not known. */
export const isRecovered = ({ signatures }: Pick<Core, 'signatures'>): boolean => equal(signatures.commitment, NOTHING);
