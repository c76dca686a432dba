/** `listconfigs`: the options of the running node, their values and where each came from. */

import { z } from 'zod';
import { didYouMean } from '../../../base/nearest.ts';
import { isOption, options } from '../../../config/options.ts';
import { settingsOf } from '../../../config/settings.ts';
import type { Node, ProcessControl } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const params = z.strictObject({
  config: param.text.optional().describe('only this option'),
});

/** One of the values, by its kind; an option that may be given several times has `values_str` and `sources`. */
const setting = z.object({
  value_str: field.text.optional(),
  value_int: field.u64.optional(),
  value_bool: field.flag.optional(),
  set: field.flag.optional(),
  values_str: z.array(field.text).optional(),
  source: field.text.optional(),
  sources: z.array(field.text).optional(),
  /** Whether `setconfig` can change it. */
  dynamic: field.flag.optional(),
});
const result = z.object({ configs: z.record(z.string(), setting) });

type Configs = z.output<typeof result>['configs'];

/** What it needs of a node and of the process around it. */
type Parts = Pick<Node, 'config' | 'alias' | 'color'> & {
  readonly logLevels: Pick<ProcessControl['logLevels'], 'levels'>;
};

export const listconfigs = method({
  doc: 'The options of the running node, their values and where each came from; no password and no key.',
  example: ['fee-base'],
  params,
  result,
  handler: async ({ config, alias, color, logLevels }: Parts, { config: name }) => {
    if (name !== undefined && !isOption(name))
      throw new ApiError('invalid_params', `config: no option of this name${didYouMean(name, Object.keys(options))}`, {
        field: 'config',
      });
    const configs: Configs = {};
    for (const [option, found] of settingsOf(config, { alias, color, logLevels: logLevels.levels })) {
      if (name !== undefined && option !== name) continue;
      configs[option] =
        'values_str' in found ? { ...found, values_str: [...found.values_str], sources: [...found.sources] } : found;
    }
    return { configs };
  },
});
