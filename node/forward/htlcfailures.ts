/** Failing incoming HTLCs back to where they came from (BOLT 4, "Returning Errors"), no faster than a channel's rate allows. */
import type { Input } from '../../channel/model/io.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { createFailure } from '../../onion/failureonion.ts';
import { peel } from '../../onion/peel.ts';
import type { SecretKey } from '../../wire/units.ts';
import type { Clock, Log } from '../ports/ports.ts';
import { FailureRateLimit } from './failureratelimit.ts';
import type { IncomingHtlcs } from './forwardlinks.ts';

export interface HtlcFailuresParts {
  /** The node's key, which its onions are made for. */
  readonly key: SecretKey;
  readonly channels: IncomingHtlcs & { push(channel: string, input: Input): void };
  readonly clock: Clock;
  readonly log: Log;
}

export class HtlcFailures {
  private readonly parts: HtlcFailuresParts;
  private readonly rateLimit: FailureRateLimit;

  constructor(parts: HtlcFailuresParts) {
    this.parts = parts;
    this.rateLimit = new FailureRateLimit(parts.clock, parts.log);
  }

  /** Failures that still wait for their turn are not sent: after a restart they are decided anew. */
  stop(): void {
    this.rateLimit.stop();
  }

  /** Fails an HTLC with a failure that is encrypted with its onion's shared secret, 32 bytes. */
  fail(channel: string, id: bigint, sharedSecret: Uint8Array, failure: Failure): void {
    this.send(channel, { type: 'fail', id, reason: createFailure(sharedSecret, failure) });
  }

  /** Tells a channel that an HTLC of its peer failed: at once, or in its turn where the channel's HTLCs fail too fast. */
  send(channel: string, input: Extract<Input, { type: 'fail' | 'fail_malformed' }>): void {
    this.rateLimit.run(channel, () => this.parts.channels.push(channel, input));
  }

  /** Fails an HTLC that its channel still has; the shared secret comes from its stored onion. */
  failBack(channel: string, id: bigint, failure: Failure): void {
    const sharedSecret = this.secretOf(channel, id);
    if (sharedSecret !== undefined) this.fail(channel, id, sharedSecret, failure);
  }

  /** The shared secret of an HTLC's onion; undefined where its channel has the HTLC no more, or the onion cannot be read. */
  secretOf(channel: string, id: bigint): Uint8Array | undefined {
    const htlc = this.parts.channels.incoming(channel, id);
    if (htlc === undefined) return undefined;
    const peeled = peel({ nodeKey: this.parts.key, packet: htlc.onion, associatedData: htlc.paymentHash });
    return peeled.kind === 'malformed' ? undefined : peeled.sharedSecret;
  }
}
