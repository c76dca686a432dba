/**
 * Whether there is any way for an amount, before the cheapest one is looked for: from both ends at once, so that an end from which little
 * can be reached says no after little work. Fees, delays, the number of hops and what channels take at least do not count.
 */
import { type CompactGraph, NONE } from './compact.ts';
import { CLOSED, type SearchTerms } from './search.ts';

/** What the answer depends on. */
export type ConnectionTerms = Pick<
  SearchTerms,
  'source' | 'target' | 'nodes' | 'amount' | 'staleSince' | 'avoided' | 'extras' | 'special' | 'ceiling'
>;

/** One end, and what was reached from it. */
class Side {
  queue = new Int32Array(0);
  size = 0;
  /** Of `queue`: how many were looked at. */
  done = 0;
  /** Directions looked at, for the two sides to do the same work. */
  work = 0;
  /** By node, the ways in or out that are not in the graph. */
  readonly beside = new Map<number, number[]>();

  begin(nodes: number): void {
    if (this.queue.length < nodes) this.queue = new Int32Array(Math.max(nodes, 2 * this.queue.length));
    this.size = 0;
    this.done = 0;
    this.work = 0;
    this.beside.clear();
  }

  add(at: number, next: number): void {
    const known = this.beside.get(at);
    if (known === undefined) this.beside.set(at, [next]);
    else known.push(next);
  }
}

/** Answers for one graph, one question after another; what it needs of memory stays for the next. */
export class Connection {
  private readonly graph: CompactGraph;
  private readonly ahead = new Side();
  private readonly back = new Side();
  /** By node: the number of the question in which a side reached it last, times 2, and 1 more for the side of the target. */
  private reached = new Uint32Array(0);
  private run = 0;

  constructor(graph: CompactGraph) {
    this.graph = graph;
  }

  private begin({ nodes, source, amount, avoided, extras }: ConnectionTerms): void {
    const { ahead, back } = this;
    this.run++;
    if (this.reached.length < nodes || this.run >= 2 ** 31) {
      this.reached = new Uint32Array(Math.max(nodes, 2 * this.reached.length));
      this.run = 1;
    }
    ahead.begin(nodes);
    back.begin(nodes);
    for (const { from, to, ceiling } of extras) {
      if (amount > ceiling || (from !== source && avoided.has(from))) continue;
      ahead.add(from, to);
      back.add(to, from);
    }
  }

  /** Whether the other side was there before. */
  private reach(side: Side, node: number): boolean {
    const own = 2 * this.run + (side === this.back ? 1 : 0);
    const mark = this.reached[node] ?? 0;
    if (mark === own) return false;
    if (mark >>> 1 === this.run) return true;
    this.reached[node] = own;
    side.queue[side.size++] = node;
    return false;
  }

  /** Takes the next node of a side. Whether the sides have met. */
  private step(side: Side, terms: ConnectionTerms): boolean {
    const { graph, back } = this;
    const { source, amount, staleSince, avoided, special } = terms;
    const node = side.queue[side.done++] ?? NONE;
    side.work++;
    for (const next of side.beside.get(node) ?? []) if (this.reach(side, next)) return true;
    if (node >= graph.nodesEnd) return false;
    const { from: fromOf, nextFrom, enabled, maximum, timestamp } = graph;
    const turn = side === back ? 1 : 0;
    // Our own channels are used as extra edges only. What leads away from a node has that node's terms.
    if (turn === 0 && (node === source || avoided.has(node) || graph.unknownFeature[node] === 1)) return false;
    for (let away = graph.first[node] ?? NONE; away !== NONE; away = nextFrom[away] ?? NONE) {
      side.work++;
      const direction = away ^ turn;
      const top = maximum[direction] ?? 0;
      if (enabled[direction] === 0 || amount > top) continue;
      const next = fromOf[away ^ 1] ?? NONE;
      // A node that two ways lead to is looked at once.
      if (this.reached[next] === 2 * this.run + turn) continue;
      if (turn === 1 && (next === source || graph.unknownFeature[next] === 1 || avoided.has(next))) continue;
      const channel = direction >> 1;
      if ((timestamp[direction] ?? 0) <= staleSince || graph.hasUnknownFeature(channel)) continue;
      const marks = special[channel] ?? 0;
      if (marks !== 0 && ((marks & CLOSED) !== 0 || amount > terms.ceiling(direction, top))) continue;
      if (this.reach(side, next)) return true;
    }
    return false;
  }

  /** False only where `Search.cheapest` finds no way for the amount, nor for a larger one, whatever it may cost. */
  exists(terms: ConnectionTerms): boolean {
    this.begin(terms);
    const { ahead, back } = this;
    if (this.reach(ahead, terms.source) || this.reach(back, terms.target)) return true;
    while (ahead.done < ahead.size && back.done < back.size)
      if (this.step(ahead.work <= back.work ? ahead : back, terms)) return true;
    return false;
  }
}
