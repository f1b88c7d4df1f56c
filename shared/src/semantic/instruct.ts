/**
 * The prompt for an operator's own instruct model (style `instruct`): the language in a few lines, the predicates of the catalogue that are
 * nearest to the sentence, their example questions with their queries, and the sentence as tag.ts reads it. It completes one line, under the same
 * grammar as the shipped model and in the same form (form.ts). All 155 predicates would be 6,000 tokens; this is under 1,500.
 */
import type { CatalogueArgument, CatalogueEntry, Manifest } from '../catalogue.ts';
import { fewShots, nearestEntries } from './examples.ts';
import { NO_QUERY } from './form.ts';
import { type Reading, UNKNOWN_WORD } from './tag.ts';

/** Predicates that are shown, the nearest to the sentence first. */
const PREDICATES = 16;
/** Of those, how many with an example question. */
const SHOTS = 8;
/** Longest doc that is shown of one, in characters: its first sentence says what it means. */
const DOC_CHARACTERS = 110;

const SYSTEM = `Translate an operator's question about a site of servers into one query. Use only the predicates below. Write one line.
Names in the question are @n1 (node), @v1 (VM), @c1 (cluster), @u1 (UPS), @z1 (zone), @m1 (mount), @s1 (service); numbers are @q1. Use each of them.
A, B, C are what is asked for; _ is anything. Goals stand side by side with " , "; "not" is \\+ ; "or" is ( G ; G ).
Compare: A > @q1   A >= @q1   A < @q1   A =< @q1. How many: aggregate_all( count , G , A ). Total: aggregate_all( sum( A ) , G , B ).
The 3 largest: top( 3 , A , G ). The smallest: top( 1 , B , ( G , B is - A ) ). Every one: forall( G , G ).
If no query says it, write ${NO_QUERY.abstain}. If it wants something done, not answered, write ${NO_QUERY.order}. If it names what this site does not
have (${UNKNOWN_WORD} stands for an unknown word), write ${NO_QUERY.unknown}.`;

/** The shapes that no example question of the catalogue has; only those whose predicates there are. */
const SHAPES: readonly (readonly [needs: readonly string[], sentence: string, query: string])[] = [
  [['node_temp/2'], 'which nodes are hotter than @q1 #temp', 'node_temp( A , B ) , B > @q1'],
  [['vm_host/2'], 'how many vms run on @n1', 'aggregate_all( count , vm_host( _ , @n1 ) , A )'],
  [['node_load/2'], 'which node is the busiest', 'top( 1 , A , node_load( B , A ) )'],
  [['node/1', 'node_temp/2'], 'which nodes have no temperature', 'node( A ) , \\+ node_temp( A , _ )'],
  [[], 'reboot @n1', NO_QUERY.order],
  [[], 'what is the weather like', NO_QUERY.abstain],
];

/** The whole prompt for one reading of a sentence: the model goes on after "Query:". */
export function instructPrompt({ words }: Pick<Reading, 'words'>, manifest: Manifest): string {
  const near = nearestEntries(words, manifest, PREDICATES).map(described);
  const shapes = SHAPES.filter(([needs]) => needs.every((key) => manifest.entries.has(key)));
  const shots = [
    ...shapes.map(([, sentence, query]) => pair(sentence, query)),
    // The nearest last: a model goes on with what it read last.
    ...fewShots(words, manifest, SHOTS)
      .reverse()
      .map(({ sentence, query }) => pair(sentence, query)),
  ];
  return [SYSTEM, 'Predicates:', ...near, '', ...shots, `Question: ${words.join(' ')}`, 'Query:'].join('\n');
}

const pair = (sentence: string, query: string): string => `Question: ${sentence}\nQuery: ${query}`;

/** `node_temp( node , temp °C ) The temperature of Node is Temp.` */
function described(entry: CatalogueEntry): string {
  const doc = /^[\s\S]*?\.(?=\s|$)/.exec(entry.doc)?.[0] ?? entry.doc;
  const short = doc.length > DOC_CHARACTERS ? `${doc.slice(0, DOC_CHARACTERS)}…` : doc;
  return `${entry.name}( ${entry.args.map(argumentText).join(' , ')} ) ${short}`;
}

/** Values of an enumeration that are shown; the grammar knows the others. */
const VALUES = 6;

function argumentText({ name, type, unit }: CatalogueArgument): string {
  if (Array.isArray(type))
    return `${name} ${type.slice(0, VALUES).join('|')}${type.length > VALUES ? '|…' : ''}`;
  if (type === 'boolean') return `${name} true|false`;
  return type === 'atom' ? name : `${name} ${(unit ?? 'number').replaceAll('_', ' ')}`;
}
