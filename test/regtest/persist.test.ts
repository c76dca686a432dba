/**
 * A line of three processes, one of them killed as by a power cut at a save, before it is made and after, and started again:
 * every kind of save that a payment makes, by who sends, forwards or receives it. A payment has one result, everywhere the
 * same, and no HTLC is left. The saves are found by watching a payment, so that none can be forgotten.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNetwork } from '../../node/regtest/demo/network.ts';
import { Line, type Name, names, type Outcome, type Point, textOf } from '../support/lines.ts';
import { built } from '../support/regtest.ts';

const kinds = ['ordinary', 'AMP'] as const;
type Kind = (typeof kinds)[number];
type When = 'before' | 'after';
const amount = 5_000_000n;

/** One line for each kind of payment, so that both run at once: most of the time goes into starting processes. */
const lines = new Map<Kind, Line>();
const points = new Map<Kind, readonly Point[]>();
/** What became of each payment, and what of it was not as it must be, by the kind of payment, who died, and when. */
const results = new Map<string, string[]>();
const complaints = new Map<string, string[]>();
const note = (map: Map<string, string[]>, name: string, texts: readonly string[]) =>
  map.set(name, [...(map.get(name) ?? []), ...texts]);
const nameOf = (kind: Kind, by: Name, when: When) => `${kind} ${by} ${when}`;

/** Everything that is wrong with what became of a payment. */
const wrong = ({ records, told, invoice, gained, sent }: Outcome, kind: Kind, by: Name): readonly string[] => {
  const [result = 'none'] = records;
  const fee = sent - amount;
  const moved = result === 'complete' ? { alice: -sent, bob: fee, carol: amount } : { alice: 0n, bob: 0n, carol: 0n };
  return [
    ...(records.length > 1 ? [`${records.length} records: ${records}`] : []),
    ...(result === 'none' && by !== 'alice' ? ['no record of it'] : []),
    ...(told !== undefined && told !== result ? [`the caller was told ${told}, on record it is ${result}`] : []),
    ...((invoice === 'paid') !== (result === 'complete') ? [`${result}, and the invoice is ${invoice}`] : []),
    ...names.filter((name) => gained[name] !== moved[name]).map((name) => `${name} gained ${gained[name]}`),
    // The one HTLC waits for the payee; a set may be too old when the payee is back, and then goes back whole.
    ...(by === 'carol' && kind === 'ordinary' && result !== 'complete'
      ? [`${result}, though only the payee died`]
      : []),
  ];
};

const campaign = async (kind: Kind): Promise<void> => {
  const network = await startNetwork<Name>({
    nodes: { alice: [], bob: [], carol: ['--amp-timeout', '3'] },
    flags: ['--dev'],
  });
  const line = new Line(network, kind, amount);
  lines.set(kind, line);
  await network.fund({ alice: [10_050_000n], bob: [10_050_000n] });
  await network.open([
    { from: 'alice', to: 'bob', sat: 10_000_000n },
    { from: 'bob', to: 'carol', sat: 10_000_000n },
  ]);
  const found = await line.points();
  points.set(kind, found);
  // What a channel saves alone is the same whatever it is part of: the ordinary payment stands for both.
  const own = found.filter(
    ({ kinds: saved }) => kind === 'ordinary' || saved.some((one) => !one.startsWith('channel/')),
  );
  for (const when of ['before', 'after'] as const)
    for (const point of own) {
      const name = nameOf(kind, point.by, when);
      const faults = await line.survive(when, point).then(
        (outcome) => {
          note(results, name, outcome.records);
          return wrong(outcome, kind, point.by);
        },
        (error: Error) => [error.message],
      );
      note(
        complaints,
        name,
        faults.map((fault) => `${textOf(point)}: ${fault}`),
      );
    }
};

beforeAll(async () => {
  built('node/main.js');
  await Promise.all(kinds.map(campaign));
}, 900_000);
afterAll(() => Promise.all([...lines.values()].map(({ network }) => network.stop())));

describe.each(kinds)('an %s payment', (kind) => {
  test.each([
    ['alice', ['pay/*', 'payment/*/request/*', 'payment/*/shard/*', 'payment/*/result/*', 'channel/*/htlc/out/*']],
    ['bob', ['channel/*/htlc/in/*', 'replay/*', 'channel/*/htlc/out/*', 'channel/*/secret/*', 'stats/fees']],
    ['carol', ['channel/*/htlc/in/*', 'replay/*', 'receiver/set/*', 'receiver/part/*/*/*', 'invoice/*']],
  ] as const)(`an ${kind} payment is saved by %s under all expected keys`, (by, expected) => {
    const seen = new Set((points.get(kind) ?? []).filter((point) => point.by === by).flatMap((point) => point.kinds));
    expect(expected.filter((one) => !seen.has(one))).toEqual([]);
  });

  test.each(names.flatMap((by) => (['before', 'after'] as const).map((when) => [by, when] as const)))(
    `an ${kind} payment has one result when %s dies %s any of its saves`,
    (by, when) => {
      expect(complaints.get(nameOf(kind, by, when))).toEqual([]);
      expect(results.get(nameOf(kind, by, when))).toContain('complete');
    },
  );
});
