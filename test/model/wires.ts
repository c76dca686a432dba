/** The links between nodes in a line, and the Transport each node has of them: a node's port number is its place in the line. */
import type { Connection, Transport } from '../../node/ports.ts';
import { addressOf, placeOf } from './names.ts';
import { Pipe } from './pipe.ts';

/** A connection over a link: the pipe from the left node and the pipe from the right one. */
interface Call {
  readonly pipes: readonly [fromLeft: Pipe, fromRight: Pipe];
}

/** Between a node and its right neighbour. */
export interface Link {
  up: boolean;
  readonly calls: Call[];
}

type Accept = (connection: Connection) => void;

export class Wires {
  readonly links: readonly Link[];
  private readonly listeners = new Map<number, Accept>();

  constructor(nodes: number) {
    this.links = Array.from({ length: nodes - 1 }, () => ({ up: true, calls: [] }));
  }

  /** What a process on this node is given; `hangUp` ends with it. */
  transport(node: number): Transport {
    return {
      dial: async (address) => {
        const target = placeOf(address);
        const link = this.links[Math.min(node, target)];
        const accept = this.listeners.get(target);
        if (link === undefined || !link.up || Math.abs(node - target) !== 1 || accept === undefined)
          throw new Error('nobody answers');
        const left = new Pipe();
        const right = new Pipe();
        link.calls.push({ pipes: [left, right] });
        const ours = node < target ? this.end(left, right, target) : this.end(right, left, target);
        accept(node < target ? this.end(right, left, node) : this.end(left, right, node));
        return ours;
      },
      listen: async (address, accept) => {
        this.listeners.set(node, accept);
        return { address, close: async () => void this.listeners.delete(node) };
      },
    };
  }

  private end(out: Pipe, into: Pipe, remote: number): Connection {
    return {
      remote: addressOf(remote),
      received: { [Symbol.asyncIterator]: () => into.read() },
      send: async (chunk) => out.push(chunk),
      close: () => {
        out.close();
        into.cut();
      },
    };
  }

  /** The pipes from one side of a link that still carry something. */
  private pipes(link: number, side: 0 | 1): readonly Pipe[] {
    return (this.links[link]?.calls ?? []).map(({ pipes }) => pipes[side]).filter(({ over }) => !over);
  }

  /** Chunks under way from one side of a link. */
  waiting(link: number, side: 0 | 1): readonly Uint8Array[] {
    return this.pipes(link, side).flatMap(({ waiting }) => waiting);
  }

  deliver(link: number, side: 0 | 1, count: number): void {
    for (const pipe of this.pipes(link, side)) pipe.deliver(count);
    this.sweep(link);
  }

  /** Loses everything on a link, and both ends know. */
  cut(link: number): void {
    for (const side of [0, 1] as const) for (const pipe of this.pipes(link, side)) pipe.cut();
    this.sweep(link);
  }

  /** The process on a node is dead. What it sent before may still arrive, unless `lose`. */
  hangUp(node: number, lose: boolean): void {
    this.listeners.delete(node);
    for (const [link, mine] of [
      [node - 1, 1],
      [node, 0],
    ] as const) {
      for (const pipe of this.pipes(link, mine)) {
        if (lose) pipe.cut();
        else pipe.close();
      }
      for (const pipe of this.pipes(link, mine === 0 ? 1 : 0)) pipe.cut();
      this.sweep(link);
    }
  }

  private sweep(link: number): void {
    const calls = this.links[link]?.calls;
    const open = calls?.filter(({ pipes }) => pipes.some(({ over }) => !over)) ?? [];
    calls?.splice(0, calls.length, ...open);
  }
}
