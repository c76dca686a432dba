/**
 * `npm run demo`: a chain, four nodes, and atomic multi-path payments between them, shown and checked. Exits with 0 only when
 * every check held. Nothing it started outlives it unless --keep says so.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { Command } from 'commander';
import { toJson } from '../../api/rpc/json.ts';
import { packaged } from '../../base/packaged.ts';
import { stackOf } from '../../base/stacks.ts';
import type { Facts } from './facts.ts';
import { NoBitcoind } from './find.ts';
import type { Network } from './network.ts';
import { Printer } from './print.ts';
import { askedLarge, invoiced, reusable, single, spontaneous, withheld } from './scenes.ts';
import { endsOf, settle } from './settling.ts';
import { stopOnSignals } from './shutdown.ts';
import { cast, fundedSat, type Name, type Stage, setStage } from './stage.ts';

interface Wishes {
  readonly keep?: boolean;
  readonly json?: boolean | string;
}

const wishesOf = (words: readonly string[]): Wishes =>
  new Command('demo')
    .description('Shows atomic multi-path payments between four nodes on a regtest chain of its own.')
    .option('--keep', 'leave everything running at the end, and say how to talk to it')
    .option(
      '--json [file]',
      'write the facts as JSON, to standard output (and everything else to standard error) or a file',
    )
    .parse([...words], { from: 'user' })
    .opts<Wishes>();

/** The scenes in their order. */
const play = async (stage: Stage): Promise<Facts> => {
  const { network, checks, channels } = stage;
  const before = await endsOf(stage);
  const pids = [network.bitcoind.pid, ...cast.map((name) => network.nodes[name].pid)];
  const bolt11 = await askedLarge(stage);
  const one = await single(stage, bolt11);
  const invoice = await invoiced(stage, bolt11);
  const gift = await spontaneous(stage);
  const kept = await withheld(stage);
  const coffees = await reusable(stage);
  const paid = [invoice, gift, ...coffees.payments];
  const { closes, lives, ledger, wallets } = await settle(stage, before, paid);
  return {
    bitcoind: network.chainVersion,
    pids,
    dir: network.dir,
    nodes: Object.fromEntries(cast.map((name) => [name, network.nodes[name].id])),
    single: one,
    invoice,
    spontaneous: gift,
    withheld: kept,
    reusable: coffees,
    closes,
    channels: lives.length === channels.length ? lives : [],
    funded_sat: Object.fromEntries(cast.map((name) => [name, fundedSat(name)])),
    wallets_sat: wallets,
    routing_fees_msat: ledger.routingFees,
    checks,
  };
};

/** How to go on with a network that was left running. */
const keptLines = ({ dir, nodes, bitcoind, miner }: Network<Name>): readonly string[] => {
  const program = relative(process.cwd(), packaged('dist/node/main.js'));
  const pids = [...cast.map((name) => nodes[name].pid), bitcoind.pid].join(' ');
  return [
    'Everything is left running. To talk to a node:',
    ...cast.map((name) => `  node ${program} --dir ${nodes[name].dir} getinfo`),
    'To talk to bitcoind:',
    `  curl -s -d '{"method":"getblockchaininfo"}' ${bitcoind.url}`,
    'To mine a block:',
    `  curl -s -d '{"method":"generatetoaddress","params":[1,"${miner}"]}' ${bitcoind.url}`,
    'To end it all:',
    `  kill ${pids}; sleep 2; rm -r ${dir}`,
  ];
};

const main = async (): Promise<number> => {
  const { keep = false, json } = wishesOf(process.argv.slice(2));
  const printer = new Printer(json === true ? process.stderr : process.stdout, process.env);
  let network: Network<Name> | undefined;
  const guard = stopOnSignals(
    async () => network?.stop(),
    (line) => printer.lines('', line),
  );
  let left = false;
  try {
    printer.title('Ampere: atomic multi-path payments over onion frames of 65 bytes');
    const stage = await setStage(printer, (started) => {
      network = started;
    });
    const from = Date.now();
    const facts = await play(stage);
    if (json !== undefined) {
      const text = `${toJson(facts)}\n`;
      if (typeof json === 'string') writeFileSync(json, text);
      else process.stdout.write(text);
    }
    const broken = facts.checks.filter(({ held }) => !held);
    const took = `${((Date.now() - from) / 1000).toFixed(1)} s after set-up`;
    const { green, red, bold } = printer.paint;
    printer.lines(
      '',
      broken.length === 0
        ? bold(green(`All ${facts.checks.length} checks held, ${took}.`))
        : bold(red(`${broken.length} of ${facts.checks.length} checks did not hold, ${took}.`)),
    );
    if (keep) {
      stage.network.release();
      left = true;
      printer.lines('', ...keptLines(stage.network));
    }
    return broken.length === 0 ? 0 : 1;
  } catch (error) {
    if (guard.stopping) return await new Promise<never>(() => undefined); // the guard ends the process
    if (!(error instanceof NoBitcoind)) throw error;
    printer.lines('', error.message);
    return 1;
  } finally {
    if (!left) await network?.stop();
    guard.remove();
  }
};

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? (stackOf(error) ?? error.message) : error);
  return 1;
});
