/**
 * Notifications for those who subscribed. Each has a queue with a bound: who reads too slowly loses what does not fit and is told how
 * much, and costs the node no more memory than that. What nobody asked for is not even made.
 */
import { z } from 'zod';
import { toJson } from '../rpc/json.ts';
import { LOST, type PayloadOf, type Topic, topics } from './topics.ts';

/** Connections that may be subscribed at the same time. */
export const maxSubscriptions = 64;
/** Notifications that wait for one subscriber, and their characters. */
export const maxQueued = 1_000;
export const maxQueuedCharacters = 1024 * 1024;

/** A connection on which messages may be sent that answer no call. */
export interface Subscriber {
  /** Aborted once the connection is over. */
  readonly gone: AbortSignal;
  /** Resolves once the message is written, or cannot be any more. */
  readonly send: (text: string) => Promise<void>;
  /** The connection is in use from now on, whether or not calls are under way. */
  readonly keep: () => void;
}

const message = (topic: string, payload: unknown): string =>
  toJson({ jsonrpc: '2.0', method: topic, params: { [topic]: payload } });

class Subscription {
  topics: ReadonlySet<Topic>;
  private readonly subscriber: Subscriber;
  private queue: string[] = [];
  private characters = 0;
  private lost = 0;
  private isWriting = false;

  constructor(subscriber: Subscriber, topics: ReadonlySet<Topic>) {
    this.subscriber = subscriber;
    this.topics = topics;
  }

  /** Once one is lost, those behind it are lost too until the queue is empty: what arrives has one gap, in one place. */
  tell(text: string): void {
    const isFull = this.queue.length >= maxQueued || this.characters + text.length > maxQueuedCharacters;
    if (isFull || this.lost > 0) this.lost++;
    else {
      this.queue.push(text);
      this.characters += text.length;
    }
    if (!this.isWriting) void this.write();
  }

  private async write(): Promise<void> {
    this.isWriting = true;
    while (!this.subscriber.gone.aborted) {
      const text = this.next();
      if (text === undefined) break;
      await this.subscriber.send(text).catch(() => undefined);
    }
    this.isWriting = false;
  }

  private next(): string | undefined {
    const text = this.queue.shift();
    if (text !== undefined) {
      this.characters -= text.length;
      return text;
    }
    if (this.lost === 0) return undefined;
    const count = this.lost;
    this.lost = 0;
    return message(LOST, { count });
  }
}

export class Notifications {
  private readonly subscriptions = new Map<Subscriber, Subscription>();

  /** Whether anybody has subscribed to it. */
  isHeard(topic: Topic): boolean {
    for (const { topics } of this.subscriptions.values()) if (topics.has(topic)) return true;
    return false;
  }

  /** Tells all who subscribed to the topic. */
  publish<T extends Topic>(topic: T, payload: PayloadOf<T>): void {
    let text: string | undefined;
    for (const subscription of this.subscriptions.values()) {
      if (!subscription.topics.has(topic)) continue;
      text ??= message(topic, z.encode(topics[topic].shape as z.ZodType, payload));
      subscription.tell(text);
    }
  }

  /** Subscribes a connection to these topics alone, whatever it was subscribed to; false where too many others are. */
  subscribe(subscriber: Subscriber, wanted: readonly Topic[]): boolean {
    const before = this.subscriptions.get(subscriber);
    if (before !== undefined) {
      before.topics = new Set(wanted);
      return true;
    }
    if (this.subscriptions.size >= maxSubscriptions) return false;
    this.subscriptions.set(subscriber, new Subscription(subscriber, new Set(wanted)));
    subscriber.gone.addEventListener('abort', () => this.subscriptions.delete(subscriber), { once: true });
    subscriber.keep();
    return true;
  }
}
