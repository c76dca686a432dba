/** Where announced nodes can be reached (BOLT 7, "The node_announcement Message"). */
import { decodeMessage } from '../../wire/message.ts';
import type { Point } from '../../wire/units.ts';
import { hostOf } from '../peer/descriptors.ts';
import type { Address } from '../ports/ports.ts';
import { type Graph, nodeKey } from './graph.ts';

/** Addresses of a node that are dialled and remembered: it may announce thousands, and be at none of them. */
const MOST_DIALLED = 12;

/**
 * The addresses a node announces that can be dialled from here: none of a node that demands features nobody here knows, none
 * without a port, of several hostnames the first, and no more than can be of use.
 */
export const announcedAddresses = (graph: Graph, peer: Point): readonly Address[] => {
  const node = graph.node(nodeKey(peer));
  if (node === undefined || node.demand !== undefined) return [];
  const announcement = decodeMessage(node.raw);
  if (announcement.name !== 'node_announcement') return [];
  let named = false;
  const found = announcement.addresses.flatMap((address) => {
    const host = hostOf(address);
    if (host === undefined || address.type === 'unknown' || address.port === 0) return [];
    if (address.type === 'dns' && named) return [];
    named ||= address.type === 'dns';
    return [{ host, port: address.port }];
  });
  return found.slice(0, MOST_DIALLED);
};
