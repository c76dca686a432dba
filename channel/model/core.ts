/** Makes a channel's core from the agreed parameters or, after a restart, from its records, with all derived fields (BOLT 2, BOLT 3). */
import { equal, zeros } from '../../wire/bytes.ts';
import { signature, type Txid, toMsat } from '../../wire/units.ts';
import { channelIdOf, type Outpoint } from '../tx/funding.ts';
import { secretsOf } from '../tx/keys.ts';
import { aliasFromSeed } from './alias.ts';
import type { ChannelFeatures } from './channeltype.ts';
import type { Spec } from './spec.ts';
import type { Closings, CommitmentState, Core, LocalSignatures, Params } from './state.ts';

/** The fields of a core that are saved; the others are derived from them. */
export type PersistedCore = Omit<
  Core,
  'channelId' | 'counters' | 'revocationOverdue' | 'link' | 'keys' | 'nextLocalKeys' | 'nextRemoteKeys'
>;

/** Adds the derived fields (ids, keys, counters) to the saved ones. The peer counts as offline. */
export const withDerived = (kept: PersistedCore): Core => {
  const { head } = kept;
  const orders = [...kept.outgoing.values(), ...kept.incoming.values()].flatMap(({ order, removal }) => [
    order,
    removal?.order ?? 0,
  ]);
  const last = [...orders, ...kept.fees.map(({ order }) => order)].reduce((a, b) => Math.max(a, b), 0);
  return {
    ...kept,
    params: kept.params.alias === undefined ? { ...kept.params, alias: aliasFromSeed(kept.params.seed) } : kept.params,
    channelId: channelIdOf(kept.funding),
    counters: { nextIn: head.signedIn, nextOut: head.signedOut, order: last },
    revocationOverdue: undefined,
    link: { status: 'offline' },
    keys: secretsOf(kept.params),
    nextLocalKeys: undefined,
    nextRemoteKeys: undefined,
  };
};

/** The content of the first commitments: the capacity is the funder's, less push_msat. */
export const firstSpec = ({ role, capacity, push, feerate }: Params): Spec => {
  const funder = toMsat(capacity) - push;
  const [toUs, toThem] = role === 'funder' ? [funder, push] : [push, funder];
  return { feerate, toUs, toThem, htlcs: [] };
};

/** The numbers of both sides at commitment 0. */
export const firstCommitmentState = (params: Params, remotePoint: CommitmentState['remotePoint']): CommitmentState => ({
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
  remotePoint: CommitmentState['remotePoint'],
  signatures: LocalSignatures,
  fundingTx: Uint8Array,
  features: ChannelFeatures,
): Core => ({
  ...withDerived({
    params,
    funding,
    head: firstCommitmentState(params, remotePoint),
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

/** No closing transaction was signed yet. */
export const noClosings: Closings = { signed: [], agreedAt: undefined, fellBack: false, refusedSince: undefined };

/** Whether we ever signed a closing with this id. */
export const isSignedClosing = ({ closings }: Pick<Core, 'closings'>, id: Txid): boolean =>
  closings.signed.some((one) => equal(one, id));

export const NO_SIGNATURE = signature(zeros(64));

/** Whether a channel came from a backup: its balances, and which commitment is the last one, are not known. */
export const isRecovered = ({ signatures }: Pick<Core, 'signatures'>): boolean =>
  equal(signatures.commitment, NO_SIGNATURE);
