/**
 * The shape of a term, as data (term.ts says why it is so): what the scanner, the reader and the writer share.
 */
export type Variable = { readonly kind: 'var'; readonly name: string };
export type Atom = { readonly kind: 'atom'; readonly name: string };
export type Integer = { readonly kind: 'int'; readonly value: bigint };
export type Float = { readonly kind: 'float'; readonly value: number };
export type List = { readonly kind: 'list'; readonly items: readonly Term[] };
export type Compound = { readonly kind: 'compound'; readonly name: string; readonly args: readonly Term[] };
export type Term = Variable | Atom | Integer | Float | List | Compound;
