/** Which part of the node a channel's event is for. */
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
  /** The channel can be announced, or its peer told its policy. */
  readonly refresh: (entry: Entry) => void;
  readonly wallet: Pick<Wallet, 'stands'>;
  /** The store failed. */
  readonly fatal: (error: unknown) => void;
}

/** Both sides have put money on its funding: should a reorg take that out, it is to come back, though it was given up before. */
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
        if (event.gift !== undefined) forgotten.remember(event.gift);
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
