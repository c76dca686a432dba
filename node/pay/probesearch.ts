/** The search for the most that reaches a destination in one HTLC: by halves, and at each amount over one route after the other. */

import type { Excluded, Exclusions, Route } from '../../amp/route.ts';
import { BADONION, NODE } from '../../onion/failuremessages.ts';
import { type Msat, msat, type Point } from '../../wire/units.ts';
import type { Probed } from './probes.ts';
import type { SendpayFailure } from './sendpayrecord.ts';

/** The search ends when what is carried and what is not are so close: a satoshi, or this part of the amount if that is more. */
const LEAST_GAP = 1_000n;
const GAP_PARTS = 1_000n;

export interface ProbeSearch {
  /** The most that was to be found. */
  readonly most: Msat;
  /** HTLCs at most. */
  readonly attempts: number;
  /** What no route may have from the beginning. */
  readonly avoid: Exclusions;
  /** Milliseconds that are left. */
  readonly left: () => number;
  /** The best route for an amount; undefined where there is none. */
  readonly route: (amount: Msat, avoid: Exclusions) => Route | undefined;
  readonly probe: (route: Route) => Promise<Probed>;
}

export interface ProbeFound {
  readonly attempts: readonly Probed[];
  /** The most that was carried, 0 if nothing was. */
  readonly carried: Msat;
  /** The least that was not; undefined where all was carried, or nothing is known. */
  readonly failed: Msat | undefined;
  /** Why the search ended before it was done. */
  readonly stopped: 'attempts' | 'time' | 'unreadable' | undefined;
}

/** What a failure says no route needs to be tried over; undefined where it says nothing. */
const lessonOf = (route: Route, failure: SendpayFailure): { excluded?: Excluded; node?: Point } | undefined => {
  if (failure.kind === 'unreadable') return undefined;
  const { index, code } = failure;
  const to = route[index];
  if (to === undefined) return undefined;
  const from = route[index - 1]?.node;
  if (from !== undefined && (code & NODE) !== 0) return { node: from };
  if (index > 0 && (code & BADONION) !== 0) return { node: to.node };
  return { excluded: { scid: to.scid, from, atLeast: to.amount } };
};

/** Whether an amount is carried, over any route that is still to be tried; `stopped` where that stays open. */
type Answer = 'carried' | 'failed' | NonNullable<ProbeFound['stopped']>;

/** Looks for the most that is carried, up to `most`. Never sends more than `attempts` HTLCs, nor begins one once no time is left. */
export const searchMost = async (search: ProbeSearch): Promise<ProbeFound> => {
  const done: Probed[] = [];
  let avoid = search.avoid;
  const isCarried = async (amount: Msat): Promise<Answer> => {
    for (;;) {
      const route = search.route(amount, avoid);
      if (route === undefined) return 'failed';
      if (done.length >= search.attempts) return 'attempts';
      if (search.left() <= 0) return 'time';
      const probed = await search.probe(route);
      done.push(probed);
      const { end } = probed;
      if (end.kind === 'carried') return 'carried';
      if (end.kind === 'no_answer') return 'time';
      const lesson = lessonOf(route, end.failure);
      if (lesson === undefined) return 'unreadable';
      const { excluded, node } = lesson;
      avoid = {
        nodes: node === undefined ? avoid.nodes : [...avoid.nodes, node],
        excluded: excluded === undefined ? avoid.excluded : [...avoid.excluded, excluded],
      };
    }
  };
  const part = search.most / GAP_PARTS;
  const gap = part > LEAST_GAP ? part : LEAST_GAP;
  let carried = 0n;
  let failed: bigint | undefined;
  let stopped: ProbeFound['stopped'];
  for (let amount: bigint = search.most; amount > carried; ) {
    const answer = await isCarried(msat(amount));
    if (answer === 'carried') carried = amount;
    else if (answer === 'failed') failed = amount;
    else {
      stopped = answer;
      break;
    }
    if (failed === undefined || failed - carried <= gap) break;
    amount = (carried + failed) / 2n;
  }
  const least = failed === undefined ? undefined : msat(failed);
  return { attempts: done, carried: msat(carried), failed: least, stopped };
};
