/** A log whose lines at `warn` and `error` are told to those who subscribed to `warning`. */
import type { Log } from '../../ports/ports.ts';
import type { Notifications } from './notifications.ts';

/** Fields that say what a line is about; none of them is secret. */
const shown = ['channel', 'channel_id', 'peer', 'payment_hash', 'why', 'txid'] as const;

const textOf = (fields: Readonly<Record<string, unknown>>, message: string): string => {
  const named = shown.flatMap((name) => (typeof fields[name] === 'string' ? [`${name}=${fields[name]}`] : []));
  return [message, ...named].join('  ');
};

/** `now` in milliseconds since 1970. Lines are written whether or not anybody is told of them. */
export const warningLog = (log: Log, notifications: Notifications, now: () => number, part = 'core'): Log => {
  const at = (level: 'warn' | 'error') => (fields: object, message: string) => {
    log[level](fields, message);
    if (!notifications.isHeard('warning')) return;
    const text = textOf({ ...fields }, message);
    notifications.publish('warning', { level, time: (now() / 1000).toFixed(3), source: part, log: text });
  };
  return {
    trace: (fields, message) => log.trace(fields, message),
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: at('warn'),
    error: at('error'),
    isTracing: () => log.isTracing(),
    child: (fields) =>
      warningLog(log.child(fields), notifications, now, typeof fields['part'] === 'string' ? fields['part'] : part),
  };
};
