/**
 * Puts questions together from conditions ("are about to throttle") and values ("temperature", "hottest"): which, how many, and, not, all,
 * the most, the least, above. People ask far more of these than anyone could write down for each predicate.
 */
import { expand, type Pattern, parsePattern, type Section } from './phrasings.ts';

export type Draw = (count: number) => number;

export interface Drawn {
  readonly text: string;
  /** In the language, with `'{n}'` placeholders; or `!abstain`. */
  readonly query: string;
}

interface Condition {
  readonly goal: string;
  readonly ways: readonly Pattern[];
}

interface Value {
  readonly goal: string;
  /** By `noun`, `most`, `least`, `over`, `under`. */
  readonly ways: ReadonlyMap<string, readonly Pattern[]>;
}

interface Things {
  readonly conditions: Condition[];
  readonly values: Value[];
}

/** What people call the things of a kind, and the goal that gives all of them as X. */
const NOUNS: Readonly<Record<string, { readonly words: string; readonly all: string }>> = {
  node: { words: 'nodes nodes nodes machines boxes hosts servers', all: 'node(X)' },
  vm: { words: 'vms vms guests instances workloads', all: 'vm(X)' },
  cluster: { words: 'clusters', all: 'cluster(X)' },
  ups: { words: 'upses upses', all: 'ups(X)' },
  zone: { words: 'zones zones segments', all: 'zone(X)' },
  unit: { words: 'units things', all: 'boot_unit(X)' },
  service: { words: 'services', all: 'service(X)' },
  rule: { words: 'rules', all: 'firewall_rule(X, _, _, _, _)' },
  alert: { words: 'alerts', all: 'active_alert(X, _, _)' },
};

/** Of which a sum over many is asked for. */
const ADDITIVE = /memory|disk|core|cpu|space|ram|demand|capacity|size/;

export class Composer {
  readonly #kinds = new Map<string, Things>();
  /** Each kind as often as there is something to say about it. */
  readonly #weighted: readonly string[];

  constructor(sections: readonly Section[]) {
    for (const { mark, head, lines } of sections) {
      if (mark !== '+' && mark !== '#') continue;
      const [, kind = '', goal = ''] = /^(\w+)\s*:\s*(.*)$/.exec(head) ?? [];
      if (NOUNS[kind] === undefined || lines.length === 0) continue;
      const things = this.#kinds.get(kind) ?? { conditions: [], values: [] };
      this.#kinds.set(kind, things);
      if (mark === '+')
        things.conditions.push({ goal, ways: lines.map(({ text, at }) => parsePattern(text, at)) });
      else things.values.push({ goal, ways: waysOf(lines) });
    }
    this.#weighted = [...this.#kinds].flatMap(([kind, { conditions, values }]) =>
      Array.from({ length: conditions.length + 2 * values.length }, () => kind),
    );
  }

  /** One question. */
  draw(draw: Draw): Drawn {
    const kind = pick(this.#weighted, draw);
    const things = this.#kinds.get(kind) ?? { conditions: [], values: [] };
    const useValue = things.values.length > 0 && (things.conditions.length === 0 || draw(100) < 45);
    return useValue ? aboutValue(kind, things, draw) : aboutConditions(kind, things, draw);
  }
}

function waysOf(lines: Section['lines']): Map<string, Pattern[]> {
  const ways = new Map<string, Pattern[]>();
  for (const { text, at } of lines) {
    const [, role = '', pattern = ''] = /^(noun|most|least|over|under)\s*:\s*(.*)$/.exec(text) ?? [];
    if (role === '')
      throw new SyntaxError(`${at}: a line of a value begins with noun, most, least, over or under`);
    ways.set(role, [...(ways.get(role) ?? []), parsePattern(pattern, at)]);
  }
  return ways;
}

const pick = <T>(all: readonly T[], draw: Draw): T => all[draw(all.length)] as T;
const say = (ways: readonly Pattern[] | undefined, draw: Draw): string | null =>
  ways === undefined || ways.length === 0 ? null : expand(pick(ways, draw), draw).trim();

