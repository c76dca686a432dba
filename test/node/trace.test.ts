/** The log at level trace: what two nodes say to each other and what their channels and payments make of it, and no secret. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { perCommitmentSecret } from '../../channel/tx/secrets.ts';
import { openLog } from '../../node/base/log.ts';
import { LevelTable, logLevelsFrom } from '../../node/base/loglevels.ts';
import { Machine } from '../../node/base/machine.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { traceMessage, traceRaw } from '../../node/peer/trace.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf } from '../../wire/crypto.ts';
import { channelId, preimage, secretKey, shortChannelId } from '../../wire/units.ts';
import { type LocalPair, startPair, type Who } from '../support/pair.ts';

interface Line {
  readonly level: string;
  readonly part: string;
  readonly msg: string;
  readonly peer?: string;
  readonly channel?: string;
  readonly direction?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly input?: string;
  readonly phase?: string;
  readonly effects?: readonly string[];
}

/** Logs at these levels, each of which keeps its lines as JSON. */
const logTo = (levels: string) => (lines: string[]) =>
  openLog({
    levels: new LevelTable(logLevelsFrom(levels)),
    form: 'json',
    colour: false,
    out: { write: (line) => void lines.push(line) },
  });

describe('of two nodes with a channel, a payment and a close', () => {
  let pair: LocalPair;
  let channel = '';
  let proof = '';
  /** What no line may hold, in hex, by what it is. */
  const secrets: Record<string, string> = {};

  const linesOf = (who: Who): readonly Line[] => pair.logs[who].map((line) => JSON.parse(line) as Line);
  const traced = (who: Who, part: string): readonly Line[] =>
    linesOf(who).filter((line) => line.level === 'trace' && line.part === part);
  /** Messages of these names, in order. */
  const said = (who: Who, names: RegExp): readonly string[] =>
    traced(who, 'peer').flatMap(({ msg }) => (names.test(msg) ? [msg] : []));
  const stepOf = (who: Who, input: string): Line | undefined =>
    traced(who, 'channel').find((line) => line.input === input);

  const keepSecrets = (at: string): void => {
    for (const who of ['alice', 'bob'] as const) {
      const { node } = pair.nodes[who];
      secrets[`identity of ${who}`] = hex(node.keys.identity);
      for (const branch of [0, 1] as const)
        for (let index = 0; index < 5; index++)
          secrets[`key ${branch}/${index} of ${who}`] = hex(node.keys.spendingKey({ branch, index }));
      for (const { machine } of node.channels.entries.values()) {
        const core = coreOf(machine.state);
        if (core === undefined) throw new Error('expected a funded channel');
        secrets[`channel seed of ${who}`] = hex(core.params.seed);
        for (const [name, key] of Object.entries(core.keys))
          if (key instanceof Uint8Array) secrets[`${name} of ${who}`] = hex(key);
        // Revoked or not: of those that were sent only the first bytes are written.
        for (let number = 0; number < 8; number++)
          secrets[`per-commitment secret ${number} of ${who} ${at}`] = hex(
            perCommitmentSecret(core.params.seed, number),
          );
      }
    }
  };

  beforeAll(async () => {
    pair = await startPair({}, {}, logTo('info,peer=trace,channel=trace,payment=trace,forward=trace,store=silent'));
    await pair.endow('alice', 1_000_000n);
    channel = await pair.open(500_000n);
    const { bolt11, payment_hash } = await pair.nodes.bob.call('invoice', {
      amount_msat: 20_000_000n,
      label: 'trace',
      description: 'one HTLC',
    });
    await pair.nodes.alice.call('pay', { bolt11, shards: 1 });
    const [sent] = (await pair.nodes.alice.call('listpays', { payment_hash })).pays;
    proof = sent?.preimage ?? '';
    keepSecrets('before the close');
    await pair.nodes.alice.call('close', { id: channel });
    await pair.mine();
  });
  afterAll(() => pair.stop());

  test('the opening is shown by the names of its messages, in the order in which they were said', () => {
    const names = /open_channel|accept_channel|funding_/;
    expect(said('alice', names)).toEqual([
      'sent open_channel',
      'received accept_channel',
      'sent funding_created',
      'received funding_signed',
    ]);
    expect(said('bob', names)).toEqual([
      'received open_channel',
      'sent accept_channel',
      'received funding_created',
      'sent funding_signed',
    ]);
  });

  test('an HTLC is shown from its offer to the last revocation', () => {
    expect(said('alice', /update_|commitment_signed|revoke_and_ack/)).toEqual([
      'sent update_add_htlc',
      'sent commitment_signed',
      'received revoke_and_ack',
      'received commitment_signed',
      'sent revoke_and_ack',
      'received update_fulfill_htlc',
      'received commitment_signed',
      'sent revoke_and_ack',
      'sent commitment_signed',
      'received revoke_and_ack',
    ]);
  });

  test('a message is shown with its peer, its direction and its fields, long ones shortened', () => {
    const add = traced('bob', 'peer').find(({ msg }) => msg === 'received update_add_htlc');
    expect(add).toMatchObject({ peer: pair.nodes.alice.id.slice(0, 16), direction: 'in' });
    expect(add?.fields).toMatchObject({
      channel_id: channel,
      id: '0',
      payment_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      cltv_expiry: expect.any(Number),
      onion_routing_packet: '1366 bytes',
    });
    const signed = traced('bob', 'peer').find(({ msg }) => msg === 'received commitment_signed');
    expect(signed?.fields?.['signature']).toMatch(/^[0-9a-f]{16}… \(64 bytes\)$/);
  });

  test('a preimage is shown where its HTLC is fulfilled, for the peer knows it from there', () => {
    const fulfilled = traced('alice', 'peer').find(({ msg }) => msg === 'received update_fulfill_htlc');
    expect(proof).toMatch(/^[0-9a-f]{64}$/);
    expect(fulfilled?.fields?.['payment_preimage']).toBe(proof);
    // Nor is it in any line before it leaves.
    const first = pair.logs.bob.findIndex((line) => line.includes(proof));
    expect(JSON.parse(pair.logs.bob[first] ?? '{}')).toMatchObject({ msg: 'sent update_fulfill_htlc' });
  });

  test('a step of a channel is shown with its input, its phase before and after, and its effects by name', () => {
    expect(stepOf('bob', 'message funding_created')).toMatchObject({
      channel,
      msg: 'channel step',
      phase: expect.stringMatching(/^\w+ -> \w+$/),
      effects: expect.arrayContaining(['save', 'send funding_signed']),
    });
    const step = stepOf('bob', 'message update_add_htlc');
    expect(step).toMatchObject({ phase: 'open', channel: expect.stringMatching(/^\d+x\d+x\d+$/) });
    expect(stepOf('alice', 'offer')?.effects).toContain('send update_add_htlc');
  });

  test('a step is shown before what it sends', () => {
    const lines = linesOf('alice');
    const step = lines.findIndex(({ input }) => input === 'offer');
    const sent = lines.findIndex(({ msg }) => msg === 'sent update_add_htlc');
    expect(step).toBeGreaterThan(0);
    expect(sent).toBeGreaterThan(step);
  });

  test('steps of the payment and of its receiver are shown, and no tick that did nothing', () => {
    const paid = traced('alice', 'payment');
    expect(paid.map(({ input }) => input)).toEqual(['start', 'route', 'outcome fulfilled', 'acknowledged']);
    expect(paid[0]).toMatchObject({ msg: 'payment step', phase: 'new -> running' });
    const received = traced('bob', 'payment');
    expect(received.map(({ input }) => input)).toEqual(['htlc', 'resolved']);
    expect(received[0]?.effects).toEqual(expect.arrayContaining(['save', 'fulfill']));
  });

  test('no line holds a key, a seed or a per-commitment secret of either node', () => {
    expect(Object.keys(secrets).length).toBeGreaterThan(40);
    for (const who of ['alice', 'bob'] as const) {
      const all = pair.logs[who].join('');
      expect(all.length).toBeGreaterThan(10_000);
      expect(Object.entries(secrets).filter(([, secret]) => all.includes(secret))).toEqual([]);
    }
    const revoked = traced('alice', 'peer').find(({ msg }) => msg === 'received revoke_and_ack');
    expect(revoked?.fields?.['per_commitment_secret']).toMatch(/^[0-9a-f]{8}… \(32 bytes\)$/);
  });
});

