/**
 * Where the lines of a log go: standard error, or a file that can be reopened once another program has moved it away. What cannot
 * be written is counted, to be told when lines can be written again; it never ends the node, and never fills its memory.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { FileError } from './fileserror.ts';

/** Where lines go: standard error, a file, or a test's list. */
export interface Lines {
  /** Takes a line. Where it cannot be written, so many lines count as lost. Never throws. */
  write(line: string, worth: number): void;
  /** How many were lost since this was asked last. */
  takeLost?(): number;
}

/** A file of lines. */
export interface LinesFile extends Lines {
  /**
   * Closes the file and opens what has its name now, made if there is none. Throws FileError and goes on with the file it has, if
   * that cannot be.
   */
  reopen(): void;
}

/** Bytes that a reader of the log may leave unread before lines are left out. */
export const MOST_UNREAD = 1024 * 1024;

/** Lines to a stream, such as standard error: its reader may be gone, or asleep, or the disk behind it full. */
export const streamLines = (stream: Writable): Lines => {
  let lost = 0;
  // What went wrong is told to the callback of each write, too; nobody listening would end the process.
  stream.on('error', () => undefined);
  return {
    write: (line, worth) => {
      if (stream.writableLength > MOST_UNREAD) lost += worth;
      else
        stream.write(line, (error) => {
          if (error) lost += worth;
        });
    },
    takeLost: () => {
      const taken = lost;
      lost = 0;
      return taken;
    },
  };
};

/** O_NONBLOCK: a pipe with that name, which nobody reads from, is an error and not a wait without end. */
const appending =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

const opened = (path: string): number => {
  try {
    return openSync(path, appending, 0o600);
  } catch (error) {
    throw new FileError('write the log file', path, error);
  }
};

/** Lines behind what is in a file, which is made for its owner alone if it is not there. Throws FileError. */
export const fileLines = (path: string): LinesFile => {
  let file = opened(path);
  let lost = 0;
  /** The disk filled up within a line: the next one must not stand behind its half. */
  let cut = false;
  return {
    write: (line, worth) => {
      const bytes = Buffer.from(cut ? `\n${line}` : line);
      let done = 0;
      try {
        while (done < bytes.length) done += writeSync(file, bytes, done);
        cut = false;
      } catch {
        lost += worth;
        cut ||= done > 0;
      }
    },
    takeLost: () => {
      const taken = lost;
      lost = 0;
      return taken;
    },
    reopen: () => {
      const next = opened(path);
      closeSync(file);
      file = next;
      cut = false;
    },
  };
};
