/** What one attacker knows and can do, whatever its attack is. */
import type { Socket } from 'node:net';
import { chacha20Stream, sha256 } from '../../wire/crypto.ts';
import type { SecretKey, ShortChannelId } from '../../wire/units.ts';
import { type Dialled, dial, type Hearing, keyOf, type Line, meet, openSocket, type Place } from './line.ts';

/** What all attackers know. */
export interface World {
  readonly target: Dialled;
  /** The API of the node: its unix socket, its port, and the token that opens it. */
  readonly api: { readonly socket: string; readonly place: Place; readonly token: string };
  readonly chain: Place & { readonly user: string; readonly password: string };
  /** The public graph, by short_channel_id. */
  readonly channels: readonly ShortChannelId[];
  readonly seed: string;
}

/** What was done to the node, by kind of attack. */
export interface Done {
  connections: number;
  messages: number;
}

/** Runs until the process of the attacker is ended. */
export type Attack = (attacker: Attacker) => Promise<void>;

/** Milliseconds before somebody who was turned away comes again. */
const patience = 50;
/** Milliseconds after which a connection on which nothing moves is left alone for another. */
const tired = 20_000;

export class Attacker {
  readonly world: World;
  readonly number: number;
  readonly done: Done = { connections: 0, messages: 0 };
  private drawn = 0;

  constructor(world: World, number: number) {
    this.world = world;
    this.number = number;
  }

  /** An address of this machine that is this attacker's alone, where the system has such; others share the usual one. */
  get from(): string | undefined {
    return process.platform === 'linux' ? `127.0.1.${1 + (this.number % 250)}` : undefined;
  }

  /** One of this attacker's identities. */
  key(n: number): SecretKey {
    return keyOf(`${this.world.seed}/${this.number}/${n}`);
  }

  /** Bytes that follow from the seed. */
  bytes(length: number): Uint8Array {
    const key = sha256(new TextEncoder().encode(`${this.world.seed}/${this.number}/bytes ${this.drawn++}`));
    return length <= 32 ? key.slice(0, length) : chacha20Stream(key, length);
  }

  /** Some number below a bound. */
  below(bound: number): number {
    const [a = 0, b = 0, c = 0] = this.bytes(3);
    return ((a << 16) | (b << 8) | c) % bound;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Does something again and again, so many at a time, with a rest after each that could not be done. */
  async again(together: number, attempt: (n: number) => Promise<boolean>): Promise<void> {
    await Promise.all(
      Array.from({ length: together }, async (_, first) => {
        for (let n = first; ; n += together) if (!(await attempt(n))) await this.wait(patience);
      }),
    );
  }

  /** Keeps up so many sockets on which nothing is said but what `use` says; each is waited for until it ends. */
  async sockets(together: number, use: (socket: Socket, n: number) => Promise<void>): Promise<void> {
    await this.again(together, async (n) => {
      const socket = await openSocket(this.world.target, this.from);
      if (socket === undefined) return false;
      this.done.connections++;
      const ended = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      await use(socket, n);
      await ended;
      return true;
    });
  }

  /** Keeps up so many connections, `init` said unless told; each is used until it ends. */
  async lines(
    together: number,
    hearing: (n: number) => Hearing,
    use: (line: Line, n: number) => Promise<void>,
    greet = true,
  ): Promise<void> {
    await this.again(together, async (n) => {
      const line = await (greet ? meet : dial)(this.world.target, this.key(n), hearing(n), this.from);
      if (line === undefined) return false;
      this.done.connections++;
      await use(line, n);
      await line.ended;
      return true;
    });
  }

  /** Says what is made, batch after batch, as fast as it is taken; gives up a connection that takes nothing any more. */
  async flood(line: Line, make: () => readonly Uint8Array[], pause = 0): Promise<void> {
    let moved = Date.now();
    const watch = setInterval(() => {
      if (Date.now() - moved > tired) line.end();
    }, 1000);
    while (!line.closed) {
      const batch = make();
      await line.say(batch);
      this.done.messages += batch.length;
      moved = Date.now();
      if (pause > 0) await this.wait(pause);
    }
    clearInterval(watch);
  }
}

/** A message so many times over. */
export const times = (count: number, message: Uint8Array): readonly Uint8Array[] => Array(count).fill(message);
