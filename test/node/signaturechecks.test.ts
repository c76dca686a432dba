/** Signatures of gossip that are checked together, by a thread where there is one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkTogether, LEAST_TOGETHER, type ReceivedAnnouncement } from '../../node/graph/signaturebatch.ts';
import { CHECK_BYTES, type SignatureChecks, SignatureThread } from '../../node/graph/signaturechecks.ts';
import { verify } from '../../wire/crypto.ts';
import { decodeMessage } from '../../wire/message.ts';
import { point, scidOf, signature } from '../../wire/units.ts';
import { announcedOf, announcement, gossipOver, idOf, nodeAnnouncement, update } from '../support/graph.ts';
import { memoryLog } from '../support/peers.ts';

/** Checks in place, and counts. */
const inPlace = (): SignatureChecks & { readonly counts: number[] } => {
  const counts: number[] = [];
  return {
    counts,
    check: async (checks) => {
      counts.push(checks.length / CHECK_BYTES);
      return Uint8Array.from({ length: checks.length / CHECK_BYTES }, (_, at) => {
        const one = checks.subarray(at * CHECK_BYTES, (at + 1) * CHECK_BYTES);
        return verify(signature(one.slice(0, 64)), one.slice(64, 96), point(one.slice(96))) ? 1 : 0;
      });
    },
  };
};
const received = (raws: readonly Uint8Array[]): ReceivedAnnouncement[] =>
  raws.map((raw) => ({ message: decodeMessage(raw) as ReceivedAnnouncement['message'], raw }));
const wrong = (raw: Uint8Array): Uint8Array => raw.with(10, (raw[10] ?? 0) ^ 1);

describe('announcements that are checked together', () => {
  const [scid, other] = [scidOf(100, 1, 0), scidOf(101, 1, 0)];
  const batch = received([
    announcement('a', 'b', scid),
    update('a', 'b', scid),
    wrong(update('b', 'a', scid)),
    wrong(announcement('a', 'c', other)),
    update('a', 'c', other),
    nodeAnnouncement('a'),
    wrong(nodeAnnouncement('b')),
    update('a', 'b', scidOf(500, 1, 0)),
  ]);

  test('are found valid or not, the policies of a new channel by the keys in its announcement; those of an unknown one are left', async () => {
    const checks = inPlace();
    const { graph } = gossipOver([]);
    const verdicts = await checkTogether({ graph, checks }, batch, () => true);
    expect(verdicts.map((one) => one?.isValid)).toEqual([true, true, false, false, true, true, false, undefined]);
    expect(checks.counts).toEqual([4 + 1 + 1 + 4 + 1 + 1 + 1]);
  });

  test('are left to whoever handles them where they are few, nobody wants them, or nobody can check them', async () => {
    const { graph } = gossipOver([]);
    const checks = inPlace();
    expect(await checkTogether({ graph, checks }, batch.slice(0, LEAST_TOGETHER - 1), () => true)).toEqual([]);
    expect(await checkTogether({ graph, checks }, batch, () => false)).toEqual([]);
    expect(checks.counts).toEqual([]);
    const none = { check: async () => undefined };
    expect(await checkTogether({ graph, checks: none }, batch, () => true)).toEqual([]);
  });

  test('are believed of their signer alone: a verdict by other keys than the channel’s counts for nothing', async () => {
    const { gossip, take, graph } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    const raw = wrong(update('a', 'b', scid));
    const [one] = received([raw]);
    const message = one?.message;
    if (message?.name !== 'channel_update') throw new Error('no update');
    const verdict = { isValid: true, signer: 'somebody else' };
    expect(await gossip.handle(message, raw, idOf('peer'), undefined, verdict)).toBe('bad');
    expect(graph.channel(scid)?.policies).toEqual([undefined, undefined]);
  });
});

describe('a thread', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ampere-checks-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const threadOf = async (code: string) => {
    const program = join(dir, `${Math.abs(code.length * 31 + code.charCodeAt(60))}.mjs`);
    await writeFile(program, `import { parentPort } from 'node:worker_threads';\n${code}`);
    const log = memoryLog();
    const timers: (() => void)[] = [];
    return { log, timers, thread: new SignatureThread({ log, later: (_, run) => void timers.push(run), program }) };
  };

  test('answers each question, ends when it has nothing to do, and begins again', async () => {
    const { thread, timers, log } = await threadOf(
      'parentPort.on("message", ({ number, checks }) => parentPort.postMessage({ number, valid: checks.slice(0, 1) }));',
    );
    const answers = await Promise.all([3, 1, 2].map((n) => thread.check(Uint8Array.of(n, 9))));
    expect(answers.map((valid) => valid?.[0])).toEqual([3, 1, 2]);
    for (const run of timers) run();
    expect((await thread.check(Uint8Array.of(7)))?.[0]).toBe(7);
    await thread.stop();
    expect(await thread.check(Uint8Array.of(7))).toBeUndefined();
    expect(log.lines).toEqual([]);
  });

  test.each([
    ['that throws', 'parentPort.on("message", () => { throw new Error("no"); });'],
    ['that ends', 'parentPort.on("message", () => process.exit(0)); // of itself'],
    ['that cannot be read', 'this is no program at all, whoever looks at it'],
  ])('%s leaves the checks to its caller, and is not asked again', async (_, code) => {
    const { thread, log } = await threadOf(code);
    expect(await thread.check(Uint8Array.of(1))).toBeUndefined();
    expect(await thread.check(Uint8Array.of(1))).toBeUndefined();
    expect(log.lines).toHaveLength(1);
    await thread.stop();
  });
});
