/** The implementations that there are drivers for, by the name that a person types. */
import { electrum } from './electrum.ts';
import { ldk } from './ldk.ts';
import { lnd } from './lnd.ts';

export const kinds = { lnd, ldk, electrum } as const;
