/** The keys by which the store knows channels are the node's own: no log line, result or error of a call has one in it. */
import { expect, test } from 'vitest';
import { toJson } from '../../node/api/rpc/json.ts';
import type { Log } from '../../node/ports/ports.ts';
import type { LocalNode } from '../support/inprocess.ts';
import { startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';

/** Every line at every level, with what an error says. */
const everyLine = (lines: string[]): Log => {
  const take = (fields: object, message: string): void => {
    const read = (_: string, value: unknown): unknown =>
      typeof value === 'bigint' ? `${value}` : value instanceof Error ? { ...value, text: value.message } : value;
    lines.push(`${message} ${JSON.stringify(fields, read)}`);
  };
  const log: Log = {
    ...{ trace: take, debug: take, info: take, warn: take, error: take },
    isTracing: () => true,
    child: (fields) => {
      take(fields, 'of a part');
      return log;
    },
  };
  return log;
};

test('channels that open, carry, forward, refuse, fail and close are never named by the keys of the store', async () => {
  const line = await startLine(3, {}, {}, everyLine);
  const { alice, bob, carol } = line;
  const nodes = [alice, bob, carol];
  const keys = new Set<string>();
  const said: string[] = [];
  /** Looks at every channel there is, and asks for everything that is told about them. */
  const look = async (): Promise<void> => {
    for (const node of nodes) {
      for (const key of node.node.channels.entries.keys()) keys.add(key);
      for (const method of [
        ...(['getinfo', 'listpeers', 'listfunds', 'listpeerchannels', 'listclosedchannels', 'listhtlcs'] as const),
        ...(['listforwards', 'listpays', 'listsendpays', 'listsets', 'listinvoices', 'listknowledge'] as const),
        ...(['listtransactions', 'listchannels', 'listnodes', 'listconfigs'] as const),
      ])
        said.push(`${method} ${toJson(await node.call(method, {}))}`);
    }
  };
  /** Calls that are refused have something to say, too. */
  const refused = async (call: Promise<unknown>): Promise<void> => {
    const error: unknown = await call.then(
      (result) => ({ result }),
      (reason) => reason,
    );
    said.push(error instanceof Error ? `${error.message} ${toJson({ ...error })}` : toJson(error));
  };
  const keysend = (to: LocalNode, amount_msat: bigint) => alice.call('keysend', { destination: to.id, amount_msat });

  await line.mine(6);
  await line.known();
  await keysend(carol, 10_000_000n);
  await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: true });
  const held = refused(keysend(carol, 7_000_000n));
  await becomes('an HTLC in both channels', async () => (await bob.call('listhtlcs', {})).htlcs.length === 2);
  await look();
  await refused(keysend(carol, 590_000_000n));
  await refused(bob.call('fundchannel', { id: carol.id, amount: 50_000_000n }));
  await refused(bob.call('close', { id: 'ff'.repeat(32) }));
  await refused(bob.call('fundchannel_cancel', { id: line.left }));

  // One ends on chain with an HTLC in it, another by agreement, and a third is begun and given up.
  await refused(bob.call('close', { id: line.right, unilateraltimeout: 1 }));
  await look();
  await line.mine(60);
  await held;
  await look();
  const extra = await line.open(alice, bob, 90_000n);
  await look();
  await refused(alice.call('close', { id: extra }));
  await refused(bob.call('close', { id: line.left }));
  await line.mine(110);
  await look();

  expect(keys.size).toBe(6);
  const lines = [...Object.values(line.logs).flat(), ...said];
  expect(lines.filter((one) => /closed|on chain/.test(one)).length).toBeGreaterThan(0);
  const named = lines.filter((one) => [...keys].some((key) => one.includes(key.slice(0, 12))));
  expect([...new Set(named.map((one) => one.slice(0, 300)))]).toEqual([]);
  await line.stop();
});
