/**
 * Connections that end where an experiment says. The rules stand in one line for all peers: only the first is looked at, and it
 * is gone once it was used, as in Core Lightning.
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

  /** Rules that are still to be used, first the one in force. */
  get left(): readonly DisconnectRule[] {
    return this.rules;
  }

  /** Forgets the rules there are, for these. */
  set(rules: readonly DisconnectRule[]): void {
    this.counts.clear();
    this.begin(rules);
  }

  /** How many messages of each name we sent since `set`; those kept from being sent count, too. */
  get sent(): ReadonlyMap<MessageName, number> {
    return this.counts;
  }

  private begin(rules: readonly DisconnectRule[]): void {
    this.rules = rules;
    this.seen = 0;
  }

  /** The rule that this message uses up; undefined for all that pass. */
  private match(message: Uint8Array, direction: 'in' | 'out'): DisconnectRule | undefined {
    const [rule] = this.rules;
    if (rule === undefined || incoming.includes(rule.action) !== (direction === 'in')) return undefined;
    if (nameOf(message) !== rule.message || ++this.seen < rule.count) return undefined;
    this.begin(this.rules.slice(1));
    this.log.info({ rule: rule.text }, 'dev-disconnect: a message it waited for');
    return rule;
  }

  private count(message: Uint8Array): void {
    const name = nameOf(message);
    if (name !== undefined) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** A connection under these rules. */
  wrap(stream: SecureStream): SecureStream {
    let silent = false;
    let ended: DisconnectRule | undefined;
    const cut = (rule: DisconnectRule): void => {
      silent = true;
      ended = rule;
      // What was sent before goes out first.
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
            // Whoever reads has taken a message when it asks for the next.
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
