/**
 * Takes channels out of the graph that both ends have left: no policy of theirs was renewed for two weeks (BOLT 7, "Pruning on Stale
 * Entries"). They were not used before, but they take memory and one of the places that a graph has.
 */
import type { Point, ShortChannelId } from '../../wire/units.ts';
import { shortChannelId } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';
import { type Graph, isFresh, nodeKey } from './graph.ts';
import { newestTimestamp } from './wanted.ts';

/** Milliseconds between two looks, and before the first: by then a node that was away has heard what was renewed meanwhile. */
export const SWEEP_MS = 3_600_000;
/** Most channels that one look takes out, so that it takes little time. */
export const MOST_SWEPT = 1_000;
/** Seconds within which something must have come: a graph in which nothing is new says more of this node, or its clock, than of others. */
const HEARD_SECONDS = 24 * 3_600;

export interface StaleChannelsParts {
  readonly graph: Graph;
  /** Ourselves, whose channels stay. */
  readonly id: Point;
  /** Unix seconds. */
  readonly now: () => number;
  readonly log: Log;
  /** Told of a channel that is gone, and the newest timestamp of its policies. */
  readonly onRemoved: (scid: ShortChannelId, timestamp: number) => void;
}

/** Takes such channels out of the graph, a limited number at once, and returns how many. */
export const removeStale = ({ graph, id, now, log, onRemoved }: StaleChannelsParts): number => {
  const { compact } = graph;
  if (newestTimestamp(graph, now()) < now() - HEARD_SECONDS) return 0;
  const us = compact.nodeNumber(nodeKey(id));
  let removed = 0;
  for (let channel = 0; channel < compact.channelsEnd && removed < MOST_SWEPT; channel++) {
    const directions = [2 * channel, 2 * channel + 1];
    const told = directions.filter((direction) => compact.told[direction] === 1);
    // Without any policy there is nothing that says how old it is; a number that is free has none, either.
    if (told.length === 0 || (us !== undefined && directions.some((direction) => compact.from[direction] === us)))
      continue;
    const timestamp = Math.max(...told.map((direction) => compact.timestamp[direction] ?? 0));
    if (isFresh({ timestamp }, now())) continue;
    const scid = shortChannelId(compact.scids[channel] ?? 0n);
    graph.removeChannel(scid);
    onRemoved(scid, timestamp);
    removed++;
  }
  if (removed > 0)
    log.debug({ removed }, 'channels whose policies nobody renewed for two weeks are gone from the graph');
  return removed;
};

/** Takes such channels out of the graph from time to time; `later` runs something after that many milliseconds. */
export const sweepStale = (parts: StaleChannelsParts, later: (ms: number, run: () => void) => void): void =>
  later(SWEEP_MS, () => {
    sweepStale(parts, later);
    removeStale(parts);
  });
