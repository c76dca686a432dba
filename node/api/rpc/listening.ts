/** Lets a server listen at an address that an option of the node names. */
import type { Server } from 'node:net';
import { addressText } from '../../base/address.ts';
import { ListenError } from '../../base/listenerror.ts';
import type { Address } from '../../ports/ports.ts';

/**
 * Resolves with where the server listens, its port that of the system's choice where 0 was asked for. `option` is named in the error.
 * Throws ListenError `port_taken`.
 */
export const listenAt = async (server: Server, { host, port }: Address, option: string): Promise<Address> => {
  await new Promise<void>((resolve, reject) => {
    // Also later, when the system has nothing left for whoever calls: that costs a caller, not the node.
    server.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new ListenError(
              'port_taken',
              `${addressText({ host, port })} is taken: choose another with ${option} HOST:PORT, port 0 for a free one`,
            )
          : error,
      ),
    );
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  return { host, port: typeof bound === 'object' && bound !== null ? bound.port : port };
};
