/**
 * `npm run demo`: a chain, four nodes, and atomic multi-path payments between them, shown and checked. Exits with 0 only when
 * every check held. Nothing it started outlives it unless --keep says so, which makes a lab of it.
 */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { toJson } from '../../api/rpc/json.ts';
import { FileError } from '../../base/fileserror.ts';
import { stackOf } from '../../base/stacks.ts';
import { keepAsLab, refuseOther } from '../lab/adopt.ts';
import { upLines } from '../lab/hints.ts';
import { LabError } from '../lab/laberror.ts';
import { labFolder } from '../lab/labfile.ts';
import { labPageLink } from '../lab/page.ts';
import type { Facts } from './facts.ts';
import { NoBitcoind } from './find.ts';
import type { Network } from './network.ts';
import { Printer } from './print.ts';
import { askedLarge, invoiced, reusable, single, spontaneous, withheld } from './scenes.ts';
import { channelBalancesOf, settle } from './settling.ts';
import { stopOnSignals } from './shutdown.ts';
import { cast, fundedSat, type Name, type Stage, setStage } from './stage.ts';

interface Wishes {
  readonly keep?: boolean;
  readonly json?: boolean | string;
}

const wishesOf = (words: readonly string[]): Wishes =>
  new Command('demo')
    .description('Shows atomic multi-path payments between four nodes on a regtest chain of its own.')
    .option('--keep', 'keep the network as a lab, with open channels, and say how to talk to it')
    .option(
      '--json [file]',
      'write the facts as JSON, to standard output (and everything else to standard error) or a file',
    )
    .parse([...words], { from: 'user' })
    .opts<Wishes>();

/** The scenes in their order. */
const play = async (stage: Stage): Promise<Facts> => {
  const { network, checks, channels } = stage;
  const before = await channelBalancesOf(stage);
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

const main = async (): Promise<number> => {
  const { keep = false, json } = wishesOf(process.argv.slice(2));
  const printer = new Printer(json === true ? process.stderr : process.stdout, process.env);
  let network: Network<Name> | undefined;
  const guard = stopOnSignals(
    async () => network?.stop(),
    (line) => printer.lines('', line),
  );
  let left = false;
  // What is kept is a lab, in the place where labs are looked for.
  const folder = keep ? labFolder(process.env) : undefined;
  try {
    if (folder !== undefined) await refuseOther(folder);
    printer.title('Ampere: atomic multi-path payments over onion frames of 65 bytes');
    const stage = await setStage(
      printer,
      (started) => {
        network = started;
      },
      folder,
    );
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
      printer.title('Kept as a lab');
      const lab = await keepAsLab(stage.network, printer);
      left = true;
      printer.lines(...upLines(stage.network.dir, lab, await labPageLink(stage.network.dir)));
    }
    return broken.length === 0 ? 0 : 1;
  } catch (error) {
    if (guard.stopping) return await new Promise<never>(() => undefined); // the guard ends the process
    if (!(error instanceof NoBitcoind || error instanceof LabError || error instanceof FileError)) throw error;
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
