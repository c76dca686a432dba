/** `checkrune`: whether a rune opens a call; counts as a use of the rune. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { runeParam } from './restrictions.ts';

/** The parameters of another call, as they are. */
const anyParams = param.param<object, object>('{…}|[…]', (given) => {
  if (typeof given !== 'object' || given === null) throw new RangeError('an object or an array');
  return given;
});

const params = z.strictObject({
  rune: runeParam.describe('the rune'),
  nodeid: param.nodeId.optional().describe('the peer that asks'),
  method: param.text.optional().describe('the method that it wants to call'),
  params: anyParams.optional().describe('with these parameters'),
});

const result = z.object({ valid: z.literal(true) });

/** What it needs of a node. */
type Parts = Pick<Node, 'runes'>;

export const checkrune = method({
  doc: 'Whether a rune of this node opens a call. A rune that does not is an error with the reason.',
  example: ['OSqc7ixY6F-gjcigBfxtzKUI54uzgFSA6YfBQoWGDV89MA==', 'method=invoice', 'params={"amount_msat":1000}'],
  params,
  result,
  handler: async ({ runes }: Parts, { rune, nodeid, method, params }) => {
    await runes.check(rune, { peer: nodeid, method, params });
    return { valid: true as const };
  },
});
