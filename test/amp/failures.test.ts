/** Random failures: garbage, and what a hop has authenticated and is yet no failure. A payer survives and learns from each. */
import { expect, test } from 'vitest';
import type { PaymentRequest } from '../../amp/io.ts';
import { interpret, nothingLearnt } from '../../amp/learning.ts';
import { sessionKey } from '../../amp/onions.ts';
import { failures } from '../../onion/failuremessages.ts';
import { readFailure, wrapFailure } from '../../onion/failureonion.ts';
import { generateKey, hopSecrets } from '../../onion/keys.ts';
import { concat, u16be } from '../../wire/bytes.ts';
import { chacha20Stream, hmacSha256 } from '../../wire/crypto.ts';
import { propertyRuns } from '../support/runs.ts';
import { answer, end, started, take, via } from './byhand.ts';
import { ampRequest } from './payer.ts';
import { bytes32 } from './receiver.ts';

const codes = Object.values(failures).map(({ code }) => code);
const secretsOf = ({ entropy }: PaymentRequest, attempt: number) =>
  hopSecrets(
    sessionKey(entropy, attempt),
    via(1, 1n).map(({ node }) => node),
  ).map(({ sharedSecret }) => sharedSecret);

/** The `n`th of them, as it comes back over a route with these secrets. */
const reasonOf = (n: number, secrets: readonly Uint8Array[]): Uint8Array => {
  const length = (n * 37) % 300;
  const data = length === 0 ? new Uint8Array(0) : chacha20Stream(bytes32(n), length);
  if (n % 3 === 0) return data;
  // From one of the hops: any bytes at all, or a known code with any data behind it.
  const said = concat(u16be(length + 2), u16be(codes[n % codes.length] ?? 0), data);
  const body = n % 3 === 1 ? data : concat(said, u16be(Math.max(0, 256 - length)), new Uint8Array(256));
  const hop = n % 2;
  const secret = secrets[hop] ?? new Uint8Array(32);
  const made = wrapFailure(secret, concat(hmacSha256(generateKey('um', secret), body), body));
  return secrets.slice(0, hop).reduceRight((reason, one) => wrapFailure(one, reason), made);
};

const runs = propertyRuns(12);

test('random failures are read without a throw, and blamed on nobody or on a hop of the route', () => {
  const secrets = secretsOf(ampRequest(), 0).slice(0, 1);
  let attributed = 0;
  for (let n = 0; n < 20 * runs; n++) {
    const returned = readFailure(secrets, reasonOf(n, secrets));
    if (returned.kind === 'attributed') attributed++;
  }
  expect(attributed).toBeGreaterThan(5 * runs);
});

test('a payer learns from each random failure that some way is to be avoided, or that the destination will not have it', () => {
  const request = ampRequest();
  const secrets = secretsOf(request, 0);
  const route = via(1, 1_000_000n);
  for (let n = 0; n < 12 * runs; n++) {
    const outcome = { kind: 'failed', reason: reasonOf(n, secrets) } as const;
    const { learnt, final, failure } = interpret(request, nothingLearnt, route, 0, outcome, { now: 0 });
    const { excluded, nodes, notBefore } = learnt;
    const later = notBefore.height > 0 || notBefore.time > 0;
    expect([excluded.length + nodes.length > 0 || later || final !== undefined, n]).toEqual([true, n]);
    expect(failure.failure.length).toBeGreaterThan(0);
  }
});

test('a payment that meets one random failure after another ends, and has sent nothing', () => {
  for (let first = 0; first < runs; first++) {
    const request = ampRequest({ scheme: 'fixed', maxShards: 1, shards: 1, entropy: bytes32(20_000 + first) });
    const payer = started(request);
    for (let n = first; payer.result === undefined && payer.query !== undefined; n++) {
      answer(payer, 1);
      const offer = take(payer);
      end(payer, offer, { kind: 'failed', reason: reasonOf(n, secretsOf(request, offer.attempt)) });
      if (payer.query === undefined) payer.tick(2);
    }
    payer.step({ type: 'cancel' });
    expect(payer.result).toMatchObject({ event: 'payment_failed', amountSent: 0n });
  }
});
