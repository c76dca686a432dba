/** Hands each event of a channel to the parts of the node that need it. */
import type { Backups } from '../backup/backups.ts';
import { coreOf, type Entry } from '../channels/entry.ts';
import type { ForgottenChannels } from '../channels/forgotten.ts';
import type { ChannelEventHandler } from '../channels/hostparts.ts';
import type { Reconnecting } from '../channels/reconnect.ts';
import type { HtlcSwitch } from '../forward/htlcswitch.ts';
import type { Wallet } from '../wallet/wallet.ts';

export interface ChannelEventsParts {
  readonly htlcSwitch: HtlcSwitch;
  readonly reconnecting: Reconnecting;
  readonly backups: Backups;
  readonly forgotten: ForgottenChannels;
  /** Announces the channel, or sends its channel_update to the peer. */
  readonly refresh: (entry: Entry) => void;
  readonly wallet: Pick<Wallet, 'stands'>;
  /** The store failed. */
  readonly fatal: (error: unknown) => void;
}

/** The channel is in use: should a reorg take its funding transaction out, the wallet broadcasts that again, even if it was given up before. */
const protectFunding = ({ machine }: Entry, { wallet, fatal }: Pick<ChannelEventsParts, 'wallet' | 'fatal'>): void => {
  const core = coreOf(machine.state);
  if (core !== undefined) wallet.stands(core.funding.txid).catch(fatal);
};

export const channelEvents =
  ({ htlcSwitch, reconnecting, backups, forgotten, refresh, wallet, fatal }: ChannelEventsParts): ChannelEventHandler =>
  (entry, event) => {
    switch (event.event) {
      case 'received':
        htlcSwitch.received(entry.key, event);
        break;
      case 'resolved':
        htlcSwitch.resolved(entry.key, event.id, event.origin, event.result);
        break;
      case 'offer_refused':
        htlcSwitch.refused(entry.key, event.origin, event.why);
        break;
      case 'settled':
        htlcSwitch.settled(entry.key, event.id);
        break;
      case 'opening':
        reconnecting.keepConnected(entry);
        backups.refresh();
        break;
      case 'ready':
        protectFunding(entry, { wallet, fatal });
        refresh(entry);
        break;
      case 'abandoned':
        if (event.pushed !== undefined) forgotten.remember(event.pushed);
        reconnecting.channelGone(entry);
        backups.refresh();
        break;
      case 'closed':
        reconnecting.channelGone(entry);
        backups.refresh();
        break;
      default:
        break;
    }
  };
