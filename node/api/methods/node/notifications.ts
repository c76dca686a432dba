/** `notifications`: for Core Lightning's clients. */

import { z } from 'zod';
import { method } from '../../method.ts';
import * as param from '../../params.ts';

const params = z.strictObject({ enable: param.flag.describe('whether the caller wants such messages') });

const result = z.object({});

export const notifications = method({
  doc: "For Core Lightning's clients, which say so before calls that take long: this node sends no messages in between.",
  example: ['true'],
  params,
  result,
  handler: async () => ({}),
});
