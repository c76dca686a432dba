/** The links between nodes in a line, and the Transport each node has of them: a node's port number is its place in the line. */
import type { Connection, Transport } from '../../node/ports/ports.ts';
import { addressOf, placeOf } from './names.ts';
import { type Muting, Pipe } from './pipe.ts';

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

/** What becomes of a chunk that one side of a link sends: what goes on in its place, and what its sender hears at once. */
export interface Altered {
  readonly on: readonly Uint8Array[];
  readonly back: readonly Uint8Array[];
}

export class Wires {
  readonly links: readonly Link[];
  /** Senders that do not respond, by link and side. */
  readonly mutings = new Map<string, Muting>();
  /** Somebody on the line who changes what is said. */
  alter: ((link: number, side: 0 | 1, chunk: Uint8Array) => Altered | undefined) | undefined;
  private readonly listeners = new Map<number, Accept>();

  constructor(nodes: number) {
    this.links = Array.from({ length: nodes - 1 }, () => ({ up: true, calls: [] }));
  }

  /** What a process on this node is given; `hangUp` ends with it. */
  transport(node: number): Transport {
    return {
      dial: async (address) => {
        const target = placeOf(address);
        const at = Math.min(node, target);
        const link = this.links[at];
        const accept = this.listeners.get(target);
        if (link === undefined || !link.up || Math.abs(node - target) !== 1 || accept === undefined)
          throw new Error('nobody answers');
        const left = new Pipe(() => this.mutings.get(`${at}/0`));
        const right = new Pipe(() => this.mutings.get(`${at}/1`));
        link.calls.push({ pipes: [left, right] });
        const ends = [this.end(at, 0, left, right), this.end(at, 1, right, left)] as const;
        const [ours, theirs] = node < target ? ends : [ends[1], ends[0]];
        accept(theirs);
        return ours;
      },
      listen: async (address, accept) => {
        this.listeners.set(node, accept);
        return { address, close: async () => void this.listeners.delete(node) };
      },
    };
  }

  private end(link: number, side: 0 | 1, out: Pipe, into: Pipe): Connection {
    return {
      remote: addressOf(link + 1 - side),
      received: { [Symbol.asyncIterator]: () => into.read() },
      send: async (chunk) => {
        const { on, back } = this.alter?.(link, side, chunk) ?? { on: [chunk], back: [] };
        for (const one of on) out.push(one);
        for (const one of back) into.push(one);
      },
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
