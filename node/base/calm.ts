/** Loaded before all else, so that no signal opens the debugger while the rest of the program is still being read. */
import { ignoreUserSignals } from './signals.ts';

ignoreUserSignals(process);
