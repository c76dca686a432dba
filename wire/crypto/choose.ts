/**
 * Which backends this process computes with. A backend is loaded at most once; the best one that loads is taken unless the
 * operator's AMPERE_CRYPTO names one, which must then load.
 */
import type { Curve, Symmetric } from './backend.ts';
import { builtinSymmetric } from './builtin.ts';
import { loadNative } from './native.ts';
import { nobleCurve, nobleSymmetric } from './noble.ts';
import { loadWasm } from './wasm.ts';

export type CurveName = Curve['name'];
export type SymmetricName = Symmetric['name'];

/** Which backends are at work. */
export interface Backends {
  readonly curve: CurveName;
  readonly symmetric: SymmetricName;
}

export type BackendFault =
  | { readonly code: 'unknown_backend'; readonly setting: string }
  | { readonly code: 'backend_unavailable'; readonly backend: CurveName; readonly reason: string };

const describe = (fault: BackendFault): string => {
  switch (fault.code) {
    case 'unknown_backend':
      return `AMPERE_CRYPTO is '${fault.setting}', expected one of ${curveNames.join(', ')} or nothing`;
    case 'backend_unavailable':
      return `cryptographic backend '${fault.backend}' cannot be used here: ${fault.reason}`;
  }
};

/** A backend that was asked for and cannot be had. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly fault: BackendFault;
  constructor(fault: BackendFault) {
    super(describe(fault));
    this.fault = fault;
  }
}

/** Fastest first. */
export const curveNames: readonly CurveName[] = ['native', 'wasm', 'noble'];

const isCurveName = (text: string): text is CurveName => curveNames.some((name) => name === text);

type Loaders = Readonly<Record<CurveName, () => Curve>>;
const loaders: Loaders = { native: loadNative, wasm: loadWasm, noble: () => nobleCurve };

/** What can be loaded here. */
export interface Catalogue {
  /** The curve backend of that name. Throws BackendError when it does not load. */
  curveNamed(name: CurveName): Curve;
  /**
   * The backends an environment asks for. `AMPERE_CRYPTO=noble` means @noble for both kinds; `native` and `wasm` name
   * the curve and leave everything symmetric to node:crypto. Throws BackendError for another name or one that does not
   * load.
   */
  chosen(env: Readonly<Record<string, string | undefined>>): Backends;
}

/** A catalogue over these loaders, the program's own where none is given: a test puts in some that fail. */
export const catalogueOf = (replaced: Partial<Loaders>): Catalogue => {
  const sources: Loaders = { ...loaders, ...replaced };
  const outcomes = new Map<CurveName, Curve | BackendError>();

  const load = (backend: CurveName): Curve | BackendError => {
    const before = outcomes.get(backend);
    if (before !== undefined) return before;
    let outcome: Curve | BackendError;
    try {
      outcome = sources[backend]();
    } catch (error) {
      const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      outcome = new BackendError({ code: 'backend_unavailable', backend, reason });
    }
    outcomes.set(backend, outcome);
    return outcome;
  };

  const curveNamed = (name: CurveName): Curve => {
    const outcome = load(name);
    if (outcome instanceof BackendError) throw outcome;
    return outcome;
  };

  const chosen = (env: Readonly<Record<string, string | undefined>>): Backends => {
    const setting = env['AMPERE_CRYPTO'] ?? '';
    if (setting === '') {
      const curve = curveNames.find((name) => !(load(name) instanceof BackendError)) ?? 'noble';
      return { curve, symmetric: 'node' };
    }
    if (!isCurveName(setting)) throw new BackendError({ code: 'unknown_backend', setting });
    curveNamed(setting);
    return { curve: setting, symmetric: setting === 'noble' ? 'noble' : 'node' };
  };

  return { curveNamed, chosen };
};

/** The backends of this process. */
export const { curveNamed, chosen } = catalogueOf({});

/** The symmetric backend of that name; both are always there. */
export const symmetricNamed = (name: SymmetricName): Symmetric => (name === 'node' ? builtinSymmetric : nobleSymmetric);
