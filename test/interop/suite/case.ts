/**
 * A case: one row of the matrix of peers. Its text names two nodes, A and B; `out` is the direction in which A is ours, `in` that in
 * which A is the peer. What a peer cannot do is no test, but a row of the record with the reason.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { whyNoChain } from '../../support/regtest.ts';
import type { Ability, Kind } from '../peers/peer.ts';
import { type Outcome, recordVariable, type Way } from './outcome.ts';

export type { Way } from './outcome.ts';

export interface Case<Stage> {
  /** A claim about two nodes that it calls A and B. */
  readonly text: string;
  /** What the peer must be able to do for it, by direction where that differs. */
  readonly needs?: readonly Ability[] | Readonly<Record<Way, readonly Ability[]>>;
  /** Both directions unless told. */
  readonly ways?: readonly Way[];
  run(stage: Stage, way: Way): Promise<void>;
}

/** Where cases take place: set up once for all of them, and again where one has left it unusable. */
export interface Stage {
  stop(): Promise<void>;
}

/** The claim with the nodes' names in it. */
export const claim = (text: string, way: Way, peer: string): string => {
  const [a, b] = way === 'out' ? ['our node', peer] : [peer, 'our node'];
  return text.replace(/\b[AB]\b/g, (letter) => (letter === 'A' ? a : b));
};

const waysOf = <S>({ ways = ['out', 'in'] }: Case<S>): readonly Way[] => ways;

/** Why a peer cannot do what a case needs; undefined where it can. */
const whyNot = <S>(kind: Kind, { needs = [] }: Case<S>, way: Way): string | undefined => {
  const list = 'out' in needs ? needs[way] : needs;
  for (const need of list) if (kind.cannot[need] !== undefined) return kind.cannot[need];
  return undefined;
};

const record = (group: string, outcomes: readonly Outcome[]): void => {
  const folder = process.env[recordVariable];
  if (folder === undefined || folder === '') return;
  mkdirSync(folder, { recursive: true });
  const name = `${outcomes[0]?.peer ?? 'nobody'} ${group}`.replace(/\W+/g, '-');
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(outcomes, null, 2)}\n`);
};

/** Claims about one peer: the cases of one group, on one stage. */
export const describeCases = async <S extends Stage>(
  kind: Kind,
  group: string,
  setUp: (kind: Kind) => Promise<S>,
  cases: readonly Case<S>[],
): Promise<void> => {
  const missing = (await kind.missing()) ?? (await whyNoChain());
  const version = missing === undefined ? await kind.version() : '';
  const rows = cases.flatMap((one) => waysOf(one).map((way) => ({ one, way })));
  const outcomes: Outcome[] = [];
  const note = ({ one, way }: (typeof rows)[number], result: Outcome['result'], why?: string): void => {
    outcomes.push({ peer: kind.name, version, group, text: one.text, way, result, ...(why !== undefined && { why }) });
  };
  if (missing !== undefined) {
    console.warn(`${kind.name}, ${group}: skipped, ${missing}`);
    for (const row of rows) note(row, 'missing', missing);
  }
  describe.skipIf(missing !== undefined)(`${kind.name} ${version}: ${group}`, () => {
    let stage: S;
    beforeAll(async () => {
      stage = await setUp(kind);
    });
    afterAll(async () => {
      await stage?.stop();
    });
    for (const row of rows) {
      const why = whyNot(kind, row.one, row.way);
      if (why !== undefined) {
        note(row, 'cannot', why);
        continue;
      }
      test(claim(row.one.text, row.way, kind.name), async () => {
        try {
          await row.one.run(stage, row.way);
        } catch (error) {
          // Said at once: the runner says it when all of them are over.
          console.error(error);
          note(row, 'failed', error instanceof Error ? error.message : String(error));
          throw error;
        }
        note(row, 'passed');
      });
    }
  });
  afterAll(() => record(group, outcomes));
};
