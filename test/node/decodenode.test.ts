/** `decode` of a running node: its channels' transactions, its backup, what was sent to it; and the command without a node. */
import { readFile } from 'node:fs/promises';
import { Transaction } from 'bitcoinjs-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode } from '../../node/api/methods/invoices/decode.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { runCommand } from '../../node/cli/program.ts';
import { signedCommitment } from '../../node/dev/commitments.ts';
import { networkOf } from '../../node/ports/network.ts';
import { construct } from '../../onion/construct.ts';
import type { OnionHop } from '../../onion/packet.ts';
import { writeFinal } from '../../onion/payload.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { encodeMessage } from '../../wire/message.ts';
import { msat, paymentHash, secretKey } from '../../wire/units.ts';
import { patient } from '../support/api.ts';
import { type LocalPair, startPair } from '../support/pair.ts';

const hash = paymentHash(new Uint8Array(32).fill(9));
const sessionKey = secretKey(new Uint8Array(32).fill(7));

describe('of a running node', () => {
  let pair: LocalPair;
  let channel = '';
  beforeAll(async () => {
    pair = await startPair();
    await pair.endow('alice', 1_000_000n);
    channel = await pair.open(500_000n);
    const { bolt11 } = await pair.nodes.bob.call('invoice', { amount_msat: 90_000_000n, label: 'a', description: 'a' });
    await pair.nodes.alice.call('pay', { bolt11 });
  });
  afterAll(() => pair.stop());

  const coreAt = (who: 'alice' | 'bob') => {
    const [entry] = [...pair.nodes[who].node.channels.entries.values()];
    const core = entry && coreOf(entry.machine.state);
    if (core === undefined) throw new Error('expected a channel');
    return core;
  };

  test("a commitment says whose it is, and what each output is to the channel: ours, the peer's, anchors", async () => {
    const { tx, number } = signedCommitment(coreAt('alice'), []);
    const ours = await pair.nodes.alice.call('decode', { string: tx.toHex(), channel });
    expect(ours).toMatchObject({
      type: 'transaction',
      txid: tx.getId(),
      channel: { is: 'our commitment', commitment_number: number, revoked: false },
    });
    const roles = (ours['outputs'] as readonly { readonly role: string }[]).map(({ role }) => role);
    expect([...roles].sort()).toEqual(['to_local', 'to_local_anchor', 'to_remote', 'to_remote_anchor']);
    const theirs = await pair.nodes.bob.call('decode', { string: tx.toHex(), channel });
    expect(theirs).toMatchObject({ channel: { is: expect.stringMatching(/^the peer's (?:next )?commitment/) } });
    expect(theirs['outputs']).toContainEqual(expect.objectContaining({ role: 'to_remote' }));
  });

  test('a commitment that was revoked says so', async () => {
    const before = signedCommitment(coreAt('alice'), []).tx.toHex();
    const { bolt11 } = await pair.nodes.bob.call('invoice', { amount_msat: 5_000_000n, label: 'b', description: 'b' });
    await pair.nodes.alice.call('pay', { bolt11 });
    expect(await pair.nodes.bob.call('decode', { string: before, channel })).toMatchObject({
      channel: { is: 'a REVOKED commitment of the peer', revoked: true },
    });
    expect(await pair.nodes.alice.call('decode', { string: before, channel })).toMatchObject({
      channel: { is: 'our commitment', revoked: true },
    });
  });

  test('a spend of the funding output that is neither commitment nor closing is told, and outputs have their addresses', async () => {
    const { funding } = coreAt('alice');
    const raw = new Transaction();
    raw.version = 2;
    raw.addInput(funding.txid, funding.index);
    raw.addOutput(Uint8Array.of(0, 20, ...zeros(20)), 1000n);
    expect(await pair.nodes.alice.call('decode', { string: raw.toHex(), channel })).toMatchObject({
      channel: { is: 'neither a commitment nor a closing that this node signed' },
      outputs: [{ amount_sat: 1000n, type: 'witness_v0_keyhash', address: expect.stringMatching(/^bcrt1q/) }],
    });
  });

  test('a backup shows its channels, and without the seed its head alone', async () => {
    const { node } = pair.nodes.alice;
    const file = node.config.backupFile;
    expect(await pair.nodes.alice.call('decode', { file })).toMatchObject({
      type: 'backup',
      network: 'regtest',
      channels: [{ channel_id: channel, peer_id: pair.nodes.bob.id, capacity_sat: 500_000n, opener: 'local' }],
    });
    const string = hex(new Uint8Array(await readFile(file)));
    const offline = { network: networkOf('regtest'), now: () => 1_700_000_000 };
    expect(await decode.handler(offline, decode.params.parse({ string }), patient)).toMatchObject({
      type: 'backup',
      hint: expect.stringContaining('seed'),
    });
    await expect(pair.nodes.bob.call('decode', { string })).rejects.toThrow(/another seed|other node|seed/);
  });

  test('the key of this node opens what was sent to it, and shows no shared secret', async () => {
    const hop: OnionHop = {
      node: pair.nodes.bob.node.keys.nodeId,
      data: { kind: 'tlv', stream: writeFinal({ amtToForward: msat(1n), outgoingCltvValue: 2 }) },
    };
    const built = construct({ sessionKey, associatedData: hash, hops: [hop] });
    const shown = await pair.nodes.bob.call('decode', {
      string: hex(built.packet),
      nodekey: 'this',
      payment_hash: hex(hash),
    });
    expect(shown).toMatchObject({ layers: [{ last: true, payload: { amt_to_forward: 1n } }] });
    expect(JSON.stringify(Object.keys((shown['layers'] as readonly object[])[0] ?? {}))).not.toContain('shared_secret');
  });

  test('the command decodes offline, as an indented text or JSON, and a backup with the seed in its folder', async () => {
    const { dir, backupFile } = pair.nodes.alice.node.config;
    const run = async (words: readonly string[]) => {
      const [out, err]: [string[], string[]] = [[], []];
      const code = await runCommand(['--dir', dir, 'decode', '--offline', ...words], {
        out: (text) => void out.push(text),
        err: (text) => void err.push(text),
        env: {},
        run: () => Promise.reject(new Error('no node is wanted')),
      });
      return { code, out: out.join('\n'), err: err.join('\n') };
    };
    const pong = hex(encodeMessage({ name: 'pong', ignored: zeros(3) }));
    expect(await run([pong])).toEqual({
      code: 0,
      out: 'type: message\nvalid: true\nname: pong\nmessage type: 19\nfields:\n  ignored: 000000\nalso:\n  - feature vector\nnote: taken for a message; to read it as something else: type=features',
      err: '',
    });
    expect(JSON.parse((await run(['--json', pong])).out)).toMatchObject({ name: 'pong' });
    expect((await run([`file=${backupFile}`])).out).toContain(`channel id: ${channel}`);
    expect(await run(['ab'.repeat(32)])).toMatchObject({ code: 1, err: expect.stringContaining('nothing known') });
    expect(await run([pong, 'channel=103x1x0'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('running node'),
    });
    expect(await run([pong, 'type=letter'])).toMatchObject({ code: 2, err: expect.stringContaining('type: expected') });
  });
});
