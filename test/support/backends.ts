/** Which curve backends this machine has: a suite over all of them must say which one it leaves out, and why. */

import { curveNamed } from '../../wire/crypto/choose.ts';
import { BackendError, type Backends, curveNames } from '../../wire/crypto.ts';

type CurveName = Backends['curve'];

/** Why the backend does not load here; undefined when it does. */
export const missing = (name: CurveName): string | undefined => {
  try {
    curveNamed(name);
    return undefined;
  } catch (error) {
    if (error instanceof BackendError) return error.message;
    throw error;
  }
};

/** The backends that load here; prints the reason for each of the others. */
export const presentCurves = (): readonly CurveName[] =>
  curveNames.filter((name) => {
    const reason = missing(name);
    if (reason !== undefined) console.warn(`not covered: ${reason}`);
    return reason === undefined;
  });
