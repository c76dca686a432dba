/** A peer that may be asked for gossip, and which of several is asked before the others. */
import type { Message } from '../../wire/message.ts';
import type { Point } from '../../wire/units.ts';

/** A peer that offers `gossip_queries`. */
export interface SyncPeer {
  readonly id: Point;
  /** It offers `gossip_queries_ex` as well. */
  readonly extended: boolean;
  /** This node connected to it; not the other way round. */
  readonly isDialled: boolean;
  send(message: Message): void;
}

const rankOf = ({ isDialled, extended }: SyncPeer): number => (isDialled ? 2 : 0) + (extended ? 1 : 0);

/**
 * The order in which peers are asked: first those that this node chose itself, since anybody can connect to it as often as there is
 * room and show it a network of his own; among them those that can say what changed.
 */
export const inOrder = (a: { readonly peer: SyncPeer }, b: { readonly peer: SyncPeer }): number =>
  rankOf(b.peer) - rankOf(a.peer);
