/**
 * `ampere completion bash|zsh`: a script for the shell that completes commands, methods, parameters and their values, options, and the
 * names of a lab's nodes. It is made from the commands there are; only names of nodes are asked for while somebody types.
 */
import { Argument, Command, InvalidArgumentError } from 'commander';
import type { MethodSummary } from '../api/summary.ts';
import { labFolder, readLab } from '../regtest/lab/labfile.ts';
import type { Surroundings } from './surroundings.ts';

/** What may stand behind a command, by its words: '' is the beginning. */
export interface Words {
  readonly behind: ReadonlyMap<string, readonly string[]>;
  /** Behind each of them. */
  readonly everywhere: readonly string[];
}

/** Words of a kind that can be typed as they are: true and false, but not "node id". */
const choicesOf = (kind: string): readonly string[] => {
  const words = kind.split('|');
  const placeholders = ['sat', 'msat', 'topic', 'text'];
  return words.length > 1 && words.every((word) => /^[a-z_]+$/.test(word))
    ? words.filter((word) => !placeholders.includes(word))
    : [];
};

/** The kind of a parameter that is there to be refused with a reason. */
const REFUSED = 'not supported';

const ofMethod = ({ parameters }: MethodSummary): readonly string[] =>
  parameters
    .filter(({ hidden, kind }) => !hidden && kind !== REFUSED)
    .flatMap(({ name, kind }) => [`${name}=`, ...choicesOf(kind).map((word) => `${name}=${word}`), `--${name}`]);

const optionsOf = (command: Command): readonly string[] =>
  command.options
    .filter(({ hidden }) => !hidden)
    .flatMap(({ long, argChoices = [] }) =>
      long == null ? [] : [long, ...argChoices.map((choice) => `${long}=${choice}`)],
    );

/** The words behind each command of a program, and behind each method. */
export const wordsOf = (program: Command, methods: readonly MethodSummary[]): Words => {
  const everywhere = [...optionsOf(program), '--help'];
  const byName = new Map(methods.map((method) => [method.name, method]));
  const names = program.commands.map((command) => command.name());
  const words = new Map<string, readonly string[]>([['', names]]);
  const add = (path: string, command: Command): void => {
    const method = byName.get(path);
    const own = method === undefined ? optionsOf(command) : ofMethod(method);
    const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
    words.set(path, [...command.commands.map((one) => one.name()), ...choices, ...own]);
    for (const one of command.commands) add(`${path} ${one.name()}`, one);
  };
  for (const command of program.commands) add(command.name(), command);
  words.set('help', names);
  return { behind: words, everywhere };
};

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Functions that both shells understand: which command the words are of, and what may follow it. */
const common = ({ behind, everywhere }: Words): string => {
  const paths = [...behind.keys()];
  const groups = paths.filter((path) => path !== '' && paths.some((other) => other.startsWith(`${path} `)));
  return `_ampere_command() {
  local word skip= found=
  for word in "$@"; do
    if [ -n "$skip" ]; then skip=; continue; fi
    case "$word" in
      --dir|--network|--conf) skip=1 ;;
      -*|@*) ;;
      *)
        case "$found" in
          '') found=$word ;;
          ${groups.join('|')}) found="$found $word"; break ;;
          *) break ;;
        esac ;;
    esac
  done
  printf '%s' "$found"
}
_ampere_words() {
  case "$1" in
${[...behind]
  .filter(([, all]) => all.length > 0)
  .map(([path, all]) => `    ${quoted(path)}) printf '%s\\n' ${all.map(quoted).join(' ')} ;;`)
  .join('\n')}
  esac
  printf '%s\\n' ${everywhere.map(quoted).join(' ')}
}
# Behind an option that takes one of several words, or a list of them, those; else all that are given.
_ampere_after() {
  local word begun= found=
  case "$2" in *,*) begun="\${2%,*}," ;; esac
  case "$1" in
    --*) found=$(printf '%s\n' "$3" | while IFS= read -r word; do
      case "$word" in ("$1="*|"\${1#--}="*) printf '%s\n' "$begun\${word#*=}" ;; esac
    done) ;;
  esac
  printf '%s\n' "\${found:-$3}"
}
# The words that may follow, of those that begin as the last argument does.
_ampere_candidates() {
  local current=$1 program=$2 word before=
  shift 2
  for word in "$@"; do before=$word; done
  case "$current" in
    @*|*=@*) "$program" completion names 2>/dev/null | while IFS= read -r word; do printf '%s\\n' "\${current%%@*}$word"; done ;;
    *) _ampere_after "$before" "$current" "$(_ampere_words "$(_ampere_command "$@")")" ;;
  esac | while IFS= read -r word; do
    case "$current" in -*) ;; *) case "$word" in -*) continue ;; esac ;; esac
    case "$word" in "$current") ;; "$current"*) printf '%s\\n' "$word" ;; esac
  done
}
`;
};

