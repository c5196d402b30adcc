/** The columns of a statement: what the form says about them, and what the file calls them. @module */

/** How much of a file is looked at for its header. */
const HEAD_BYTES = 64 * 1024;

/** What separates the columns of tables. */
const DELIMITERS = [",", ";", "\t", "|"] as const;

/** The text of a map, of names and values as the form has them and of what is written in words of a map. */
export function mapText(values: Iterable<readonly [name: string, value: string]>, more: string): string {
  const pairs = [...values].filter(([, value]) => value !== "").map(([name, value]) => `${name}=${quoted(value)}`);
  return [...pairs, ...(more.trim() === "" ? [] : [more.trim()])].join(",");
}

function quoted(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}

/**
 * What the columns of a table may be called, to choose from: the cells of the first line with the most of
 * them. Whoever fills in the form may write others.
 */
export async function columnNames(file: Blob): Promise<string[]> {
  const head = await file.slice(0, HEAD_BYTES).text();
  if (/[\0<{]/.test(head.trimStart().slice(0, 1_000))) {
    // No table.
    return [];
  }
  const lines = head.replace(/^\uFEFF/, "").split(/\r\n?|\n/, 50);
  const rows = lines.flatMap((line) => DELIMITERS.map((delimiter) => cells(line, delimiter)));
  const header = rows.reduce((longest, row) => (row.length > longest.length ? row : longest), []);
  return [...new Set(header.filter((name) => name !== ""))];
}

function cells(line: string, delimiter: (typeof DELIMITERS)[number]): string[] {
  const separator = delimiter === "|" ? "\\|" : delimiter;
  const cell = new RegExp(`(?:^|${separator})(?:"((?:[^"]|"")*)"|([^"${delimiter}]*))(?=${separator}|$)`, "g");
  return [...line.matchAll(cell)].map(([, inQuotes, plain]) =>
    (inQuotes?.replaceAll('""', '"') ?? plain ?? "").trim(),
  );
}
