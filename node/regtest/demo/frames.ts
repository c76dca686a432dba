/** The fields of frames and blobs as lines for a terminal. */
import type { Field } from '../../api/frames.ts';
import { wrapped } from './print.ts';

/** Lines of fields: hex, name, meaning. Long values are broken so that a line holds 16 bytes, long meanings at `width` columns. */
export const fieldLines = (fields: readonly Field[], width = 120): readonly string[] => {
  const digits = 2 * 16;
  const names = Math.max(...fields.map(({ name }) => name.length));
  return fields.flatMap(({ hex: value, name, meaning }) => {
    const parts = value.match(new RegExp(`.{1,${digits}}`, 'g')) ?? [''];
    const words = wrapped(meaning, width - digits - names - 4);
    return Array.from({ length: Math.max(parts.length, words.length) }, (_, i) =>
      `${(parts[i] ?? '').padEnd(digits)}  ${(i === 0 ? name : '').padEnd(names)}  ${words[i] ?? ''}`.trimEnd(),
    );
  });
};
