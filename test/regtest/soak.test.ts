/** A few seconds of what `npm run soak` does for a minute: an attacker of each kind, and nobody honest loses anything. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadScripts, NoInterpreter } from '../../node/regtest/chain/script.ts';
import { attackNames } from '../soak/attacks/table.ts';
import { figuresOf, isBroken, tableOf } from '../soak/bounds.ts';
import { soak } from '../soak/soak.ts';
import { built } from '../support/regtest.ts';

let missing: string | undefined;

beforeAll(async () => {
  built('node/main.js');
  built('test/soak/attackers.js');
  missing = await loadScripts().then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof NoInterpreter)) throw error;
      return error.message;
    },
  );
});

describe('a node under attack', () => {
  test('a node under attack stays within its memory limit, answers calls, and loses no payment', async (context) => {
    if (missing !== undefined) context.skip(missing);
    const soaked = await soak({ seconds: 5, attackers: attackNames.length, channels: 100, seed: 'short' });
    // How fast it is depends on the machine; who was not answered at all does not, but for strangers in a crowd.
    const sound = figuresOf(soaked).filter(({ speed, name }) => !speed && name !== 'strangers turned away');
    expect(sound.filter(isBroken), tableOf(soaked).join('\n')).toEqual([]);
    expect(soaked.payments.took.length).toBeGreaterThan(0);
    expect(soaked.answers.took.length).toBeGreaterThan(0);
  });
});
