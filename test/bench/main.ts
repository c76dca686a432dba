/** `npm run bench [-- [--seconds S] NAME…]`: all benches, or those named. S is the time one figure takes; 0.5 unless told. */
import { parseArgs } from 'node:util';
import { backends } from '../../wire/crypto.ts';
import { bench as age } from './age.ts';
import { bench as commitment } from './commitment.ts';
import { bench as crypto } from './crypto.ts';
import { bench as diamond } from './diamond.ts';
import { bench as flows } from './flows.ts';
import { bench as gossip } from './gossip.ts';
import { type Bench, runBench } from './harness.ts';
import { bench as mainnet } from './mainnet.ts';
import { bench as payments } from './payments.ts';
import { bench as published } from './published.ts';
import { bench as reconnect } from './reconnect.ts';
import { bench as routes } from './routes.ts';
import { bench as sets } from './sets.ts';
import { bench as shares } from './shares.ts';
import { bench as sphinx } from './sphinx.ts';
import { bench as trace } from './trace.ts';

/** Every bench there is. A new one is a file of its own and an entry here. */
const benches: readonly Bench[] = [
  crypto,
  sphinx,
  commitment,
  shares,
  sets,
  routes,
  flows,
  payments,
  diamond,
  reconnect,
  gossip,
  age,
  trace,
  published,
  mainnet,
];

const usage = (): string =>
  ['npm run bench [-- [--seconds S] NAME…]', ...benches.map(({ name, about }) => `  ${name.padEnd(12)}${about}`)].join(
    '\n',
  );

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
};

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: 'string', default: '0.5' }, help: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const seconds = Number(values.seconds);
  const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
  if (values.help || unknown.length > 0 || !(seconds > 0)) {
    if (unknown.length > 0) console.error(`no bench named ${unknown.join(', ')}`);
    if (!(seconds > 0)) console.error(`--seconds: expected a number above zero, got '${values.seconds}'`);
    console.log(usage());
    return values.help ? 0 : 2;
  }
  const { curve, symmetric } = backends();
  console.log(`Node ${process.version}, ${process.platform}-${process.arch}; curve ${curve}, symmetric ${symmetric}\n`);
  for (const bench of benches)
    if (positionals.length === 0 || positionals.includes(bench.name))
      await runBench(bench, seconds, (line) => console.log(line), progress);
  return 0;
};

process.exitCode = await main();
