/** `help`: the methods. It is answered from the table of methods itself, with or without a node (see node/api/help.ts). */

import { z } from 'zod';
import { described } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const params = z.strictObject({
  command: param.text.optional().describe('the method to explain'),
});

const result = z.object({
  help: z.array(z.object({ command: field.text, description: field.text })),
  'format-hint': z.literal('simple').optional(),
});

export const help = described({
  doc: 'The methods, or one of them with its parameters.',
  example: ['pay'],
  params,
  result,
});
