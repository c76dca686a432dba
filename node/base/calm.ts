/** Imported before everything else, so that SIGUSR1 opens no debugger while the rest of the program is loading. */
import { ignoreUserSignals } from './signals.ts';

ignoreUserSignals(process);
