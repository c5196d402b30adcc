/** The package's README, as it is packed: its snippets and its tables. @module */
import { execFileSync } from "node:child_process";
import { tarball } from "./workshop.js";

/** A fenced block. Its first line is three back-ticks, its language, and its name, which is that of a file. */
export interface Snippet {
  name: string;
  text: string;
}

const FENCE = /^\s*(?:```|~~~)/;
const OPENING = /^```\w+ (?<name>\S+)$/;

/** The README that would be published. */
export function readReadme(): string {
  return execFileSync("tar", ["-xzOf", tarball(), "package/README.md"], { encoding: "utf8" });
}

/** Every fenced block of a text. Throws where one has no name, or a name that another has. */
export function snippetsOf(markdown: string): Snippet[] {
  const snippets: Snippet[] = [];
  let open: { name: string; lines: string[] } | undefined;
  for (const line of markdown.split("\n")) {
    if (open === undefined && FENCE.test(line)) {
      const name = OPENING.exec(line)?.groups?.["name"];
      if (name === undefined || snippets.some((snippet) => snippet.name === name)) {
        throw new Error(`the block \`${line}\` needs a language and a name of its own`);
      }
      open = { name, lines: [] };
    } else if (open !== undefined && line === "```") {
      snippets.push({ name: open.name, text: open.lines.map((each) => `${each}\n`).join("") });
      open = undefined;
    } else {
      open?.lines.push(line);
    }
  }
  if (open !== undefined) {
    throw new Error(`the block \`${open.name}\` does not end`);
  }
  return snippets;
}

/** The names of snippets that no test claims. */
export function unclaimed(snippets: readonly Snippet[], claimed: ReadonlySet<string>): string[] {
  return snippets.map(({ name }) => name).filter((name) => !claimed.has(name));
}

/** The rows of the table whose header begins so, as their cells without back-ticks. */
export function tableOf(markdown: string, header: string): string[][] {
  const lines = markdown.split("\n");
  const first = lines.findIndex((line) => line.startsWith(header));
  if (first === -1) {
    throw new Error(`the README has no table \`${header}\``);
  }
  const after = lines.slice(first + 2);
  return after
    .slice(0, after.findIndex((line) => !line.startsWith("|")))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.replaceAll("`", "").trim()),
    );
}

/** How far a stated size may be from the size that is measured. */
const MARGIN = 0.03;

/** Throws where a size in a cell of a table, such as `199,000`, is not about so many bytes. */
export function checkSize(what: string, stated: string | undefined, bytes: number): void {
  const figure = Number(stated?.replaceAll(",", ""));
  if (!(Math.abs(figure - bytes) <= bytes * MARGIN)) {
    throw new Error(`${what}: the README says ${stated ?? "nothing"}, and it is ${bytes} bytes`);
  }
}
