/** Which backends a process computes with, and that a forced one is never silently another. */
import { afterEach, describe, expect, test } from 'vitest';
import { utf8 } from '../../wire/bytes.ts';
import type { Curve } from '../../wire/crypto/backend.ts';
import { catalogueOf, curveNamed } from '../../wire/crypto/choose.ts';
import { BackendError, backends, hash256, pointOf, selectBackends, sign, useBackends } from '../../wire/crypto.ts';
import { secretKey } from '../../wire/units.ts';
import { presentCurves } from '../support/backends.ts';

const atStart = backends();
const present = presentCurves();
afterEach(() => {
  useBackends(atStart);
});

describe('AMPERE_CRYPTO', () => {
  test.each(present)('AMPERE_CRYPTO %s forces its backend', (setting) => {
    const expected = { curve: setting, symmetric: setting === 'noble' ? 'noble' : 'node' };
    expect(selectBackends({ AMPERE_CRYPTO: setting })).toEqual(expected);
    expect(backends()).toEqual(expected);
  });

  test.each([{}, { AMPERE_CRYPTO: '' }, { AMPERE_CRYPTO: undefined }])(
    'left out takes the fastest that loads: %j',
    (env) => {
      useBackends({ curve: 'noble', symmetric: 'noble' });
      expect(selectBackends(env)).toEqual({ curve: present[0], symmetric: 'node' });
    },
  );

  test('with another value is refused by name and changes nothing', () => {
    const before = backends();
    const refused = () => selectBackends({ AMPERE_CRYPTO: 'openssl' });
    expect(refused).toThrow(BackendError);
    expect(refused).toThrow("AMPERE_CRYPTO is 'openssl', expected one of native, wasm, noble or nothing");
    expect(backends()).toEqual(before);
  });
});

describe('a backend that does not load', () => {
  const missing = () => {
    throw new Error("Cannot find module 'secp256k1'\nRequire stack: ...");
  };

  const fake = (name: Curve['name']) => () => ({ ...curveNamed('noble'), name });

  test('a forced backend that does not load is an error with the reason and without the stack', () => {
    const catalogue = catalogueOf({ native: missing });
    expect(() => catalogue.chosen({ AMPERE_CRYPTO: 'native' })).toThrow(
      "cryptographic backend 'native' cannot be used here: Cannot find module 'secp256k1'",
    );
  });

  test('is passed over when not forced, to the next in order of speed', () => {
    const [native, wasm, noble] = [fake('native'), fake('wasm'), fake('noble')];
    const curves = [
      catalogueOf({ native, wasm, noble }),
      catalogueOf({ native: missing, wasm, noble }),
      catalogueOf({ native: missing, wasm: missing, noble }),
    ].map((catalogue) => catalogue.chosen({}).curve);
    expect(curves).toEqual(['native', 'wasm', 'noble']);
  });

  test('a backend that does not load is tried once', () => {
    let tries = 0;
    const catalogue = catalogueOf({
      native: () => {
        tries++;
        return missing();
      },
    });
    for (let i = 0; i < 3; i++) catalogue.chosen({});
    expect(tries).toBe(1);
  });
});

describe('useBackends', () => {
  test('useBackends changes one kind of backend and leaves the other', () => {
    useBackends({ curve: 'noble', symmetric: 'node' });
    for (const curve of present) {
      const { curve: before } = backends();
      expect(useBackends({ curve })).toEqual({ curve: before, symmetric: 'node' });
      expect(backends()).toEqual({ curve, symmetric: 'node' });
    }
    const { curve } = backends();
    expect(useBackends({ symmetric: 'noble' })).toEqual({ curve, symmetric: 'node' });
    expect(backends()).toEqual({ curve, symmetric: 'noble' });
  });

  test('useBackends changes which backend computes, not the results', () => {
    const secret = secretKey(new Uint8Array(32).fill(7));
    const results = present.map((curve) => {
      useBackends({ curve, symmetric: curve === 'noble' ? 'noble' : 'node' });
      return [pointOf(secret), sign(hash256(utf8('ampere')), secret)];
    });
    expect(results.length).toBe(present.length);
    for (const result of results) expect(result).toEqual(results[0]);
  });
});
