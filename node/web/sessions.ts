/**
 * Who may see the page: whoever came by a link that was made here and not used before. The link is exchanged for a cookie, and what
 * stands in the browser's history or on a terminal opens nothing any more.
 */
import { hex } from '../../wire/bytes.ts';
import type { Clock, Entropy } from '../ports/ports.ts';

/** Milliseconds that a link waits for being used. */
const LINK_LASTS = 60 * 60_000;
/** Milliseconds that a session lasts without being used. */
const SESSION_LASTS = 24 * 60 * 60_000;
/** Links that wait, and sessions, at the same time; a new one takes the place of the oldest. */
const MOST = 16;

/** Secrets, each with the time at which it is forgotten. */
class Secrets {
  private readonly until = new Map<string, number>();
  private readonly clock: Pick<Clock, 'now'>;
  private readonly lasts: number;

  constructor(clock: Pick<Clock, 'now'>, lasts: number) {
    this.clock = clock;
    this.lasts = lasts;
  }

  add(secret: string): void {
    this.until.set(secret, this.clock.now() + this.lasts);
    const oldest = this.until.size > MOST ? this.until.keys().next().value : undefined;
    if (oldest !== undefined) this.until.delete(oldest);
  }

  has(secret: string): boolean {
    return (this.until.get(secret) ?? Number.NEGATIVE_INFINITY) >= this.clock.now();
  }

  delete(secret: string): void {
    this.until.delete(secret);
  }
}

export class Sessions {
  private readonly links: Secrets;
  private readonly cookies: Secrets;
  private readonly entropy: Entropy;

  constructor(clock: Pick<Clock, 'now'>, entropy: Entropy) {
    this.links = new Secrets(clock, LINK_LASTS);
    this.cookies = new Secrets(clock, SESSION_LASTS);
    this.entropy = entropy;
  }

  private secret(bytes: number): string {
    return hex(this.entropy.bytes(bytes));
  }

  /** The secret part of a new link: 32 hex digits, so that the link fits a line of a terminal; good for one use within an hour. */
  newLink(): string {
    const link = this.secret(16);
    this.links.add(link);
    return link;
  }

  /** The secret of a new session, 64 hex digits, in exchange for a link; undefined where the link is no good, or no more. */
  exchange(link: string): string | undefined {
    if (!this.links.has(link)) return undefined;
    this.links.delete(link);
    const session = this.secret(32);
    this.cookies.add(session);
    return session;
  }

  /** Whether this is the secret of a session, which then lasts on. */
  admits(session: string): boolean {
    if (!this.cookies.has(session)) return false;
    this.cookies.delete(session);
    this.cookies.add(session);
    return true;
  }
}
