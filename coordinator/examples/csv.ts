/** CSV as RFC 4180 has it: CRLF after every record, a field in quotes where it needs them, quotes doubled. */
export type Cell = string | number | boolean | null;

/** One record with its line end; null is an empty field, and an empty text one in quotes. */
export function csvRecord(cells: readonly Cell[]): string {
  return `${cells.map(field).join(',')}\r\n`;
}

function field(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  return text === '' || /[",\r\n]/.test(text) || text !== text.trim()
    ? `"${text.replaceAll('"', '""')}"`
    : text;
}