interface Verb {
  readonly text: string;
  readonly goal: string;
}

function aboutConditions(kind: string, things: Things, draw: Draw): Drawn {
  const noun = pick(NOUNS[kind]?.words.split(' ') ?? [], draw);
  const first = condition(things, draw);
  const roll = draw(100);
  if (roll < 30) return { text: which(noun, first.text, draw), query: first.goal };
  if (roll < 48) {
    const all = NOUNS[kind]?.all ?? '';
    return { text: which(noun, negated(first.text, draw), draw), query: `${all}, \\+ ${absent(first.goal)}` };
  }
  if (roll < 63) return counted(kind, { noun, first }, draw);
  if (roll < 70) return everyOne(kind, { noun, first }, draw);
  const second = renumbered(condition(things, draw));
  if (roll < 78) return allOf({ noun, first, other: second }, draw);
  const other = { ...second, goal: apart(second.goal) };
  if (roll < 92) {
    const join = pick(
      [' and ', ' and ', ' and also ', ' and at the same time ', ' while they ', ', and '],
      draw,
    );
    return {
      text: which(noun, `${first.text}${join}${other.text}`, draw),
      query: `${first.goal}, ${other.goal}`,
    };
  }
  const join = pick([' but ', ' and ', ' yet '], draw);
  return {
    text: which(noun, `${first.text}${join}${negated(other.text, draw)}`, draw),
    query: `${first.goal}, \\+ ${absent(other.goal)}`,
  };
}

/** Numbers and names of a second condition are others than those of the first. */
function renumbered({ text, goal }: Verb): Verb {
  const other = (from: string) => from.replace(/\{([a-z])\}/g, '{$12}');
  return { text: other(text), goal: other(goal) };
}

function condition({ conditions, values }: Things, draw: Draw): Verb {
  const value = values.length > 0 && draw(100) < 25 ? compared(pick(values, draw), draw) : null;
  if (value !== null || conditions.length === 0) return value ?? { text: 'are there', goal: 'node(X)' };
  const { goal, ways } = pick(conditions, draw);
  return { text: say(ways, draw) ?? '', goal };
}

const SIGNS = [
  ['over', '>'],
  ['under', '<'],
] as const;
const AMOUNTS = [
  ['more than', '>'],
  ['over', '>'],
  ['at least', '>='],
  ['no less than', '>='],
  ['less than', '<'],
  ['under', '<'],
  ['fewer than', '<'],
  ['at most', '=<'],
  ['no more than', '=<'],
  ['exactly', '=:='],
  ['not even', '<'],
] as const;
const LEVELS = [
  ['above', '>'],
  ['over', '>'],
  ['greater than', '>'],
  ['higher than', '>'],
  ['of at least', '>='],
  ['below', '<'],
  ['under', '<'],
  ['lower than', '<'],
  ['of at most', '=<'],
  ['of', '=:='],
] as const;

function compared({ goal, ways }: Value, draw: Draw): Verb | null {
  const roll = draw(100);
  if (roll < 60) {
    const [role, sign] = pick(SIGNS, draw);
    const text = say(ways.get(role), draw);
    if (text?.includes('{q}')) return { text, goal: `${goal}, V ${sign} '{q}'` };
  }
  const noun = say(ways.get('noun'), draw);
  if (noun === null) return null;
  if (roll < 80) {
    const [words, sign] = pick(LEVELS, draw);
    return { text: `have ${article(noun)} ${words} {q}`, goal: `${goal}, V ${sign} '{q}'` };
  }
  const [words, sign] = pick(AMOUNTS, draw);
  return { text: `have ${words} {q} of ${noun}`, goal: `${goal}, V ${sign} '{q}'` };
}

const singularOf = (noun: string): string => noun.replace(/ses$/, 's').replace(/([^s])s$/, '$1');

