/**
 * The API on a unix socket, framed as Core Lightning does it: requests are JSON values one behind the other, each answer
 * is followed by an empty line. Who may write to the socket's file may call.
 */
import type { Stats } from 'node:fs';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { makeFolder } from '../../base/files.ts';
import { FileError } from '../../base/fileserror.ts';
import { ListenError } from '../../base/listenerror.ts';
import { briefly, type Calls, openCalls } from './calls.ts';
import { Connections, endWith, maxConnections, stalledAfter } from './connections.ts';
import { JsonStream, StreamError } from './json.ts';
import { type Answer, maxMessage, refusal } from './jsonrpc.ts';
import { writeTo } from './streaming.ts';

export interface ApiServer {
  /** Takes nothing more, lets calls under way be answered for a moment, closes. */
  close(): Promise<void>;
}

/** sockaddr_un has 108 bytes on Linux and 104 on macOS, one of them for the closing zero. */
export const maxPath = process.platform === 'darwin' ? 103 : 107;

const serve = (socket: Socket, answer: Answer): Calls => {
  const stream = new JsonStream(maxMessage);
  // Who does not read its answers is not read from either, so neither side piles up; who takes nothing for long has gone.
  const calls = openCalls(answer, socket, async (text) => {
    socket.setTimeout(stalledAfter);
    await writeTo(socket, text, '\n\n').catch(() => socket.destroy());
    socket.setTimeout(0);
  });
  socket.on('timeout', () => socket.destroy());
  socket.on('data', (chunk: Uint8Array) => {
    try {
      for (const request of stream.push(chunk)) calls.take(request);
    } catch (error) {
      // Where the next request begins is unknown: say so, answer what was understood, and end.
      const why = refusal('parse_error', error instanceof StreamError ? error.message : 'not understood');
      socket.removeAllListeners('data').resume();
      void calls.end().then(() => endWith(socket, `${why}\n\n`));
    }
  });
  socket.on('end', () => void calls.end().then(() => socket.end()));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => void calls.end());
  return calls;
};

const code = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    // Also later, when the system has nothing left for whoever calls: that costs a caller, not the node.
    server.on('error', reject);
    server.listen(path, resolve);
  });

/** What stands at the socket's place is never deleted, unless it is a socket. Throws ListenError `unusable`. */
const checkPlace = async (path: string): Promise<void> => {
  let found: Stats;
  try {
    found = await lstat(path);
  } catch (error) {
    if (code(error) === 'ENOENT') return;
    throw new FileError('make the socket', path, error);
  }
  if (!found.isSocket())
    throw new ListenError(
      'unusable',
      `${path} is there and is no socket: it is left as it is; move it away, or choose another --dir`,
    );
};

const isAlive = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path);
    const end = (alive: boolean) => {
      probe.destroy();
      resolve(alive);
    };
    probe.once('connect', () => end(true));
    probe.once('error', (error) => end(code(error) !== 'ECONNREFUSED' && code(error) !== 'ENOENT'));
  });

/**
 * Serves the API at `path` (mode 0600, its directory made with mode 0700). A socket file that nobody listens on is left
 * over from a crash and replaced; one that answers throws ListenError `already_running`, and what is no socket `unusable`. Throws
 * FileError where none can be made.
 */
export const listenUnix = async (path: string, answer: Answer): Promise<ApiServer> => {
  if (Buffer.byteLength(path) > maxPath)
    throw new ListenError(
      'path_too_long',
      `${path}: a socket's path has at most ${maxPath} bytes; choose a shorter --dir`,
    );
  const open = new Map<Socket, Calls>();
  const connections = new Connections<Socket>(maxConnections, (socket) => socket.destroy());
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const calls = serve(socket, answer);
    if (!connections.admit(socket, calls.isBusy)) {
      endWith(socket, `${refusal('busy', `${maxConnections} connections with calls under way are open`)}\n\n`);
      return;
    }
    open.set(socket, calls);
    socket.once('close', () => {
      open.delete(socket);
      connections.free(socket);
    });
  });
  await makeFolder(dirname(path));
  await checkPlace(path);
  try {
    await listen(server, path);
  } catch (error) {
    if (code(error) !== 'EADDRINUSE') throw new FileError('make the socket', path, error);
    if (await isAlive(path)) throw new ListenError('already_running', `a node is already running at ${path}`);
    await unlink(path);
    await listen(server, path);
  }
  await chmod(path, 0o600);
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await briefly(
        [...open].map(async ([socket, calls]) => {
          socket.pause();
          await calls.end();
          await new Promise<void>((resolve) => socket.end(resolve));
        }),
      );
      // The other side's end is not waited for: it may never come.
      for (const socket of open.keys()) socket.destroy();
      await closed;
    },
  };
};
