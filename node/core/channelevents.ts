/** Which part of the node a channel's event is for. */
import type { Backups } from '../backup/backups.ts';
import { coreOf, type Entry } from '../channels/entry.ts';
import type { Gifts } from '../channels/forgotten.ts';
import type { Calling } from '../channels/reconnect.ts';
import type { Switchboard } from '../forward/switchboard.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { Heard } from './hooks.ts';

export interface HeardParts {
  readonly switchboard: () => Switchboard;
  readonly calling: Calling;
  readonly backups: Backups;
  readonly gifts: Gifts;
  /** The channel can be announced, or its peer told its policy. */
  readonly refresh: (entry: Entry) => void;
  readonly wallet: Pick<Wallet, 'stands'>;
  /** The store failed. */
  readonly fatal: (error: unknown) => void;
}

/** Both sides have put money on its funding: should a reorg take that out, it is to come back, though it was given up before. */
const inUse = ({ machine }: Entry, { wallet, fatal }: Pick<HeardParts, 'wallet' | 'fatal'>): void => {
  const core = coreOf(machine.state);
  if (core !== undefined) wallet.stands(core.funding.txid).catch(fatal);
};

export const heardBy =
  ({ switchboard, calling, backups, gifts, refresh, wallet, fatal }: HeardParts): Heard =>
  (entry, event) => {
    switch (event.event) {
      case 'received':
        switchboard().received(entry.key, event);
        break;
      case 'resolved':
        switchboard().resolved(entry.key, event.id, event.origin, event.result);
        break;
      case 'offer_refused':
        switchboard().refused(entry.key, event.origin, event.why);
        break;
      case 'settled':
        switchboard().settled(entry.key, event.id);
        break;
      case 'opening':
        calling.keep(entry);
        backups.refresh();
        break;
      case 'ready':
        inUse(entry, { wallet, fatal });
        refresh(entry);
        break;
      case 'abandoned':
        if (event.gift !== undefined) gifts.remember(event.gift);
        calling.forget(entry);
        backups.refresh();
        break;
      case 'closed':
        calling.forget(entry);
        backups.refresh();
        break;
      default:
        break;
    }
  };
