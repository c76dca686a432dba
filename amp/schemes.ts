/** Every share scheme there is, by name. A new one is a row here and a name in `SchemeName`. */

import { dynamic, fixed } from './counted.ts';
import type { SchemeName } from './reports.ts';
import type { Scheme } from './scheme.ts';

export const schemes: { readonly [K in SchemeName]: Scheme } = { fixed, dynamic };

/** In order of their EOB protocol numbers. */
export const schemeNames = Object.keys(schemes) as readonly SchemeName[];
