/** Every attack there is, by name. A new one is a function in one of these files and a row here. */
import type { Attack } from '../attacker.ts';
import { httpUnread, socketUnread, upgradesRefused, webSocketUnread } from './api.ts';
import {
  allIds,
  fatNodes,
  filtersRead,
  filtersUnread,
  ghosts,
  rangeQueries,
  sameGhost,
  sameIds,
  updates,
} from './gossip.ts';
import { failingHtlcs, heldSets } from './htlcs.ts';
import { halfOpenings, proposals } from './openings.ts';
import {
  complaints,
  garbage,
  halfHandshakes,
  pingsRead,
  pingsShort,
  pingsUnread,
  restless,
  silent,
  speechless,
  strangeChannels,
  unknownMessages,
} from './peers.ts';

export const attacks = {
  'pings unread': pingsUnread,
  'pings read': pingsRead,
  'short pings': pingsShort,
  silent,
  'half handshakes': halfHandshakes,
  speechless,
  restless,
  garbage,
  complaints,
  'unknown messages': unknownMessages,
  'strange channels': strangeChannels,
  'filters unread': filtersUnread,
  'filters read': filtersRead,
  'range queries': rangeQueries,
  'one id again and again': sameIds,
  'all ids': allIds,
  ghosts,
  'one ghost': sameGhost,
  updates,
  'fat nodes': fatNodes,
  proposals,
  'half openings': halfOpenings,
  'failing HTLCs': failingHtlcs,
  'held sets': heldSets,
  'socket unread': socketUnread,
  'HTTP unread': httpUnread,
  'upgrades refused': upgradesRefused,
  'WebSocket unread': webSocketUnread,
} as const satisfies Readonly<Record<string, Attack>>;

/** Those that need a channel of their own first. */
export const fromChannels: ReadonlySet<string> = new Set<AttackName>(['failing HTLCs', 'held sets']);

export type AttackName = keyof typeof attacks;
export const attackNames = Object.keys(attacks) as readonly AttackName[];
export const isAttack = (name: string): name is AttackName => Object.hasOwn(attacks, name);