/** For bash 3.2 and newer: `source <(ampere completion bash)`. */
const bashScript = (words: Words): string => `# ampere completion bash
${common(words)}_ampere() {
  local line="\${COMP_LINE:0:COMP_POINT}" current= word
  local -a typed
  # Bash takes words apart at = and :, which belong to them here.
  read -ra typed <<< "$line"
  case "$line" in
    *[[:space:]]) ;;
    *) current="\${typed[\${#typed[@]}-1]}"; unset "typed[\${#typed[@]}-1]" ;;
  esac
  local before= breaks=\${COMP_WORDBREAKS//@/}
  case "$breaks" in *=*) case "$current" in *=*) before="\${current%=*}=" ;; esac ;; esac
  COMPREPLY=()
  while IFS= read -r word; do COMPREPLY+=("\${word#"$before"}"); done \\
    < <(_ampere_candidates "$current" "\${typed[0]}" "\${typed[@]:1}")
  case "\${COMPREPLY[*]}" in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _ampere ampere
`;

/** For zsh, sourced or as a file `_ampere` on its path of functions. */
const zshScript = (words: Words): string => `#compdef ampere
# ampere completion zsh
${common(words)}_ampere() {
  local current="\${words[CURRENT]}" word
  local -a found open
  while IFS= read -r word; do
    case "$word" in *=) open+=("$word") ;; *) found+=("$word") ;; esac
  done < <(_ampere_candidates "$current" "\${words[1]}" "\${(@)words[2,CURRENT-1]}")
  (( \${#found} )) && compadd -a found
  (( \${#open} )) && compadd -S '' -a open
  (( \${#found} + \${#open} )) || _files
}
if [ "\${funcstack[1]}" = _ampere ]; then _ampere "$@"; else compdef _ampere ampere; fi
`;

const scripts = { bash: bashScript, zsh: zshScript } as const;
/** What the scripts ask for themselves: the nodes of a lab, a name a line. */
const NAMES = 'names';
const isShell = (word: string): word is keyof typeof scripts => Object.hasOwn(scripts, word);

const namesOf = async (env: Surroundings['env']): Promise<readonly string[]> => {
  const lab = await readLab(labFolder(env)).catch(() => undefined);
  return lab === undefined ? [] : lab.nodes.map(({ name }) => `@${name}`);
};

const shellArgument = (): Argument =>
  new Argument('<shell>', 'of which shell').choices(Object.keys(scripts)).argParser((word: string) => {
    if (isShell(word) || word === NAMES) return word;
    throw new InvalidArgumentError(`expected ${Object.keys(scripts).join(' or ')}`);
  });

/** The command `completion`; `words` are asked for once the whole program is there. */
export const completionCommand = ({ out, env }: Surroundings, words: () => Words): Command =>
  new Command('completion')
    .description('Prints a script that completes commands, parameters and names of nodes in a shell.')
    .addArgument(shellArgument())
    .addHelpText(
      'after',
      '\nIn ~/.bashrc:  source <(ampere completion bash)\nIn ~/.zshrc:   source <(ampere completion zsh)',
    )
    .action(async (shell: string) => {
      if (shell === NAMES) for (const name of await namesOf(env)) out(name);
      else if (isShell(shell)) out(scripts[shell](words()).trimEnd());
    });
