/** The command `help`. */
import { Command } from 'commander';
import { didYouMean } from '../base/nearest.ts';
import { UsageError } from './words.ts';

/** Shows the help of a program's commands, and names the nearest one where there is none of a name. Throws UsageError. */
export const helpCommand = (program: Command): Command =>
  new Command('help')
    .description('Shows the help of a command.')
    .argument('[command...]', 'which; else all of them are listed')
    .action((words: readonly string[]) => {
      let shown = program;
      for (const word of words) {
        const known = shown.commands;
        const next = known.find((one) => one.name() === word);
        if (next === undefined && known.length === 0) break;
        const names = known.map((one) => one.name());
        if (next === undefined) throw new UsageError(`no command '${word.slice(0, 100)}'${didYouMean(word, names)}`);
        shown = next;
      }
      shown.outputHelp();
    });
