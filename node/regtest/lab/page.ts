/**
 * The web page of a lab, in a process of its own that stays up as the nodes do. Each time that somebody asks for it the process makes a
 * link that opens it once, and tells it on a socket in its folder, which only its owner can reach.
 */
import { rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { systemClock, systemEntropy } from '../../base/entropy.ts';
import { makeFolder } from '../../base/files.ts';
import { serveWeb } from '../../web/server.ts';
import { program } from '../demo/process.ts';
import { sleep } from '../demo/wait.ts';
import { openLab, pageFolderIn } from './labfile.ts';
import { mineInLab } from './mine.ts';
import { died, runningPid, startDetached } from './processes.ts';

/** Milliseconds that the process has to come up, and to tell a link. */
const patience = 20_000;
const linkTimeout = 5_000;

const socketIn = (folder: string): string => join(folder, 'link');

/** A new link, as the process that serves the page tells it; undefined where none answers. */
const linkFrom = (folder: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = createConnection(socketIn(folder));
    let told = '';
    socket.setTimeout(linkTimeout, () => socket.destroy());
    socket.on('data', (chunk) => {
      told += chunk.toString();
      if (told.length > 1_000) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(told.startsWith('http://') ? told.trim() : undefined));
  });

/** A link that opens the page of this lab once; what serves it is started where it does not run. Throws LabError. */
export const labPageLink = async (dir: string): Promise<string> => {
  await openLab(dir);
  const folder = pageFolderIn(dir);
  if ((await runningPid(folder)) === undefined) {
    await rm(socketIn(folder), { force: true });
    await startDetached({
      ...{ name: 'the web page of the lab', dir: folder },
      command: [process.execPath, program, 'lab', 'page', '--serve', folder],
      env: { ...process.env, AMPERE_LAB: dir },
    });
  }
  for (const end = Date.now() + patience; Date.now() < end; await sleep(50)) {
    const link = await linkFrom(folder);
    if (link !== undefined) return link;
    if ((await runningPid(folder)) === undefined)
      throw await died({ name: 'the web page of the lab', dir: folder }, 'ended');
  }
  throw await died({ name: 'the web page of the lab', dir: folder }, 'did not answer in time');
};

/** Serves the page of the lab in `dir` until the process is told to end. Throws LabError, ListenError, FileError. */
export const servePage = async (dir: string, env: NodeJS.ProcessEnv): Promise<void> => {
  const lab = await openLab(dir);
  const folder = pageFolderIn(dir);
  await makeFolder(folder);
  const web = await serveWeb({
    listen: { host: '127.0.0.1', port: 0 },
    nodes: lab.nodes.flatMap(({ name, socket }) => (socket === undefined ? [] : [{ name, socket }])),
    lab: true,
    mine: async (blocks) => ({ mined: await mineInLab(lab, blocks, env) }),
    ...{ clock: systemClock, entropy: systemEntropy },
    log: { error: (fields, message) => console.error(message, fields) },
  });
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`${web.link()}\n`);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketIn(folder), resolve));
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  server.close();
  await web.close();
};