test('at level debug nothing of messages and steps is written', async () => {
  const pair = await startPair({}, {}, logTo('debug'));
  await pair.nodes.alice.call('connect', {
    id: pair.nodes.bob.id,
    host: '127.0.0.1',
    port: pair.nodes.bob.node.peers.address?.port ?? 0,
  });
  await pair.stop();
  const all = [...pair.logs.alice, ...pair.logs.bob];
  expect(all.some((line) => line.includes('"connected"'))).toBe(true);
  expect(all.filter((line) => /"level":"trace"|received |channel step/.test(line))).toEqual([]);
});

describe('a message in a trace', () => {
  const shown = (trace: (log: ReturnType<ReturnType<typeof logTo>>) => void): Line => {
    const lines: string[] = [];
    trace(logTo('trace')(lines));
    return JSON.parse(lines[0] ?? '{}') as Line;
  };

  test('has a preimage whole and of a secret only the first bytes', () => {
    const id = channelId(zeros(32));
    const fulfil = shown((log) =>
      traceMessage(log, 'in', {
        name: 'update_fulfill_htlc',
        channel_id: id,
        id: 1n,
        payment_preimage: preimage(new Uint8Array(32).fill(0xab)),
      }),
    );
    expect(fulfil.fields?.['payment_preimage']).toBe('ab'.repeat(32));
    const revoked = shown((log) =>
      traceMessage(log, 'out', {
        name: 'revoke_and_ack',
        channel_id: id,
        per_commitment_secret: secretKey(new Uint8Array(32).fill(0xcd)),
        next_per_commitment_point: pointOf(secretKey(new Uint8Array(32).fill(1))),
      }),
    );
    expect(revoked.fields?.['per_commitment_secret']).toBe('cdcdcdcd… (32 bytes)');
  });

  test('has its short_channel_ids as people write them, and of a long list the first and how many are left', () => {
    const { fields } = shown((log) =>
      traceMessage(log, 'in', {
        name: 'query_short_channel_ids',
        chain_hash: chainHashOf.regtest,
        encoded_short_ids: Array.from({ length: 10 }, (_, i) => shortChannelId(BigInt(i) << 40n)),
      }),
    );
    expect(fields?.['encoded_short_ids']).toEqual([...Array.from({ length: 8 }, (_, i) => `${i}x0x0`), '… (2 more)']);
  });

  test('has the text of an error fit for a terminal', () => {
    const { fields } = shown((log) =>
      traceMessage(log, 'in', {
        name: 'error',
        channel_id: channelId(zeros(32)),
        data: new TextEncoder().encode('no \u202e\u0007'),
      }),
    );
    expect(fields?.['data']).toBe('no \\u{202e}\\u{7}');
  });

  test('has its features by name behind their bits, and not all of any number', () => {
    const { fields } = shown((log) =>
      traceMessage(log, 'out', {
        name: 'init',
        globalfeatures: new Uint8Array(),
        features: Uint8Array.of(0x02, 0, 0x80, 0x02),
      }),
    );
    expect(fields).toMatchObject({
      globalfeatures: '',
      features: expect.stringMatching(/^02008002: option_data_loss_protect, payment_secret, option_route_blinding$/),
    });
    const bits = shown((log) =>
      traceMessage(log, 'in', {
        name: 'init',
        globalfeatures: new Uint8Array(),
        features: new Uint8Array(10_000).fill(255),
      }),
    );
    expect(String(bits.fields?.['features'])).toMatch(/^ffffffffffffffff… \(10000 bytes\): .*, and more$/);
    expect(String(bits.fields?.['features']).length).toBeLessThan(2_000);
  });

  test('that was kept as bytes is shown by its name, and one that cannot be read is no error', () => {
    const unreadable = shown((log) => traceRaw(log, Uint8Array.of(0, 128)));
    expect(unreadable.msg).toBe('sent a message that cannot be read');
    const known = shown((log) => traceRaw(log, Uint8Array.of(0, 19, 0, 1, 0)));
    expect(known).toMatchObject({ msg: 'sent pong', direction: 'out', fields: { ignored: '00' } });
  });
});

test('a trace that throws leaves the step, its effects and the machine as they are', async () => {
  const performed: string[] = [];
  const machine = new Machine<number, number, string>({
    state: 0,
    step: (before, input) => [before + input, [`add ${input}`]],
    perform: (effect) => {
      performed.push(effect);
      return undefined;
    },
    traced: () => {
      throw new Error('no line');
    },
    onFatal: (error) => void performed.push(String(error)),
  });
  machine.push(2);
  machine.push(3);
  await machine.settled();
  expect([machine.state, performed, machine.broken]).toEqual([5, ['add 2', 'add 3'], false]);
});
