/** What `pay`, `xpay` and `keysend` make of the name of a strategy. */
import { expect, test } from 'vitest';
import { strategies } from '../../../amp/strategies.ts';
import { ApiError } from '../../../node/api/errors.ts';
import { isPlain } from '../../../node/api/methods/payments/keysend.ts';
import { strategyTerms } from '../../../node/api/methods/payments/strategyterms.ts';
import { Graph } from '../../../node/graph/graph.ts';
import { nodeOf } from '../../amp/payer.ts';

const node = { payments: { tables: { strategies } } };

test('a payment without a strategy names none in its request, and one with a strategy names that', () => {
  expect(strategyTerms(node, {})).toEqual({});
  expect(strategyTerms(node, { strategy: 'halving' })).toEqual({ strategy: 'halving' });
  expect(strategyTerms(node, { strategy: 'equal', shards: 3 })).toEqual({ strategy: 'equal' });
  expect(strategyTerms(node, { strategy: 'flow', redundancy: 2 })).toEqual({ strategy: 'flow' });
});

test.each([
  ['an unknown strategy', { strategy: 'thirds' }, '"outlets" or "equal" or "halving"'],
  ['equal parts without their number', { strategy: 'equal' }, 'shards'],
  ['halves with spare shards', { strategy: 'halving', redundancy: 1 }, 'strategy: expected outlets or flow'],
])('a call with %s is refused with what is expected', (_, given, text) => {
  expect(() => strategyTerms(node, given)).toThrow(ApiError);
  expect(() => strategyTerms(node, given)).toThrow(text);
});

test('a keysend with a strategy goes by AMP, as one HTLC cannot be cut', () => {
  const known = { peers: { get: () => undefined }, graph: new Graph() };
  const given = { destination: nodeOf(0), strategy: 'halving' };
  const nothing = { scheme: undefined, extratlvs: undefined, shards: undefined, redundancy: undefined };
  const rest = { ...nothing, maxoverpayment: undefined, shares: undefined, force: undefined };
  expect(isPlain(known, { ...rest, ...given })).toBe(false);
  expect(() => isPlain(known, { ...rest, ...given, scheme: 'single' })).toThrow('leave strategy out');
});
