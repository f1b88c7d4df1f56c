/**
 * `logic-fleet completion bash|zsh|fish`: a script for the shell, made from the commands as they are, so that none is forgotten. It is
 * static: pressing the tab key starts no program and asks no coordinator.
 */
import { Argument, type Command, type Option } from 'commander';

const SHELLS = { bash, zsh, fish } as const;
type Shell = keyof typeof SHELLS;

/** Where each shell looks: told in the help. */
const HELP = `
To use it, once: in bash    source <(logic-fleet completion bash)
             in zsh     source <(logic-fleet completion zsh)     (after compinit)
             in fish    logic-fleet completion fish | source
and for good: put that line into ~/.bashrc, ~/.zshrc, ~/.config/fish/config.fish.`;

export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .addHelpText('after', HELP)
    .action((shell: Shell) => void process.stdout.write(SHELLS[shell](linesOf(program))));
}

/** One command with what may follow it. */
interface Line {
  /** `history`, `token create`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly what: string }[];
  readonly options: readonly Flag[];
  /** Words that its first argument may be. */
  readonly choices: readonly string[];
}

interface Flag {
  readonly name: string;
  readonly what: string;
  readonly value: 'none' | 'any' | 'file' | readonly string[];
}

function linesOf(command: Command, above: readonly string[] = []): Line[] {
  const own: Line = {
    path: above.join(' '),
    commands: command.commands.map((inner) => ({ name: inner.name(), what: inner.description() })),
    options: [...command.options.map(flagOf), { name: '--help', what: 'show help', value: 'none' as const }],
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
  return [own, ...command.commands.flatMap((inner) => linesOf(inner, [...above, inner.name()]))];
}

function flagOf({ long, short, flags, description, argChoices, required, optional }: Option): Flag {
  const name = long ?? short ?? flags;
  if (!required && !optional) return { name, what: description, value: 'none' };
  const value = argChoices ?? (/<(dir|file|path)>/.test(flags) ? 'file' : 'any');
  return { name, what: description, value };
}

const wordsOf = ({ commands, choices, options }: Line): string =>
  [...commands.map(({ name }) => name), ...choices, ...options.map(({ name }) => name)].join(' ');

/** In single quotes for any of these shells; fish takes a backslash for the quote. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Branches of a `case` over the command and the option before the cursor; `give` is what the shell does with words. */
function cases(lines: readonly Line[], give: { words(words: string): string; files: string }): string[] {
  const after = lines.flatMap(({ path, options }) =>
    options.flatMap(({ name, value }) => {
      if (value === 'none') return [];
      const does = value === 'file' ? give.files : value === 'any' ? ':' : give.words(value.join(' '));
      return [`    ${quoted(`${path}|${name}`)}) ${does} ;;`];
    }),
  );
  const plain = lines.map((line) => `    ${quoted(line.path)}'|'*) ${give.words(wordsOf(line))} ;;`);
  return [...after, ...plain];
}

const nested = (lines: readonly Line[]): string =>
  lines
    .filter(({ path }) => path !== '')
    .map(({ path }) => quoted(path.includes(' ') ? path : ` ${path}`))
    .join('|');

function bash(lines: readonly Line[]): string {
  const give = {
    words: (words: string) => `COMPREPLY=($(compgen -W ${quoted(words)} -- "$current"))`,
    files: 'compopt -o filenames 2>/dev/null || :; COMPREPLY=($(compgen -f -- "$current"))',
  };
  return `# bash completion of logic-fleet: source <(logic-fleet completion bash)
_logic_fleet() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
      ${nested(lines)}) command="\${command:+$command }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$command|$before" in
${cases(lines, give).join('\n')}
  esac
}
complete -F _logic_fleet logic-fleet
`;
}

function zsh(lines: readonly Line[]): string {
  const give = { words: (words: string) => `compadd -- ${words}`, files: '_files' };
  return `#compdef logic-fleet
# zsh completion of logic-fleet: source <(logic-fleet completion zsh)
_logic_fleet() {
  local command='' before="\${words[CURRENT-1]}" i
  for ((i = 2; i < CURRENT; i++)); do
    case "$command \${words[i]}" in
      ${nested(lines)}) command="\${command:+$command }\${words[i]}" ;;
    esac
  done
  case "$command|$before" in
${cases(lines, give).join('\n')}
  esac
}
compdef _logic_fleet logic-fleet
`;
}

function fish(lines: readonly Line[]): string {
  const text = (what: string) => `'${what.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const seen = (path: string) =>
    path === ''
      ? '__fish_use_subcommand'
      : text(
          path
            .split(' ')
            .map((name) => `__fish_seen_subcommand_from ${name}`)
            .join('; and '),
        );
  const takes = (value: Flag['value']): string => {
    if (value === 'none') return '';
    if (value === 'file') return ' -r -F';
    return value === 'any' ? ' -x' : ` -x -a ${text(value.join(' '))}`;
  };
  const rows = lines.flatMap(({ path, commands, options, choices }) => {
    const start = `complete -c logic-fleet -n ${seen(path)}`;
    return [
      `${start} -f`,
      ...commands.map(({ name, what }) => `${start} -a ${name} -d ${text(what)}`),
      ...choices.map((word) => `${start} -a ${word}`),
      ...options.map(
        ({ name, what, value }) => `${start} -l ${name.replace(/^-+/, '')}${takes(value)} -d ${text(what)}`,
      ),
    ];
  });
  return `# fish completion of logic-fleet: logic-fleet completion fish | source\n${rows.join('\n')}\n`;
}
