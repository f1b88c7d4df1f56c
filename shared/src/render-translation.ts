/** What a person reads in a terminal of a sentence that was translated, or was not. */
import type { Translation } from './api/translate.ts';

/** Of the program whose command it is: `logic-node`. */
export interface Speaking {
  readonly program: string;
  /** Whose translator it was, where it is not plain. */
  readonly site?: string | null | undefined;
}

export function renderTranslation(translation: Translation, speaking: Speaking): string {
  return [readingOf(translation, speaking), ...saidOf(translation, speaking)]
    .filter((line) => line !== null)
    .join('\n');
}

function readingOf({ readAs }: Translation, { site }: Speaking): string | null {
  const read = readAs.map(({ written, read }) => `"${written}" as ${read}`).join(', ');
  const by = site ? `translated by ${site}` : '';
  const lines = [by, read && `read ${read}`].filter((one) => one !== '');
  return lines.length === 0 ? null : `(${lines.join('; ')})`;
}

function saidOf(translation: Translation, { program }: Speaking): string[] {
  switch (translation.kind) {
    case 'query':
      return [translation.echo, `  ${translation.query}`];
    case 'did_you_mean':
      return [
        'Did you mean:',
        ...translation.options.flatMap(({ echo, query }, i) => [`  ${i + 1}  ${echo}`, `     ${query}`]),
      ];
    case 'abstain':
      return [
        'There is no query for that, and nothing was asked. Say it in other words, such as:',
        ...translation.examples.map((example) => `  ${program} ask --say ${quoted(example)}`),
        `or ask a query: ${program} ask 'node_status(Node, Status)'`,
      ];
    case 'order':
      return [
        'That is an order: a logic node only answers questions, and nothing was done. Such as:',
        ...translation.examples.map((example) => `  ${program} ask --say ${quoted(example)}`),
      ];
    case 'unknown_name':
      return translation.names.map(({ written, near }) =>
        near.length === 0
          ? `There is no "${written}" here, and no name like it. Nothing was asked.`
          : `There is no "${written}" here; there is ${near.join(', ')}. Nothing was asked.`,
      );
  }
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
