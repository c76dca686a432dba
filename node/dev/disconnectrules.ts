/**
 * Ends connections as an experiment demands. There is one list of rules for all peers: only the first is checked, and it is removed once it
 * was applied, as in Core Lightning.
 */
import { type MessageName, messages } from '../../wire/message.ts';
import type { DisconnectAction, DisconnectRule } from '../config/devrules.ts';
import type { SecureStream } from '../peer/noisestream.ts';
import type { Log } from '../ports/ports.ts';

const names = new Map(Object.entries(messages).map(([name, { type }]) => [type, name as MessageName]));
const nameOf = (message: Uint8Array): MessageName | undefined =>
  names.get(((message[0] ?? 0) << 8) | (message[1] ?? 0));

const incoming: readonly DisconnectAction[] = ['taken', 'untaken'];

export class DisconnectRules {
  private readonly log: Log;
  private rules: readonly DisconnectRule[];
  /** Matches of the first rule so far. */
  private seen = 0;
  /** Messages since the rules were set, by name. */
  private readonly counts = new Map<MessageName, number>();

  constructor(log: Log, rules: readonly DisconnectRule[]) {
    this.log = log;
    this.rules = rules;
  }

  /** Rules that were not applied yet, the current one first. */
  get left(): readonly DisconnectRule[] {
    return this.rules;
  }

  /** Replaces the rules. */
  set(rules: readonly DisconnectRule[]): void {
    this.counts.clear();
    this.begin(rules);
  }

  /** Messages sent since `set`, by name; dropped ones count, too. */
  get sent(): ReadonlyMap<MessageName, number> {
    return this.counts;
  }

  private begin(rules: readonly DisconnectRule[]): void {
    this.rules = rules;
    this.seen = 0;
  }

  /** The rule that applies to this message, which is removed; undefined where none does. */
  private match(message: Uint8Array, direction: 'in' | 'out'): DisconnectRule | undefined {
    const [rule] = this.rules;
    if (rule === undefined || incoming.includes(rule.action) !== (direction === 'in')) return undefined;
    if (nameOf(message) !== rule.message || ++this.seen < rule.count) return undefined;
    this.begin(this.rules.slice(1));
    this.log.info({ rule: rule.text }, 'dev-disconnect: applying a rule');
    return rule;
  }

  private count(message: Uint8Array): void {
    const name = nameOf(message);
    if (name !== undefined) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** Wraps a connection so that the rules apply to it. */
  wrap(stream: SecureStream): SecureStream {
    let silent = false;
    let ended: DisconnectRule | undefined;
    const cut = (rule: DisconnectRule): void => {
      silent = true;
      ended = rule;
      // Earlier messages are written first.
      void stream.flushed().then(() => stream.close());
    };

    const send = (message: Uint8Array): void => {
      if (silent) return;
      this.count(message);
      const rule = this.match(message, 'out');
      const action = rule?.action;
      if (action !== 'before' && action !== 'drop' && action !== 'blackhole') stream.send(message);
      if (rule === undefined) return;
      if (action === 'before' || action === 'after') cut(rule);
      else if (action === 'blackhole' || action === 'disable') silent = true;
    };

    const match = (message: Uint8Array) => this.match(message, 'in');
    async function* received(): AsyncGenerator<readonly Uint8Array[]> {
      try {
        for await (const batch of stream.received)
          for (const message of batch) {
            if (silent) continue;
            const rule = match(message);
            // The reader has processed a message when it asks for the next.
            if (rule?.action !== 'untaken') yield [message];
            if (rule !== undefined) cut(rule);
          }
      } catch (error) {
        if (ended === undefined) throw error;
      }
      if (ended !== undefined) throw new Error(`cut as dev-disconnect says: ${ended.text}`);
    }

    return {
      remote: stream.remote,
      connection: stream.connection,
      send,
      received: received(),
      get unsent() {
        return stream.unsent;
      },
      get taken() {
        return stream.taken;
      },
      flushed: () => stream.flushed(),
      close: () => stream.close(),
    };
  }
}
