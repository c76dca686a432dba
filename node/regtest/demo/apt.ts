/**
 * bitcoind out of Debian's archive without installing anything: apt works on private state below one folder, with the
 * mirror the machine itself is configured for, and checks the archive's signature with the machine's own Debian keys.
 */
import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgramResult, runToEnd } from './run.ts';

/** The suite that has it, and the package. The suite's own libraries come along, so the machine's do not matter. */
const suite = 'forky';
const wanted = 'bitcoin-knots';

/** Where Debian's `debian-archive-keyring` package puts its keys, by its versions. */
const keyrings = ['/usr/share/keyrings/debian-archive-keyring.pgp', '/usr/share/keyrings/debian-archive-keyring.gpg'];

/** Why bitcoind could not be had from Debian, in words for a person. */
export class AptError extends Error {
  override readonly name = 'AptError';
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const lastLines = ({ out, err }: ProgramResult): string => {
  const lines = (err.trim() || out.trim()).split('\n');
  return lines.slice(-4).join('\n');
};

const must = async (what: string, run: Promise<ProgramResult>): Promise<string> => {
  const ran = await run;
  if (ran.code !== 0) throw new AptError(`${what} failed:\n${lastLines(ran)}`);
  return ran.out;
};

/**
 * The Debian mirror of apt's configuration. ReleaseInfo is left out, for then apt also tells about mirrors it has not
 * asked yet, which is how a container image begins.
 */
const debianMirror = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const format = '$(REPO_URI) $(CODENAME) $(RELEASE)';
  const ran = await runToEnd(
    ['apt-get', 'indextargets', '-o', 'APT::Get::IndexTargets::ReleaseInfo=false', '--format', format],
    { env },
  );
  if (ran.code !== 0) throw new AptError('there is no apt here, so Debian has nothing for this machine');
  const mirrors = ran.out.split('\n').map((line) => line.split(' ')[0] ?? '');
  const mirror = mirrors.find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) throw new AptError('apt is not configured for a Debian mirror');
  return mirror;
};

/** apt's options for state of its own below a folder: no root needed, and the machine's lists stay as they are. */
const privateState = async (folder: string, mirror: string): Promise<readonly string[]> => {
  for (const part of ['lists/partial', 'cache/archives/partial']) await mkdir(join(folder, part), { recursive: true });
  const keys: string[] = [];
  for (const path of keyrings) if (keys.length === 0 && (await exists(path))) keys.push(path);
  const signed = keys.length === 0 ? '' : `[signed-by=${keys.join(',')}] `;
  const list = join(folder, 'sources.list');
  await writeFile(list, `deb ${signed}${mirror} ${suite} main\n`);
  return [
    ['Dir::Etc::sourcelist', list],
    ['Dir::Etc::sourceparts', '-'],
    ['Dir::State::Lists', join(folder, 'lists')],
    ['Dir::Cache', join(folder, 'cache')],
    ['Dir::State::status', '/dev/null'],
    ['Acquire::Languages', 'none'],
    ['Acquire::IndexTargets::deb::DEP-11::DefaultEnabled', 'false'],
    // Downloads by root would be done as another user, who cannot write below root's home.
    ...(process.getuid?.() === 0 ? [['APT::Sandbox::User', 'root']] : []),
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
};

/**
 * Packages out of `apt-cache depends --recurse`: the wanted one and, from it, the libraries it hangs on. Stanzas begin at
 * the margin; of alternatives (`|Depends`) the first is taken; what is no library needs configuration and is not used.
 */
export const libraryClosure = (from: string, depends: string): readonly string[] => {
  const needs = new Map<string, string[]>();
  let current: string[] = [];
  let skip = false;
  for (const line of depends.split('\n')) {
    const match = /^\s+(\|?)(?:Pre)?Depends: (\S+)$/.exec(line);
    if (/^\S/.test(line)) {
      current = [];
      needs.set(line.trim(), current);
      skip = false;
    } else if (match !== null) {
      if (!skip && match[2] !== undefined) current.push(match[2]);
      skip = match[1] === '|';
    }
  }
  const found = new Set([from]);
  for (const name of found)
    for (const need of needs.get(name) ?? []) if (/^(?:lib|zlib)/.test(need)) found.add(need.replace(/:.*$/, ''));
  return [...found];
};

/** A file below a folder, by the form of its name, not following links out of it. */
const findBelow = async (folder: string, name: RegExp, depth = 4): Promise<string | undefined> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const hit = entries.find((entry) => name.test(entry.name) && !entry.isDirectory());
  if (hit !== undefined) return join(folder, hit.name);
  for (const entry of entries) {
    if (!entry.isDirectory() || depth === 0) continue;
    const below = await findBelow(join(folder, entry.name), name, depth - 1);
    if (below !== undefined) return below;
  }
  return undefined;
};

/** The command line that runs the bitcoind unpacked in this folder, or undefined when there is none. */
export const unpackedCommand = async (root: string): Promise<readonly string[] | undefined> => {
  const program = join(root, 'usr', 'bin', 'bitcoind');
  const loader = await findBelow(join(root, 'usr', 'lib'), /^ld-linux.*\.so\.\d+$/);
  const libc = await findBelow(join(root, 'usr', 'lib'), /^libc\.so\.6$/);
  if (loader === undefined || libc === undefined || !(await exists(program))) return undefined;
  return [loader, '--library-path', join(libc, '..'), program];
};

/** Downloads and unpacks bitcoind into `root`, working in `work`; both are the caller's to remove. `progress` is told of each step. Throws AptError. */
export const unpackFromDebian = async (
  work: string,
  root: string,
  env: NodeJS.ProcessEnv,
  progress: (line: string) => void = () => undefined,
): Promise<void> => {
  const options = await privateState(work, await debianMirror(env));
  const flags = ['--recurse', '--important'];
  progress(`fetching bitcoind: asking Debian's ${suite} suite for its packages`);
  await must(
    `asking Debian's ${suite} suite for its packages`,
    runToEnd(['apt-get', ...options, '-q', 'update'], { env }),
  );
  const depends = await must(
    `finding ${wanted}`,
    runToEnd(['apt-cache', ...options, 'depends', ...flags, wanted], { env }),
  );
  const packages = libraryClosure(wanted, depends);
  const archives = join(work, 'packages');
  await mkdir(archives, { recursive: true });
  // One at a time, so that whoever waits sees how far it is.
  for (const [at, name] of packages.entries()) {
    progress(`fetching bitcoind: package ${at + 1} of ${packages.length}, ${name}`);
    const download = ['apt-get', ...options, '-q', 'download', name];
    await must(`downloading ${name}`, runToEnd(download, { cwd: archives, timeout: 600_000, env }));
  }
  progress(`fetching bitcoind: unpacking ${packages.length} packages`);
  for (const name of await readdir(archives))
    await must(`unpacking ${name}`, runToEnd(['dpkg', '-x', join(archives, name), root], { env }));
};
