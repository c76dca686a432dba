/** Parameters of methods about runes. */
import type { Line } from '../../support/line.ts';
import { type Rows, STRANGER, said } from './rows.ts';

/** A rune of alice's that opens what its restrictions say. */
const rune = async ({ alice }: Line, ...restrictions: string[][]): Promise<string> =>
  (await alice.call('createrune', { restrictions })).rune;

/** Whether a rune opens a call, or why not. */
const checked = async (line: Line, restriction: string, given: object) => {
  const { alice } = line;
  const made = await rune(line, [restriction]);
  return [
    await said(alice.call('checkrune', { rune: made })),
    await said(alice.call('checkrune', { rune: made, ...given })),
  ] as const;
};

/** Of ids that no other row revokes. */
const revoking = (name: 'blacklistrune' | 'destroyrune', first: number): Rows => ({
  [`${name}.start`]: async ({ alice }) => [await alice.call(name, {}), await alice.call(name, { start: first })],
  [`${name}.end`]: async ({ alice }) => [
    await alice.call(name, { start: first + 10 }),
    await alice.call(name, { start: first + 10, end: first + 11 }),
  ],
  [`${name}.relist`]: async ({ alice }) => [
    await alice.call(name, { start: first + 20 }),
    await alice.call(name, { start: first + 20, relist: true }),
  ],
});

export const runeRows: Rows = {
  'createrune.rune': async (line) => [
    (await line.alice.call('createrune', {})).unique_id,
    (await line.alice.call('createrune', { rune: await rune(line) })).unique_id,
  ],
  'createrune.restrictions': async ({ alice }) => [
    await alice.call('createrune', {}),
    await alice.call('createrune', { restrictions: 'readonly' }),
  ],
  'checkrune.rune': async (line) => [
    await said(line.alice.call('checkrune', { rune: await rune(line, ['method=pay']) })),
    await said(line.alice.call('checkrune', { rune: await rune(line) })),
  ],
  'checkrune.nodeid': (line) => checked(line, `id=${STRANGER}`, { nodeid: STRANGER }),
  'checkrune.method': (line) => checked(line, 'method=pay', { method: 'pay' }),
  'checkrune.params': (line) => checked(line, 'pnum=1', { params: ['x'] }),
  'showrunes.rune': async (line) => [
    await line.alice.call('showrunes', {}),
    await line.alice.call('showrunes', { rune: await rune(line) }),
  ],
  ...revoking('blacklistrune', 1_000),
  ...revoking('destroyrune', 2_000),
};
