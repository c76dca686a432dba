/**
 * A file of every wire message. It is bounded: one that is full is renamed to FILE.1, in place of an earlier one, and begun anew. What
 * cannot be written is counted and said in the file later; neither a full disk nor a moved file changes anything of the node.
 */
import { appendFileSync, renameSync, type Stats, statSync } from 'node:fs';
import { FileError, reasonOf } from '../base/fileserror.ts';
import { traceJson, traceText } from '../base/tracelines.ts';
import type { Clock, Log } from '../ports/ports.ts';
import { tracedMessage } from './tracedmessage.ts';
import type { WireTap } from './wiretaps.ts';

export interface TraceFileOptions {
  readonly path: string;
  /** Bytes after which the file is renamed; so there are at most twice as many. */
  readonly maxSize: number;
  readonly format: 'text' | 'json';
}

const found = (path: string): Stats | undefined => {
  try {
    return statSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new FileError('write the trace to', path, error);
  }
};

/** Throws FileError where the file cannot be written. */
export const traceFile = ({ path, maxSize, format }: TraceFileOptions, clock: Clock, log: Log): WireTap => {
  const there = found(path);
  if (there?.isFile() === false) throw new FileError('write the trace to', path, new Error('it is no file'));
  let size = there?.size ?? 0;
  let lost = 0;
  let cut = false;
  const append = (text: string): void => appendFileSync(path, text, { mode: 0o600 });
  try {
    append('');
  } catch (error) {
    throw new FileError('write the trace to', path, error);
  }
  const missing = (count: number): string => {
    const said = `${count} messages are missing here: the file could not be written`;
    return format === 'json' ? `${JSON.stringify({ missing: count, why: said })}\n` : `${said}\n`;
  };
  return (direction, peer, raw) => {
    const message = tracedMessage(clock.now(), direction, peer, raw);
    const line = format === 'json' ? traceJson(message) : traceText(message);
    try {
      if (size > 0 && size + line.length > maxSize) {
        renameSync(path, `${path}.1`);
        [size, cut] = [0, false];
      }
      const text = `${cut ? '\n' : ''}${lost > 0 ? missing(lost) : ''}${line}`;
      append(text);
      size += Buffer.byteLength(text);
      [lost, cut] = [0, false];
    } catch (error) {
      if (lost === 0)
        log.warn(
          { file: path, reason: reasonOf(error) },
          'the trace of wire messages cannot be written: messages are left out of it until it can; the node goes on. Make room on the disk, or start it without --trace',
        );
      lost++;
      cut = true;
    }
  };
};
