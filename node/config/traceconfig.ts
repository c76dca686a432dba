/** Where wire messages are written, as the options say. */
import { ConfigError } from './errors.ts';
import type { Picker } from './optionsources.ts';

/** Bytes. */
export const MIB = 1024 * 1024;

const MAX_SIZE_MIB = 100;

export interface TraceConfig {
  readonly path: string;
  /** Bytes at which the file is renamed. */
  readonly maxSize: number;
  readonly format: 'text' | 'json';
}

/** Undefined without a file. Throws ConfigError for options that would do nothing without one. */
export const traceConfig = (pick: Picker): TraceConfig | undefined => {
  const file = pick('trace');
  const [format, size] = [pick('trace-format'), pick('trace-max-size')];
  if (file === undefined) {
    const found = (format ?? size)?.found;
    if (found !== undefined) throw new ConfigError(found.source, found.key, 'expected --trace FILE beside it');
    return undefined;
  }
  return { path: file.value, maxSize: (size?.value ?? MAX_SIZE_MIB) * MIB, format: format?.value ?? 'text' };
};
