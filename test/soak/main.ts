/**
 * `npm run soak [-- OPTIONS]`: attacks a node for a minute and says what it was like. Every option is also a variable of the
 * environment, `AMPERE_SOAK_` and its name. Ends with 1 when a bound is broken.
 */
import { parseArgs } from 'node:util';
import { systemEntropy } from '../../node/base/entropy.ts';
import { program } from '../../node/regtest/demo/process.ts';
import { hex } from '../../wire/bytes.ts';
import { attackNames, isAttack } from './attacks/table.ts';
import { figuresOf, isBroken, tableOf } from './bounds.ts';
import { soak } from './soak.ts';

const defaults = {
  seconds: '60',
  attackers: '30',
  channels: '3000',
  seed: '',
  attacks: '',
  node: program,
  profile: '',
} as const;
type OptionName = keyof typeof defaults;

const usage = `npm run soak [-- OPTIONS]
  --seconds N      how long the attack lasts; ${defaults.seconds} unless told
  --attackers N    how many there are; ${defaults.attackers} unless told
  --channels N     channels of the public graph that the node knows; ${defaults.channels} unless told
  --seed TEXT      what attackers draw from; a new one unless told
  --attacks NAMES  kinds of attack, with commas; all unless told: ${attackNames.join(', ')}
  --node FILE      the main.js of another build, to be attacked instead of this one
  --profile DIR    where the node leaves a profile of its processor time when it ends`;

const given = (name: OptionName): string => process.env[`AMPERE_SOAK_${name.toUpperCase()}`] ?? defaults[name];

const wholeFrom = (name: string, value: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(value))
    throw new RangeError(`--${name}: expected a whole number above zero, got '${value}'`);
  return Number(value);
};

const main = async (): Promise<number> => {
  const names = Object.keys(defaults) as OptionName[];
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const, default: given(name) }])),
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const option = (name: OptionName): string => String((values as Readonly<Record<string, unknown>>)[name]);
  const attacks = option('attacks')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => {
      if (!isAttack(name)) throw new RangeError(`--attacks: there is none named '${name}'\n${usage}`);
      return name;
    });
  const profile = option('profile');
  const from = performance.now();
  const soaked = await soak({
    seconds: wholeFrom('seconds', option('seconds')),
    attackers: wholeFrom('attackers', option('attackers')),
    channels: wholeFrom('channels', option('channels')),
    seed: option('seed') === '' ? hex(systemEntropy.bytes(4)) : option('seed'),
    attacks: attacks.length > 0 ? attacks : attackNames,
    command: [...(profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]), option('node')],
    progress: (line) => console.error(`${((performance.now() - from) / 1000).toFixed(1).padStart(6)} s  ${line}`),
  });
  for (const line of tableOf(soaked)) console.log(line);
  const broken = figuresOf(soaked).filter(isBroken);
  if (broken.length > 0)
    console.log(`\n${broken.length} bounds are broken: ${broken.map(({ name }) => name).join('; ')}`);
  return broken.length > 0 ? 1 : 0;
};

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof RangeError ? error.message : error);
  return 2;
});
