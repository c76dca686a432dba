/**
 * Destinations of log lines: standard error, or a file that can be reopened after another program has moved it. Lines that cannot be
 * written are counted, and the count is logged later; they neither stop the node nor fill its memory.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { FileError } from './fileserror.ts';

/** A destination of lines. */
export interface Lines {
  /** Writes a line, or counts it as lost. Never throws. */
  write(line: string, worth: number): void;
  /** Lines lost since the last call. */
  takeLost?(): number;
}

/** A file of lines. */
export interface LinesFile extends Lines {
  /**
   * Closes the file and opens the one that has its name now, which is created where there is none. Where that fails it throws FileError and
   * goes on with the old file.
   */
  reopen(): void;
}

/** Bytes that may be buffered for a slow reader before lines are dropped. */
export const MOST_UNREAD = 1024 * 1024;

/** Writes lines to a stream, such as standard error, whose reader may be gone or slow, or whose disk may be full. */
export const streamLines = (stream: Writable): Lines => {
  let lost = 0;
  // Each write's callback gets the error, too; without this listener the error event would end the process.
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

/** O_NONBLOCK: opening a named pipe that nobody reads from fails instead of blocking forever. */
const appending =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

const opened = (path: string): number => {
  try {
    return openSync(path, appending, 0o600);
  } catch (error) {
    throw new FileError('write the log file', path, error);
  }
};

/** Appends lines to a file, which is created for its owner only where there is none. Throws FileError. */
export const fileLines = (path: string): LinesFile => {
  let file = opened(path);
  let lost = 0;
  /** A full disk cut a line: the next one begins with a line break. */
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
