/** Core Lightning's names for where a channel stands. */
import type { ChannelState, Funded } from '../../../../channel/model/state.ts';
import { broadcastsCommitment } from '../../../../channel/phases/exits.ts';
import { isReady } from '../../../../channel/rules/lockin.ts';

/** Core Lightning's names for where a channel stands. */
export const channelStates = [
  'OPENINGD',
  'CHANNELD_AWAITING_LOCKIN',
  'CHANNELD_NORMAL',
  'CHANNELD_SHUTTING_DOWN',
  'CLOSINGD_SIGEXCHANGE',
  'CLOSINGD_COMPLETE',
  'AWAITING_UNILATERAL',
  'FUNDING_SPEND_SEEN',
  'ONCHAIN',
] as const;

export type StateName = (typeof channelStates)[number];

/** What `listpeerchannels` and `listfunds` say of a state. */
export const stateName = (state: ChannelState): StateName => {
  switch (state.phase) {
    case 'open': {
      const { core, shutdown } = state;
      if (shutdown.ours !== undefined || shutdown.theirs !== undefined) return 'CHANNELD_SHUTTING_DOWN';
      return isReady(core) ? 'CHANNELD_NORMAL' : 'CHANNELD_AWAITING_LOCKIN';
    }
    case 'negotiating':
      return state.agreed === undefined ? 'CLOSINGD_SIGEXCHANGE' : 'CLOSINGD_COMPLETE';
    case 'failed':
      return state.agreed === undefined || broadcastsCommitment(state) ? 'AWAITING_UNILATERAL' : 'CLOSINGD_COMPLETE';
    case 'onchain':
      // Until the chain has told of the spend in this run, a reorg may have taken it while we were away.
      return state.chainView.confirmed ? 'ONCHAIN' : 'FUNDING_SPEND_SEEN';
    case 'closed':
      return 'ONCHAIN';
    default:
      return 'OPENINGD';
  }
};

/** Who closes, or closed, a channel: who began a mutual close, or whose commitment it is. */
export const closerOf = (state: Funded): 'local' | 'remote' | undefined => {
  const began = { us: 'local', peer: 'remote' } as const;
  const { by } = state.core.closingSince ?? {};
  const together = by && began[by];
  switch (state.phase) {
    case 'open':
    case 'negotiating':
      return together;
    case 'failed':
      if (state.outdated) return 'remote';
      return broadcastsCommitment(state) ? 'local' : together;
    case 'onchain':
    case 'closed':
      if (state.by === 'mutual') return together;
      return state.by === 'local' ? 'local' : 'remote';
  }
};

/** Counted as active by `getinfo`: payments may flow, or could if the peer were there. */
export const isActive = (state: ChannelState): boolean => stateName(state) === 'CHANNELD_NORMAL';
