/**
 * `setconfig`: an option of the running node. Core Lightning's, but for two things: only `log-level` can be changed here, and the
 * config file stays as it is, which is what `transient` asks for there.
 */

import { z } from 'zod';
import { logLevelsFrom, logLevelsText } from '../../../base/loglevels.ts';
import { didYouMean } from '../../../base/nearest.ts';
import { isOption, options } from '../../../config/options.ts';
import type { ProcessControl } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const params = z.strictObject({
  config: param.text.describe('the option: log-level is the only one that can be changed while the node runs'),
  val: param.prose.describe('its value, as ampere start takes it: info,peer=trace'),
  transient: param.flag.default(true).describe('false is refused: the change lasts until the node stops'),
});

const result = z.object({
  config: z.object({
    config: field.text,
    value_str: field.text,
    source: field.text,
    dynamic: z.literal(true),
  }),
});
type Result = z.output<typeof result>;

/** What it needs of the process around a node. */
type Parts = Pick<ProcessControl, 'logLevels'>;

const refusal = (name: string, why: string): ApiError =>
  new ApiError('invalid_params', `${name}: ${why}`, { field: name });

export const setconfig = method({
  doc: 'Changes an option of the running node, until it stops: how much it logs, as in setconfig log-level info,peer=trace.',
  example: ['log-level', 'info,peer=trace'],
  params,
  result,
  handler: async ({ logLevels }: Parts, { config, val, transient }): Promise<Result> => {
    if (!isOption(config)) throw refusal('config', `no option of this name${didYouMean(config, Object.keys(options))}`);
    if (config !== 'log-level')
      throw refusal('config', `${config} cannot be changed while the node runs: give it to ampere start`);
    if (!transient)
      throw refusal('transient', `the node does not write its config file: put ${config}=… there for the next start`);
    try {
      logLevels.set(logLevelsFrom(val));
    } catch (error) {
      if (error instanceof RangeError) throw refusal('val', `expected ${error.message}`);
      throw error;
    }
    return { config: { config, value_str: logLevelsText(logLevels.levels), source: 'setconfig', dynamic: true } };
  },
});
