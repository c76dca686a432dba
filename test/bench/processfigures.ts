/** What Linux tells of a process, in /proc; NaN for all of it elsewhere, and once the process is gone. */
import { readFileSync } from 'node:fs';

const KB_PER_MB = 1024;
/** Clock ticks of /proc in a second, the same on every Linux. */
const TICKS = 100;

const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

const statusOf = (pid: number, name: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(read(pid, 'status'))?.[1] ?? Number.NaN) / KB_PER_MB;

/** MB that a process has in memory now. */
export const memoryOf = (pid: number): number => statusOf(pid, 'VmRSS');

/** The most MB that a process ever had in memory. */
export const mostMemoryOf = (pid: number): number => statusOf(pid, 'VmHWM');

/** Seconds of a processor that a process has used, with all its threads. */
export const processorOf = (pid: number): number => {
  // The name of the program, in parentheses, may hold spaces.
  const fields = read(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) / TICKS;
};
