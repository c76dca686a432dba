/** Warns of environment variables that begin with AMPERE_ and are no options, since they have no effect. */
import { nearest } from '../base/nearest.ts';
import { isOption, options, variableOf } from './options.ts';

const PREFIX = 'AMPERE_';
/** Read by other parts than the configuration: cryptography, `ampere chain`, `ampere lab`, tests and benches. */
const others = new Set(['AMPERE_CRYPTO', 'AMPERE_CHAIN_PASSWORD', 'AMPERE_LAB']);
const tests = /^AMPERE_(?:BENCH|MESSAGES|MODEL|SOAK)_/;

/** A warning for each of them, without its value. */
export const unknownVariables = (env: Readonly<Record<string, string | undefined>>): readonly string[] => {
  const known = Object.keys(options).filter(isOption).map(variableOf);
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name) && !others.has(name) && !tests.test(name))
    .map((name) => {
      const near = nearest(
        name.slice(PREFIX.length),
        known.map((one) => one.slice(PREFIX.length)),
      );
      return `${name} in the environment is no option and has no effect${near === undefined ? '' : `: is ${PREFIX}${near} meant?`}`;
    });
};
