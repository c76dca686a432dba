/**
 * lab.json, which says what a lab is made of: its chain, its nodes with their folders and addresses, its channels. Whoever wants to talk
 * to a lab reads it. It holds no secret: the chain's login stands in its cookie file.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../base/files.ts';
import { FileError, reasonOf } from '../../base/fileserror.ts';
import { LabError } from './laberror.ts';

/** The most nodes and channels of a lab. */
export const mostNodes = 26;
export const mostChannels = 200;
/** What a node may be called: it is its folder, its alias, and what stands behind @. */
export const namePattern = /^[a-z][a-z0-9]{0,15}$/;

const path = z.string().min(1).max(4096);
const address = z.string().regex(/^127\.0\.0\.1:\d{1,5}$/, 'expected 127.0.0.1:PORT');
const name = z
  .string()
  .regex(namePattern, 'expected a lower-case letter, then at most 15 lower-case letters and digits');
/** Satoshi as digits, since JSON has no integers of any size. */
const satoshi = z
  .string()
  .regex(/^\d{1,16}$/, 'expected satoshi as digits')
  .transform((digits) => BigInt(digits));

const node = z.object({
  name,
  kind: z.enum(['ampere', 'lnd']),
  /** Its --dir (of lnd, its --lnddir), which also has the file of its log, `log`, and of its process id, `pid`. */
  dir: path,
  network: z.literal('regtest'),
  /** The unix socket of its JSON-RPC; lnd has none. */
  socket: path.optional(),
  /** HTTP and WebSocket calls; of lnd, REST over TLS. */
  api: address,
  /** Where peers connect. */
  peer: address,
  /** lnd's gRPC address. */
  rpc: address.optional(),
  /** Options of `ampere start`, or of lnd, beside those that say where it is and on which chain. */
  flags: z.array(z.string().max(4096)).max(100),
  /** Known once it has answered: 33 bytes as hex. */
  id: z
    .string()
    .regex(/^[0-9a-f]{66}$/)
    .optional(),
});

const channel = z.object({
  /** Who opens it, and with whom. */
  from: name,
  to: name,
  capacity_sat: satoshi,
  /** What of it is the other side's at the beginning. */
  push_sat: satoshi,
  /** What both ends ask for forwarding; their own defaults unless told. */
  fee_base_msat: z.int().min(0).max(4_294_967_295).optional(),
  fee_ppm: z.int().min(0).max(4_294_967_295).optional(),
  /** TXID:OUTPUT once it was opened; what was opened once is never opened again. */
  funding: z.string().max(80).optional(),
});

const shape = z.object({
  version: z.literal(1),
  /** When it was made, seconds since 1970. */
  created_at: z.int(),
  /** `line`, `ring`, `star`, `diamond`, or the file that described it. */
  shape: path,
  chain: z.object({
    kind: z.enum(['bitcoind', 'embedded']),
    /** What `-version` says. */
    version: z.string().max(200),
    /** The program and its first arguments. */
    command: z.array(path).min(1).max(20),
    dir: path,
    /** http://127.0.0.1:PORT, without a login. */
    url: z.string().regex(/^http:\/\/127\.0\.0\.1:\d{1,5}$/, 'expected http://127.0.0.1:PORT'),
    /** The file with the login, USER:PASSWORD, written anew at each start of the chain. */
    cookie: path,
  }),
  nodes: z.array(node).min(1).max(mostNodes),
  channels: z.array(channel).max(mostChannels),
});

export type LabFile = z.output<typeof shape>;
export type LabNode = z.output<typeof node>;
export type LabChannel = z.output<typeof channel>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of the lab: AMPERE_LAB, or ~/.ampere/lab. */
export const labFolder = (env: Environment): string => {
  const given = env['AMPERE_LAB'];
  return given === undefined || given === '' ? join(homedir(), '.ampere', 'lab') : resolve(given);
};

/** The file of the lab in this folder. */
export const labFileIn = (dir: string): string => join(dir, 'lab.json');

/** The folder of the process that serves the lab's web page. */
export const pageFolderIn = (dir: string): string => join(dir, 'page');

/** The lab in this folder, or undefined where there is none. Throws LabError `bad_file` naming the field, and FileError. */
export const readLab = async (dir: string): Promise<LabFile | undefined> => {
  const file = labFileIn(dir);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new FileError('read', file, error);
  }
  const bad = (field: string, expected: string) =>
    new LabError({ code: 'bad_file', file, field, expected }, `${file}: ${field}: ${expected}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad('the file', `expected JSON (${reasonOf(error)})`);
  }
  const read = shape.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw bad(issue?.path.join('.') || 'the file', issue?.message ?? 'expected a lab');
};

/** As readLab, where there has to be one. Throws LabError `no_lab`, too. */
export const openLab = async (dir: string): Promise<LabFile> => {
  const lab = await readLab(dir);
  if (lab !== undefined) return lab;
  throw new LabError({ code: 'no_lab', dir }, `there is no lab in ${dir}: \`ampere lab up\` makes one`);
};

/** Replaces the file of the lab in this folder; readers find the old or the new one whole. */
export const writeLab = async (dir: string, lab: LabFile): Promise<void> => {
  const text = JSON.stringify(lab, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2);
  await replaceFile(labFileIn(dir), Buffer.from(`${text}\n`));
};
