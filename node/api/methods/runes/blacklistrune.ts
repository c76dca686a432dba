/** `blacklistrune`, and `destroyrune` as Core Lightning calls it too: revokes runes by their unique_id. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { MAX_REVOKED } from '../../../runes/runes.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const id = param.integer(0, MAX_REVOKED);

const params = z.strictObject({
  start: id.optional().describe('the first unique_id; left out, what is revoked is listed and nothing changed'),
  end: id.optional().describe('the last one; one rune only where it is left out'),
  relist: param.flag.default(false).describe('true takes a revocation back'),
});

const result = z.object({ blacklist: z.array(z.object({ start: field.u64, end: field.u64 })) });

/** What it needs of a node. */
type Parts = Pick<Node, 'runes'>;

export const blacklistrune = method({
  doc: 'Revokes all runes of a unique_id, or of a range of them, whoever holds them; lists what is revoked.',
  example: ['3', '5'],
  params,
  result,
  handler: async ({ runes }: Parts, { start, end = start, relist }) => {
    if (start === undefined) {
      if (end !== undefined) throw new ApiError('invalid_params', 'end: not without start', { field: 'end' });
      return { blacklist: [...runes.revoked] };
    }
    if (end === undefined || end < start)
      throw new ApiError('invalid_params', `end: expected ${start} or more`, { field: 'end' });
    return { blacklist: [...(await runes.revoke({ start, end }, relist))] };
  },
});

export const destroyrune = method({ ...blacklistrune, doc: 'The same as blacklistrune.' });
