/** The command `ampere`, whose nodes ask nobody for gossip: the ends of a line, so that all that is measured is the node between them. */
import { runCommand } from '../../node/cli/program.ts';
import type { GossipSync } from '../../node/graph/gossipsync.ts';
import { runNode } from '../../node/run.ts';

process.exitCode = await runCommand(process.argv.slice(2), {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  env: process.env,
  run: async (config) => {
    const running = await runNode(config);
    (running.node as unknown as { readonly sync: GossipSync }).sync.connected = () => undefined;
    return running;
  },
});
