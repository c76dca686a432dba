/** The share schemes, strategies and EOB protocols that a node knows: those of `amp`, and those of the program that runs it. */
import { type Composer, type Composers, MOST_HOPS } from '../../amp/extras.ts';
import { ampProtocols, type EobAmp } from '../../amp/payload.ts';
import type { Schemes } from '../../amp/scheme.ts';
import { withSchemes } from '../../amp/schemes.ts';
import { withStrategies } from '../../amp/strategies.ts';
import type { Strategies } from '../../amp/strategy.ts';
import type { Extra, Frame } from '../../onion/eobframe.ts';
import type { EobProtocol, Registry } from '../../onion/eobprotocols.ts';
import { checkFailure, type Reading } from '../../onion/failuremessages.ts';
import { ConfigError } from '../config/errors.ts';
import type { Experiments } from './hooks.ts';

export interface EobProtocols {
  readonly schemes: Schemes;
  readonly strategies: Strategies;
  /** Every protocol number that this node reads. */
  readonly registry: Registry<EobAmp, unknown>;
  /** Those protocols of the program that add blobs to the node's own payments. */
  readonly composers: Composers;
}

/** Told of a protocol by its name, and of what its reader threw. */
export type OnFault = (name: string, error: unknown) => void;

const refused = (field: keyof Experiments, expected: string): ConfigError =>
  new ConfigError('the program that runs the node', `experiments.${field}`, expected);

/** A table with the program's rows. Throws ConfigError where one of them cannot be. */
const withOwn = <T>(field: keyof Experiments, table: () => T): T => {
  try {
    return table();
  } catch (error) {
    throw error instanceof RangeError ? refused(field, error.message) : error;
  }
};

type Reader<T> = (frame: Frame, extra: Extra) => Reading<T>;

/** A reader that gives no answer fails its HTLC with `temporary_node_failure`. */
const contained =
  <T>(name: string, read: Reader<T>, onFault: OnFault): Reader<T> =>
  (frame, extra) => {
    try {
      const result = read(frame, extra);
      if ('refuse' in result) checkFailure(result.refuse);
      else if (!('accept' in result)) throw new TypeError('expected accept or refuse');
      return result;
    } catch (error) {
      onFault(name, error);
      return { refuse: { name: 'temporary_node_failure' } };
    }
  };

/** The same protocols, where an error of a reader costs the HTLC that it reads alone. `onFault` is told of such errors. */
export const containedRegistry = (registry: EobProtocols['registry'], onFault: OnFault): Registry<EobAmp, unknown> =>
  new Map(
    [...registry].map(([number, { name, forward, final }]) => [
      number,
      {
        name,
        ...(forward && { forward: contained(name, forward, onFault) }),
        ...(final && { final: contained(name, final, onFault) }),
      },
    ]),
  );

/**
 * All of them. Throws ConfigError for a scheme, strategy or protocol that cannot be: one of a name that another has, or of a number
 * that another has, which would read in its place what payers send, or of none of 1..15.
 */
export const eobProtocols = (experiments: Experiments): EobProtocols => {
  const schemes = withOwn('schemes', () => withSchemes(experiments.schemes ?? []));
  const strategies = withOwn('strategies', () => withStrategies(experiments.strategies ?? []));
  const registry = new Map<number, EobProtocol<EobAmp, unknown>>(ampProtocols(schemes));
  const composers = new Map<number, Composer>();
  for (const [number, protocol] of experiments.protocols ?? []) {
    if (!Number.isInteger(number) || number < 1 || number > 15)
      throw refused('protocols', `expected a number of 1 to 15 for ${protocol.name}, not ${number}`);
    const other = registry.get(number);
    if (other !== undefined)
      throw refused(
        'protocols',
        `expected a number for ${protocol.name} that is free; ${number} is that of ${other.name}`,
      );
    registry.set(number, protocol);
    const { name, compose, mostBlobs = 1 } = protocol;
    if (compose === undefined) continue;
    if (!Number.isInteger(mostBlobs) || mostBlobs < 1 || mostBlobs >= MOST_HOPS)
      throw refused('protocols', `expected mostBlobs from 1 to ${MOST_HOPS - 1} for ${name}, not ${mostBlobs}`);
    composers.set(number, { compose, mostBlobs });
  }
  return { schemes, strategies, registry, composers };
};
