/** Share schemes and EOB protocols of the program that runs a node: beside those of the node, never in their place. */
import { expect, test } from 'vitest';
import { fixed } from '../../amp/fixeddynamic.ts';
import type { EobAmp } from '../../amp/payload.ts';
import { strategies as known } from '../../amp/strategies.ts';
import type { Strategy } from '../../amp/strategy.ts';
import { ConfigError } from '../../node/config/errors.ts';
import { eobProtocols } from '../../node/core/eobprotocols.ts';
import type { EobProtocol } from '../../onion/eobprotocols.ts';

const own: EobProtocol<EobAmp, unknown> = { name: 'mine' };
const withNumber = (number: number) => ({ protocols: new Map([[number, own]]) });
const mine = { ...fixed, name: 'my-scheme', protocol: 14 };

test('a node reads the four AMP protocols, the schemes and the protocols of its program', () => {
  const { schemes, registry } = eobProtocols({ ...withNumber(15), schemes: [mine] });
  expect([...registry.keys()]).toEqual([1, 2, 3, 4, 14, 15]);
  expect(registry.get(15)).toBe(own);
  expect(schemes.get('my-scheme')).toBe(mine);
});

test.each([1, 2, 3, 4])('a node refuses to start where its program takes AMP protocol %d for another one', (number) => {
  expect(() => eobProtocols(withNumber(number))).toThrow(ConfigError);
  expect(() => eobProtocols(withNumber(number))).toThrow(`${number} is that of amp`);
});

test("a node refuses to start where its program's protocol has the number of its own scheme", () => {
  expect(() => eobProtocols({ ...withNumber(14), schemes: [mine] })).toThrow('14 is that of amp my-scheme');
});

test.each([0, 16, 1.5])('a node refuses to start with a protocol of number %d, which no frame can name', (number) => {
  expect(() => eobProtocols(withNumber(number))).toThrow('experiments.protocols');
  expect(() => eobProtocols(withNumber(number))).toThrow(ConfigError);
});

test('a node refuses to start with a scheme of which the number is taken, and says in which field', () => {
  expect(() => eobProtocols({ schemes: [{ ...mine, protocol: 4 }] })).toThrow(ConfigError);
  expect(() => eobProtocols({ schemes: [{ ...mine, protocol: 4 }] })).toThrow('experiments.schemes');
});

test('a node has the strategies of its program beside its own, and refuses to start where a name is taken', () => {
  const thirds: Strategy = {
    name: 'thirds',
    needsShards: false,
    usesWindows: false,
    cut: () => undefined,
    split: () => undefined,
  };
  expect([...eobProtocols({ strategies: [thirds] }).strategies.keys()]).toEqual([...known.keys(), 'thirds']);
  expect(() => eobProtocols({ strategies: [{ ...thirds, name: 'equal' }] })).toThrow(ConfigError);
  expect(() => eobProtocols({ strategies: [{ ...thirds, name: 'equal' }] })).toThrow('experiments.strategies');
});
