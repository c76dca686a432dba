/** Every share scheme there is, by name. A new one is a row here and a name in `SchemeName`. */

import type { SchemeName } from './events.ts';
import { dynamic, fixed } from './fixeddynamic.ts';
import type { Scheme } from './scheme.ts';

export const schemes: { readonly [K in SchemeName]: Scheme } = { fixed, dynamic };

/** In order of their EOB protocol numbers. */
export const schemeNames = Object.keys(schemes) as readonly SchemeName[];
