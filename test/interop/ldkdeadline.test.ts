/** HTLCs between our node and LDK that nobody can end together, because the connection is gone: each goes on chain in time. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../node/lab/wait.ts';
import { Field, type Held, type Theatre } from './field.ts';

let field: Field;
beforeAll(async () => {
  field = await Field.start();
});
afterAll(() => field?.stop());

const amount = 20_000_000n;

/** A channel with one HTLC under way, the connection gone; and the HTLC's expiry. */
const stranded = async (name: string, anchors: boolean, way: 'in' | 'out') => {
  const theatre = await field.open(name, anchors ? 'ours' : 'theirs', anchors);
  const { ours, lou } = field;
  const { lea, channelId } = theatre;
  const held = await (way === 'out'
    ? field.hold(ours, lea, amount, [lea, lou])
    : field.hold(lea, lou, amount, [lea, lou]));
  await field.part(theatre);
  const { htlcs } = await ours.channel(channelId);
  expect(htlcs).toMatchObject([{ direction: way }]);
  return { theatre, held, expiry: htlcs[0]?.expiry ?? 0 };
};

/** The channel stays open up to a height, and is closed at the next. */
const closesAt = async (theatre: Theatre, height: number): Promise<void> => {
  await field.mineTo(theatre, height - 1);
  expect(await field.isSpent(theatre)).toBe(false);
  await field.mineTo(theatre, height);
  await until('the commitment to be published', async () => ((await field.isSpent(theatre)) ? true : undefined));
};

const ends = async (theatre: Theatre, held: Held): Promise<string> => {
  await field.untilSwept(theatre);
  await field.rested();
  return held.end;
};

describe.each([
  { format: 'static_remotekey', anchors: false },
  { format: 'anchors_zero_fee_htlc_tx', anchors: true },
])('$format', ({ format, anchors }) => {
  test('what LDK never answers we take back after its expiry', async () => {
    const { theatre, held, expiry } = await stranded(`mute-${format}`, anchors, 'out');
    await closesAt(theatre, expiry + 3);
    expect(await ends(theatre, held)).not.toBe('paid');
  });

  test('what we can claim we claim while LDK cannot take it back', async () => {
    const { theatre, held, expiry } = await stranded(`away-${format}`, anchors, 'in');
    await field.settle(field.lou, held);
    await closesAt(theatre, expiry - 18);
    expect(await ends(theatre, held)).toBe('paid');
  });

  test('what we never answer LDK takes back after its expiry', async () => {
    const { theatre, held, expiry } = await stranded(`deaf-${format}`, anchors, 'in');
    await closesAt(theatre, expiry + 3);
    expect(await ends(theatre, held)).toContain('RetriesExhausted');
  });

  test('what LDK can claim it claims while we cannot take it back, and we learn the preimage', async () => {
    const { theatre, held, expiry } = await stranded(`gone-${format}`, anchors, 'out');
    await field.settle(theatre.lea, held);
    await closesAt(theatre, expiry - 18);
    expect(await ends(theatre, held)).toBe('paid');
  });
});
