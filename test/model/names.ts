/** Who stands in the line, where they listen, and what they would read from their config files. */
import { loadConfig } from '../../node/config/config.ts';

export const names = ['alice', 'bob', 'carol'] as const;

/** A node's address says its place in the line. */
export const addressOf = (place: number) => ({ host: '127.0.0.1', port: 1000 + place });
export const placeOf = ({ port }: { readonly port: number }): number => port - 1000;

export const configOf = (place: number) =>
  loadConfig({
    flags: {
      dir: `/model/${names[place]}`,
      listen: `127.0.0.1:${addressOf(place).port}`,
      api: 'off',
      bitcoind: 'http://user:password@127.0.0.1:1',
      'anchor-reserve': '25000',
    },
    env: {},
    read: () => undefined,
  });