const article = (noun: string): string =>
  /s$/.test(noun) ? noun : `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;

function which(noun: string, verb: string, draw: Draw): string {
  const bare = verb.replace(/^are /, '');
  const isBare = bare !== verb;
  const singular = singularOf(noun);
  const one = third(verb);
  const frames = [
    `which ${noun} ${verb}`,
    `which ${noun} ${verb}`,
    `what ${noun} ${verb}`,
    `${noun} that ${verb}`,
    `list ${noun} that ${verb}`,
    `list all ${noun} which ${verb}`,
    `show me the ${noun} that ${verb}`,
    `show ${noun} that ${verb}`,
    `give me every ${singular} that ${one}`,
    `find ${noun} that ${verb}`,
    `are there any ${noun} that ${verb}`,
    `do we have ${noun} that ${verb}`,
    `is there a ${singular} that ${one}`,
    `is there any ${singular} which ${one}`,
    `any ${noun} that ${verb}`,
    `tell me which ${noun} ${verb}`,
    `i need to know which of the ${noun} ${verb}`,
    `which of my ${noun} ${verb}`,
    `which ${singular} ${one}`,
    `what are the ${noun} that ${verb}`,
    `who ${one}`,
    ...(isBare
      ? [
          `${noun} ${bare}`,
          `any ${noun} ${bare}`,
          `${noun} currently ${bare}`,
          `is any ${singular} ${bare}`,
          `are any ${noun} ${bare}`,
        ]
      : []),
    ...(verb.startsWith('have ')
      ? [`${noun} with ${verb.slice(5)}`, `which ${noun} are the ones with ${verb.slice(5)}`]
      : []),
  ];
  return pick(frames, draw);
}

/** "are hot" to "is hot", "have X" to "has X", "run X" to "runs X", in each of verbs joined by and. */
function third(verb: string): string {
  return verb.replace(/^(\S+)|(?<= (?:and|but|yet) (?:also )?)(?!also|at|while)(\S+)/g, (word) => {
    if (word === 'are') return 'is';
    if (word === 'have') return 'has';
    if (word === 'do') return 'does';
    if (word === "aren't") return "isn't";
    if (word === "don't") return "doesn't";
    if (
      !/^[a-z]+$/.test(word) ||
      ['can', 'could', 'will', 'would', 'may', 'might', 'must', 'should'].includes(word)
    )
      return word;
    return /(?:s|x|ch|sh|o)$/.test(word) ? `${word}es` : `${word}s`;
  });
}

function negated(verb: string, draw: Draw): string {
  if (verb.startsWith('are '))
    return verb.replace(/^are /, pick(["aren't ", 'are not ', 'are not ', 'are not currently '], draw));
  if (/^(can|could|will|would|may|might|must|should) /.test(verb)) return verb.replace(/^(\w+) /, '$1 not ');
  if (verb.startsWith('have ') && draw(3) === 0) return verb.replace(/^have (?:an? |the |any )?/, 'have no ');
  return `${pick(["don't", 'do not'], draw)} ${verb}`;
}

interface Phrase {
  readonly noun: string;
  readonly first: Verb;
}

function counted(kind: string, { noun, first }: Phrase, draw: Draw): Drawn {
  const not = draw(100) < 20;
  const verb = not ? negated(first.text, draw) : first.text;
  const goal = not ? `(${NOUNS[kind]?.all}, \\+ ${absent(first.goal)})` : `(${first.goal})`;
  const bare = verb.replace(/^are /, '');
  const frames = [
    `how many ${noun} ${verb}`,
    `how many ${noun} ${verb}`,
    `how many of the ${noun} ${verb}`,
    `how many of my ${noun} ${verb}`,
    `number of ${noun} that ${verb}`,
    `what is the number of ${noun} that ${verb}`,
    `count the ${noun} that ${verb}`,
    `count of ${noun} ${bare === verb ? `that ${verb}` : bare}`,
    `how many ${noun} do we have that ${verb}`,
    `in total how many ${noun} ${verb}`,
  ];
  return { text: pick(frames, draw), query: `aggregate_all(count, ${goal}, C)` };
}

/** Whether all there are do it. */
function everyOne(kind: string, { noun, first }: Phrase, draw: Draw): Drawn {
  const frames = [
    `do all ${noun} ${first.text}`,
    `does every one of the ${noun} ${first.text.replace(/^are /, 'be ')}`,
    `all ${noun} ${first.text}, right`,
    `is it true that all ${noun} ${first.text}`,
    `check that all ${noun} ${first.text}`,
    ...(first.text.startsWith('are ')
      ? [
          `are all ${noun} ${first.text.slice(4)}`,
          `are all the ${noun} ${first.text.slice(4)}`,
          `is every ${noun.replace(/s$/, '')} ${first.text.slice(4)}`,
        ]
      : []),
  ];
  return { text: pick(frames, draw), query: `forall(${NOUNS[kind]?.all}, ${absent(first.goal)})` };
}

/** Whether all that do one do the other. */
function allOf({ noun, first, other }: Phrase & { readonly other: Verb }, draw: Draw): Drawn {
  const frames = [
    `do all ${noun} that ${first.text} also ${other.text}`,
    `do all the ${noun} that ${first.text} ${other.text}`,
    ...(other.text.startsWith('are ') ? [`are all ${noun} that ${first.text} ${other.text.slice(4)}`] : []),
  ];
  return { text: pick(frames, draw), query: `forall((${first.goal}), ${absent(apart(other.goal))})` };
}

function aboutValue(kind: string, things: Things, draw: Draw): Drawn {
  const noun = pick(NOUNS[kind]?.words.split(' ') ?? [], draw);
  const value = pick(things.values, draw);
  const what = say(value.ways.get('noun'), draw);
  const roll = draw(100);
  const limited = roll < 18 && things.conditions.length > 0 ? condition(things, draw) : null;
  const goal = limited === null ? value.goal : `${limited.goal}, ${apart(value.goal, 'W')}`;
  const suffix =
    limited === null
      ? ''
      : ` ${pick(['that', 'which', 'among those that', 'of those that'], draw)} ${limited.text}`;
  if (roll < 55) return extreme({ value, what, noun, suffix, goal, limited: limited !== null }, draw);
  if (what === null)
    return extreme({ value, what, noun, suffix: '', goal: value.goal, limited: false }, draw);
  if (roll < 78) return overall({ value, what, noun }, draw);
  const verb = compared(value, draw) ?? { text: `have a ${what}`, goal: value.goal };
  return draw(100) < 70
    ? { text: which(noun, verb.text, draw), query: verb.goal }
    : counted(kind, { noun, first: verb }, draw);
}

interface Extreme {
  readonly value: Value;
  readonly what: string | null;
  readonly noun: string;
  readonly suffix: string;
  readonly goal: string;
  readonly limited: boolean;
}

function extreme({ value, what, noun, suffix, goal, limited }: Extreme, draw: Draw): Drawn {
  const isMost = draw(100) < 60;
  const word = say(value.ways.get(isMost ? 'most' : 'least'), draw);
  const singular = singularOf(noun);
  const many = draw(100) < 25;
  const high = pick(
    isMost
      ? ['highest', 'highest', 'largest', 'biggest', 'most', 'greatest']
      : ['lowest', 'lowest', 'smallest', 'least'],
    draw,
  );
  const frames: string[] = [];
  if (word !== null && many)
    frames.push(
      `the {q} ${word} ${noun}`,
      `{q} ${word} ${noun}`,
      `show me the {q} ${word} ${noun}`,
      `which {q} ${noun} are ${word}`,
      `what are the {q} ${word} ${noun}`,
    );
  else if (word !== null)
    frames.push(
      `which ${singular} is the ${word}`,
      `which is the ${word} ${singular}`,
      `what is the ${word} ${singular}`,
      `${word} ${singular}`,
      `the ${word} of the ${noun}`,
      `which of the ${noun} is ${word}`,
      `find the ${word} ${singular}`,
      `who is the ${word}`,
    );
  if (what !== null && many)
    frames.push(
      `${isMost ? 'top' : 'bottom'} {q} ${noun} by ${what}`,
      `the {q} ${noun} with the ${high} ${what}`,
      `{q} ${noun} having the ${high} ${what}`,
    );
  else if (what !== null)
    frames.push(
      `which ${singular} has the ${high} ${what}`,
      `${singular} with the ${high} ${what}`,
      `who has the ${high} ${what}`,
      `which ${singular} got the ${high} ${what}`,
      `where is the ${what} ${high}`,
    );
  if (frames.length === 0) frames.push(`which ${singular} is the most extreme`);
  const count = many ? "'{q}'" : '1';
  const v = limited ? 'W' : 'V';
  const query = isMost ? `top(${count}, ${v}, ${conj(goal)})` : `top(${count}, M, (${goal}, M is -${v}))`;
  return { text: `${pick(frames, draw)}${suffix}`, query };
}

function overall({ value, what, noun }: { value: Value; what: string; noun: string }, draw: Draw): Drawn {
  const singular = singularOf(noun);
  const goal = conj(value.goal.replace(/\bX\b/g, '_X'));
  const roll = draw(100);
  const asked = (query: string, frames: readonly string[]): Drawn => ({ text: pick(frames, draw), query });
  if (roll < 15)
    return asked('!abstain', [
      `average ${what} of the ${noun}`,
      `what is the average ${what}`,
      `mean ${what} across ${noun}`,
      `median ${what} of all ${noun}`,
      `${what} on average per ${singular}`,
    ]);
  if (roll < 35)
    return asked(`aggregate_all(max(V), ${goal}, R)`, [
      `what is the highest ${what} of any ${singular}`,
      `highest ${what}`,
      `maximum ${what} over all ${noun}`,
      `max ${what}`,
      `what is the highest ${what} we have`,
      `largest ${what} among the ${noun}`,
    ]);
  if (roll < 50)
    return asked(`aggregate_all(min(V), ${goal}, R)`, [
      `what is the lowest ${what} of any ${singular}`,
      `lowest ${what}`,
      `minimum ${what} over all ${noun}`,
      `min ${what}`,
      `smallest ${what} among the ${noun}`,
    ]);
  if (roll < 70 && ADDITIVE.test(value.goal))
    return asked(`aggregate_all(sum(V), ${goal}, R)`, [
      `total ${what} of all ${noun}`,
      `how much ${what} do all ${noun} have together`,
      `sum of ${what} over the ${noun}`,
      `how much ${what} in total`,
      `add up the ${what} of the ${noun}`,
      `what is the ${what} of all ${noun} summed up`,
      `overall ${what}`,
      `combined ${what} of the ${noun}`,
    ]);
  return asked(value.goal, [
    `${what} of all ${noun}`,
    `${what} of each ${singular}`,
    `what is the ${what} of every ${singular}`,
    `${what} per ${singular}`,
    `list the ${noun} with their ${what}`,
    `show me the ${what} for all ${noun}`,
    `${noun} and their ${what}`,
    `${what} by ${singular}`,
  ]);
}

const conj = (goal: string): string => (goal.includes('),') ? `(${goal})` : goal);

/** A goal inside a negation: what is local to it has names that say so. */
function absent(goal: string): string {
  const local = goal.replace(/\b([A-WYZ][A-Za-z0-9]*)\b/g, '_$1');
  return /\),|,\s*_?[A-Z]/.test(local.replace(/\([^()]*\)/g, '()')) ? `(${local})` : local;
}

/** The second of two goals: its own variables are others. */
function apart(goal: string, value = 'V2'): string {
  return goal
    .replace(/\bV\b/g, value)
    .replace(/\b([A-UY][A-Za-z0-9]*)\b(?!\()/g, (name) => (name === 'X' ? name : `${name}2`));
}
