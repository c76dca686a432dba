/** Which part of the node a channel's event is for. */
import type { Backups } from './backup/backups.ts';
import type { Calling } from './channels/calling.ts';
import type { Entry } from './channels/entry.ts';
import type { Gifts } from './channels/gifts.ts';
import type { Switchboard } from './forward/switchboard.ts';
import type { Heard } from './hooks.ts';

export interface HeardParts {
  readonly switchboard: () => Switchboard;
  readonly calling: Calling;
  readonly backups: Backups;
  readonly gifts: Gifts;
  /** The channel can be announced, or its peer told its policy. */
  readonly refresh: (entry: Entry) => void;
}

export const heardBy =
  ({ switchboard, calling, backups, gifts, refresh }: HeardParts): Heard =>
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
