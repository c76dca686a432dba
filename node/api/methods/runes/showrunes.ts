/** `showrunes`: the runes that were issued, or what is known of one. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { inEnglish, type Restriction, restrictionsOf } from '../../../runes/rune.ts';
import type { RuneRecord } from '../../../runes/runes.ts';
import { method } from '../../method.ts';
import * as field from '../../results.ts';
import { runeParam } from './restrictions.ts';

const alternative = z.object({
  fieldname: field.text,
  value: field.text,
  condition: field.text,
  english: field.text,
});

const row = z.object({
  rune: field.text,
  stored: z.literal(false).optional(),
  blacklisted: z.literal(true).optional(),
  our_rune: z.literal(false).optional(),
  last_used: field.time.optional(),
  unique_id: field.text,
  restrictions: z.array(z.object({ alternatives: z.array(alternative), english: field.text })),
  restrictions_as_english: field.text,
});

const params = z.strictObject({ rune: runeParam.optional().describe('only this rune, whoever issued it') });

const result = z.object({ runes: z.array(row) });

/** What it needs of a node. */
type Parts = Pick<Node, 'runes'>;

const restrictionRow = (restriction: Restriction) => ({
  alternatives: restriction.map((one) => ({
    ...{ fieldname: one.field, value: one.value, condition: one.condition },
    english: inEnglish(one),
  })),
  english: restriction.map(inEnglish).join(' OR '),
});

const rowOf = (record: RuneRecord): z.output<typeof row> => {
  const restrictions = restrictionsOf(record.rune).map(restrictionRow);
  return {
    rune: record.text,
    ...(!record.isStored && { stored: false as const }),
    ...(record.isRevoked && { blacklisted: true as const }),
    ...(!record.isOurs && { our_rune: false as const }),
    ...(record.lastUsed !== undefined && { last_used: record.lastUsed / 1000 }),
    unique_id: record.id,
    restrictions,
    restrictions_as_english: restrictions.map(({ english }) => english).join(' AND '),
  };
};

async function* rows(records: AsyncIterable<RuneRecord>): AsyncGenerator<z.output<typeof row>> {
  for await (const record of records) yield rowOf(record);
}

export const showrunes = method({
  doc: 'The runes that this node has issued, what each allows, and when it was last used.',
  example: ['OSqc7ixY6F-gjcigBfxtzKUI54uzgFSA6YfBQoWGDV89MA=='],
  params,
  result,
  handler: async ({ runes }: Parts, { rune }) => ({
    runes: rune === undefined ? rows(runes.all()) : [rowOf(await runes.find(rune))],
  }),
});
