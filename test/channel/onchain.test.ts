/**
 * The table: each commitment that can be in the chain, with an HTLC either way, that ends either way, with an output or without,
 * in both formats. Both sides claim what is theirs, every script is checked, and in the end each has what it is owed.
 */
import { describe, expect, test } from 'vitest';
import { signedLocalCommitment } from '../../channel/rules/commitmentupdates.ts';
import { formats } from '../../channel/tx/commitmentformats.ts';
import { onStage } from './onstage.ts';
import { coreOf, deliver, eventsOf, give, offerOf, otherOf, secretOf, settle } from './pair.ts';
import { fates, playDown } from './play.ts';
import { type FormatName, feesOf, formatNames, gained, mine, tell, tip, type Who, type World } from './world.ts';

type Kind = 'local' | 'remote' | 'remote_next';
interface Row {
  readonly format: FormatName;
  readonly kind: Kind;
  /** As `a`, who has no part in it, sees the HTLC. */
  readonly way: 'offered' | 'received';
  readonly end: 'preimage' | 'timeout';
  readonly dust: boolean;
}

const rows: readonly Row[] = formatNames.flatMap((format) =>
  (['local', 'remote', 'remote_next'] as const).flatMap((kind) =>
    (['offered', 'received'] as const).flatMap((way) =>
      (['preimage', 'timeout'] as const).flatMap((end) =>
        [false, true].map((dust) => ({ format, kind, way, end, dust })),
      ),
    ),
  ),
);

const world = onStage();

/** An offer of so many sat, to expire soon. */
const offer = (so: World, sat: bigint, n: number, blocks = 30) => ({
  ...offerOf(sat * 1000n, n),
  expiry: tip(so) + blocks,
});

/** What both have before fees, sat. */
const start = { a: 600_000n, b: 400_000n };

/** What the funder pays for a commitment at 1,000 sat per 1,000 weight. */
const cost = (format: FormatName, outputs: number): bigint => {
  const { weight, htlcOutputWeight, anchor } = formats[format];
  return weight + htlcOutputWeight * BigInt(outputs) + 2n * (anchor ?? 0n);
};

/** Publishes the commitment of that kind. */
const publish = (so: World, kind: Kind): void => {
  const { pair } = so;
  if (kind === 'remote_next') {
    // Too small for an output; the signature of it is on its way and its revocation is not.
    tell(so, 'a', offer(so, 100n, 9));
    give(pair, pair.a, { type: 'sign' });
    while (deliver(pair, pair.b));
  }
  mine(so, [signedLocalCommitment(coreOf(kind === 'local' ? pair.a : pair.b))]);
};

describe.each(rows)('$format: $kind commitment, $way HTLC, $end, dust $dust', ({ format, kind, way, end, dust }) => {
  test('pays each side what it is owed', () => {
    const so = world(format);
    const { pair } = so;
    const [from, to]: readonly [Who, Who] = way === 'offered' ? ['a', 'b'] : ['b', 'a'];
    const amount = dust ? 300n : 50_000n;
    tell(so, from, offer(so, amount, 1));
    settle(pair);
    publish(so, kind);
    expect(eventsOf(pair.a, 'spent')).toMatchObject([{ by: kind }]);
    expect(eventsOf(pair.b, 'spent')).toMatchObject([{ by: kind === 'local' ? 'remote' : 'local' }]);
    if (end === 'preimage') tell(so, to, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    playDown(so);

    const winner = dust ? undefined : end === 'preimage' ? to : from;
    const extra = kind === 'remote_next' ? 100n : 0n;
    const owed = {
      a: start.a - cost(format, dust ? 0 : 1) - (from === 'a' ? amount : 0n) + (winner === 'a' ? amount : 0n) - extra,
      b: start.b - (from === 'b' ? amount : 0n) + (winner === 'b' ? amount : 0n),
    };
    for (const who of ['a', 'b'] as const) expect(gained(so, who) + feesOf(so, who), who).toBe(owed[who]);

    const fulfilled = end === 'preimage' && !dust;
    expect(fates(pair[from]).filter((fate) => fate.startsWith('0 '))).toEqual([
      fulfilled ? '0 fulfilled' : '0 timed_out',
    ]);
    expect(eventsOf(otherOf(pair, pair[from]), 'settled')).toMatchObject([{ id: 0n }]);
    if (kind === 'remote_next') expect(fates(pair.a)).toContain(`${way === 'offered' ? 1 : 0} timed_out`);
  });
});
