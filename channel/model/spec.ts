/**
 * Who owns what in a commitment: a fold over the updates that it contains (BOLT 2, "Normal Operation"). No cryptography and
 * no transaction here; those are derived from a spec. An update is in a commitment from the number in its marks on.
 */
import type { Core, Htlc, UpdateMarks } from './state.ts';

/** Balances in millisatoshi; negative where HTLCs exceed the balance, which limits.ts refuses. */
export interface Spec {
  readonly feerate: number;
  readonly toUs: bigint;
  readonly toThem: bigint;
  readonly htlcs: readonly Htlc[];
}

/** Whose update it is: the offerer adds an HTLC, the other side removes it; the funder changes the feerate. */
export type UpdateBy = 'us' | 'them';

/** Selects the updates that one commitment contains. */
export type CommitmentView = (by: UpdateBy, marks: UpdateMarks) => boolean;

/** Those in our commitment of that number. */
export const inLocal =
  (number: number): CommitmentView =>
  (_, { local }) =>
    local !== undefined && local <= number;

/** Those in the peer's commitment of that number. */
export const inRemote =
  (number: number): CommitmentView =>
  (_, { remote }) =>
    remote !== undefined && remote <= number;

/** Those that our next commitment will contain: all the peer's, and ours once the peer has revoked what came before. */
export const inNextLocal =
  (revokedTo: number): CommitmentView =>
  (by, { local, remote }) =>
    by === 'them' || local !== undefined || (remote !== undefined && remote <= revokedTo);

/** Those that the peer's next commitment will contain: all ours, and the peer's once we have revoked what came before. */
export const inNextRemote: CommitmentView = (by, { local, remote }) =>
  by === 'us' || remote !== undefined || local !== undefined;

const addedBy = { in: 'them', out: 'us' } as const;
const endedBy = { in: 'us', out: 'them' } as const;

/** Whether a view contains an HTLC's add and its removal. */
export const htlcStatus = (view: CommitmentView, { way, added, removal }: Htlc): 'absent' | 'open' | 'ended' => {
  if (!view(addedBy[way], added)) return 'absent';
  return removal !== undefined && view(endedBy[way], removal.marks) ? 'ended' : 'open';
};

/** The feerate of the commitment that a view is of. */
export const feerateOf = (
  { head, params, fees }: Pick<Core, 'head' | 'params' | 'fees'>,
  view: CommitmentView,
): number => {
  const feesBy = params.role === 'funder' ? 'us' : 'them';
  return fees.findLast(({ marks }) => view(feesBy, marks))?.feerate ?? head.feerate;
};

/** The content of the commitment that contains these updates. */
export const specOf = (
  { head, params, incoming, outgoing, fees }: Pick<Core, 'head' | 'params' | 'incoming' | 'outgoing' | 'fees'>,
  view: CommitmentView,
): Spec => {
  const htlcs: Htlc[] = [];
  let { toUs } = head;
  let toThem = params.capacity * 1000n - toUs;
  for (const htlc of outgoing.values()) {
    const where = htlcStatus(view, htlc);
    if (where === 'absent') continue;
    if (where === 'open') {
      toUs -= htlc.amount;
      htlcs.push(htlc);
    } else if (htlc.removal?.ending.kind === 'fulfill') {
      toUs -= htlc.amount;
      toThem += htlc.amount;
    }
  }
  for (const htlc of incoming.values()) {
    const where = htlcStatus(view, htlc);
    if (where === 'absent') continue;
    if (where === 'open') {
      toThem -= htlc.amount;
      htlcs.push(htlc);
    } else if (htlc.removal?.ending.kind === 'fulfill') {
      toThem -= htlc.amount;
      toUs += htlc.amount;
    }
  }
  return { feerate: feerateOf({ head, params, fees }, view), toUs, toThem, htlcs };
};
