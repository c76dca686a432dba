/** Parameters of probe. */
import type { CallParams } from '../../../node/api/table.ts';
import type { Line } from '../../support/line.ts';
import { type Rows, STRANGER, said } from './rows.ts';

const probed = (line: Line, given: Partial<CallParams<'probe'>> = {}) =>
  said(
    line.givenUp(
      (async () => line.alice.call('probe', { id: line.carol.id, amount_msat: 1_000_000n, ...given }))(),
      Number(given.shards ?? 1),
    ),
  );
const both = async (line: Line, given: Partial<CallParams<'probe'>>, without: Partial<CallParams<'probe'>> = {}) =>
  [await probed(line, without), await probed(line, { ...without, ...given })] as const;
const TOO_MUCH = { amount_msat: 900_000_000n };
const routeTo = async (line: Line, id: string) =>
  (await line.alice.call('getroute', { id, amount_msat: 1_000_000n, riskfactor: 1, cltv: 60 })).route;

export const probeRows: Rows = {
  'probe.id': (line) => both(line, { id: line.bob.id }),
  'probe.amount_msat': (line) => both(line, { amount_msat: 2_000_000n }),
  'probe.max': (line) => both(line, { max: true }, TOO_MUCH),
  'probe.route': async (line) => both(line, { route: await routeTo(line, line.carol.id) }),
  'probe.attempts': (line) => both(line, { attempts: 0 }),
  'probe.timeout': (line) => both(line, { timeout: 0 }),
  'probe.exclude': (line) => both(line, { exclude: [line.bob.id] }),
  // Between several routes alone; here there is one, and beside a given one it is refused.
  'probe.prefer': async (line) => both(line, { prefer: 'cheap' }, { route: await routeTo(line, line.carol.id) }),
  'probe.shards': (line) => both(line, { shards: 2 }),
  'probe.scheme': (line) => both(line, { scheme: STRANGER }, { shards: 2 }),
};
