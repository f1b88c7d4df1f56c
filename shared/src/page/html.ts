/**
 * HTML as a template tag that escapes: whatever is put into html`...` is text, unless it is itself
 * the result of html`...`. So a page cannot forget to escape what a site or a person wrote.
 */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = string | number | Html | null | readonly Content[];

export function html(strings: TemplateStringsArray, ...contents: Content[]): Html {
  return new Html(strings.map((string, i) => string + render(contents[i] ?? null)).join(''));
}

function render(content: Content): string {
  if (content === null) return '';
  if (content instanceof Html) return content.text;
  return typeof content === 'object' ? content.map(render).join('') : escapeText(String(content));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Safe as text and inside a quoted attribute. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
