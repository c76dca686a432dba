/** Lets calls through that a rune opens: those of CLNRest and of commando. */
import type { Point } from '../../../wire/units.ts';
import type { Runes } from '../../runes/runes.ts';
import type { RuneUse } from '../../runes/usecheck.ts';
import { apiErrorOf } from '../apierrors.ts';
import { ApiError } from '../errors.ts';
import type { Method } from '../method.ts';
import { isMethod, table } from '../table.ts';

/** A call that wants to be let through. */
export interface RuneCall {
  readonly method: string;
  /** By name or by place, as they came. */
  readonly params: unknown;
  readonly peer?: Point | undefined;
}

/**
 * Resolves where the rune opens the call, which then counts as used; without a call, where it is a rune of this node that is not revoked.
 * Rejects with the ApiError that the caller is told.
 */
export type RuneGate = (rune: string, call?: RuneCall) => Promise<void>;

/** The names of a method's parameters, by place, and the others that they go by. */
const namesOf = (name: string): Pick<RuneUse, 'names' | 'aliases'> => {
  if (!isMethod(name)) return {};
  const row: Method = table[name];
  return { names: Object.keys(row.params.shape), aliases: row.aliases };
};

/** A gate for the runes of a node, which are there once its records are read. */
export const runeGate =
  (runes: () => Pick<Runes, 'authentic' | 'check'> | undefined): RuneGate =>
  async (rune, call) => {
    const known = runes();
    if (known === undefined) throw new ApiError('starting', 'the node is starting and cannot answer yet');
    try {
      if (call === undefined) known.authentic(rune);
      else await known.check(rune, { ...call, ...namesOf(call.method) });
    } catch (error) {
      throw apiErrorOf(error) ?? error;
    }
  };
