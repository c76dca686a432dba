/**
 * One node of a model: its disk, which stays, and the process that runs on it, which may die at any moment. The process is the
 * node's own composition (node/core/node.ts) over ports that the model holds in its hands.
 */
import { type Node, startNode } from '../../node/core/node.ts';
import type { Log } from '../../node/ports/ports.ts';
import { gossipFilesInMemory, type MemoryDisk } from '../../node/store/gossipfiles.ts';
import { u32be, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { sha256 } from '../../wire/crypto.ts';
import { chainPort } from './chainport.ts';
import { Disk } from './disk.ts';
import type { Ledger } from './ledger.ts';
import { configOf, names } from './names.ts';
import type { Time } from './time.ts';
import type { Wires } from './wires.ts';

/** What all nodes of a run share. */
export interface Surroundings {
  readonly ledger: Ledger;
  readonly time: Time;
  readonly wires: Wires;
  readonly feerate: () => number;
  /** Whether a node does nothing by itself just now. */
  readonly sleeps: (node: number) => boolean;
  /** Whether a node's chain does not answer it. */
  readonly withoutChain: (node: number) => boolean;
  /** A line of a node's log. */
  readonly said: (node: string, level: string, fields: object, message: string) => void;
  /** A transaction a node gave to the chain. */
  readonly sent: (node: number, raw: Uint8Array, refused: string | undefined) => void;
  /** Something became durable. */
  readonly written: (node: number, change: Change) => void;
  /** A node stopped by itself: never right. */
  readonly broke: (node: string, error: unknown) => void;
}

/** One life of a node. */
interface Life {
  alive: boolean;
  /** Once it has started. */
  node: Node | undefined;
  readonly end: () => void;
}

const logOf = (
  name: string,
  said: Surroundings['said'],
  alive: () => boolean,
  broke: (error: unknown) => void,
): Log => {
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      if (alive()) said(name, level, fields, message);
    };
  const log: Log = {
    trace: () => undefined,
    isTracing: () => false,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: (fields, message) => {
      at('error')(fields, message);
      // An error inside the node is contained in one part of it, and a mistake all the same.
      if (alive() && 'internal' in fields) broke('error' in fields ? fields.error : message);
    },
    child: () => log,
  };
  return log;
};

export class Site {
  readonly place: number;
  readonly name: string;
  readonly disk: Disk;
  private readonly gossip: MemoryDisk = new Map();
  private readonly around: Surroundings;
  private life: Life | undefined;
  /** How often a process was started here. */
  lives = 0;

  constructor(place: number, around: Surroundings, records: ReadonlyMap<string, Uint8Array>) {
    this.place = place;
    this.name = names[place] ?? `${place}`;
    this.around = around;
    this.disk = new Disk(records, (change) => around.written(place, change));
  }

  /** The node, while it runs and has come up. */
  get node(): Node | undefined {
    return this.life?.node;
  }

  get isDown(): boolean {
    return this.life === undefined;
  }

  /** Starts a process from the disk. It comes up as far as its commits become durable. */
  start(): void {
    const { around, place, name, disk } = this;
    const clock = around.time.clock(() => around.sleeps(place));
    const alive = (): boolean => life.alive;
    const chain = chainPort({
      ledger: around.ledger,
      feerate: around.feerate,
      alive,
      away: () => around.withoutChain(place),
      mute: () => around.sleeps(place),
      sent: (raw, refused) => around.sent(place, raw, refused),
    });
    const life: Life = {
      alive: true,
      node: undefined,
      end: () => {
        clock.end();
        chain.end();
      },
    };
    this.life = life;
    const seed = utf8(`${name} ${this.lives++}`);
    let drawn = 0;
    const broke = (error: unknown): void => {
      if (life.alive) around.broke(name, error);
    };
    startNode({
      config: configOf(place),
      ports: {
        chain,
        store: disk.store(),
        gossip: gossipFilesInMemory(this.gossip),
        transport: around.wires.transport(place),
        clock,
        entropy: { bytes: (length) => sha256(seed, u32be(drawn++)).slice(0, length) },
        log: logOf(name, around.said, alive, broke),
      },
      onFailure: broke,
    }).then((node) => {
      life.node = node;
    }, broke);
  }

  /** The process dies between two steps: what is not durable is gone, and of its messages what is not out. */
  kill(lose: boolean): void {
    const { life } = this;
    if (life === undefined) return;
    life.alive = false;
    life.end();
    this.life = undefined;
    this.disk.crash();
    this.around.wires.hangUp(this.place, lose);
  }
}
