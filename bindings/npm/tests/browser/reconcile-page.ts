/** The page `examples/web`, built as its users build it, and what they do on it. @module */
import { cpSync } from "node:fs";
import { basename } from "node:path";
import type { TestContext } from "node:test";
import type { Browser, BrowserContext, BrowserContextOptions, Download, Frame, Page } from "playwright-core";

import { type Project, Workshop } from "../consumers/workshop.js";
import { fromTop } from "../support/files.js";
import { serveFolder } from "../support/pages.js";

/** Folders of the example that are made of others. */
const MADE = ["node_modules", "dist"];

/** The page in a project of a user: checked by the compiler, and built. */
export function builtPage(workshop: Workshop): Project {
  const project = workshop.emptyProject("web");
  cpSync(fromTop("examples/web"), project.folder, {
    recursive: true,
    filter: (source) => !MADE.includes(basename(source)),
  });
  project.tool("tsc", "--project", "tsconfig.json");
  project.tool("tsc", "--project", "tsconfig.workers.json");
  project.tool("vite", "build", "--logLevel", "warn");
  return project;
}

/** A file as a user has it. */
export interface UserFile {
  name: string;
  content: string | Buffer;
}

/** The page in a browser of its own, and what it did that it should not. */
export class PageOfUser {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly origin: string;
  /** Errors, what the policy kept back, requests to other places. */
  readonly complaints: string[] = [];
  /** Ends the server that the page comes from. */
  readonly stopServer: () => Promise<void>;

  private constructor(page: Page, origin: string, stopServer: () => Promise<void>) {
    this.page = page;
    this.context = page.context();
    this.origin = origin;
    this.stopServer = stopServer;
    this.context.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        this.complaints.push(message.text());
      }
    });
    this.context.on("weberror", (error) => this.complaints.push(error.error().message));
    this.context.on("request", (request) => {
      const url = request.url();
      if (new URL(url).origin !== origin && !url.startsWith(`blob:${origin}/`)) {
        this.complaints.push(`it asked for ${url}`);
      }
    });
  }

  /** Opens the page of a project for a test. The server sends no policy: the page brings its own. */
  static async open(t: TestContext, browser: Browser, { folder }: Project, options: BrowserContextOptions = {}) {
    const { origin, close } = await serveFolder(folder);
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopped ??= close());
    t.after(stop);
    const context = await browser.newContext({ viewport: { width: 1100, height: 850 }, ...options });
    t.after(() => context.close());
    const opened = new PageOfUser(await context.newPage(), origin, stop);
    await opened.page.goto(`${origin}/dist/`);
    return opened;
  }

  /** Keeps the module for reconciliation from ever arriving, so that the work neither ends nor fails. */
  async stall(): Promise<void> {
    await this.context.route(/reconcile_bg.*\.wasm$/, () => undefined);
  }

  /** Chooses a file in a field, by its path where it is on disk. */
  async choose(field: string, file: UserFile | string): Promise<void> {
    const chosen =
      typeof file === "string"
        ? file
        : { name: file.name, mimeType: "application/octet-stream", buffer: Buffer.from(file.content) };
    await this.page.locator(`#${field}`).setInputFiles(chosen);
  }

  /** Drops a file where a field is. */
  async drop(field: string, { name, content }: UserFile): Promise<void> {
    const dataTransfer = await this.page.evaluateHandle(
      ([name, text]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([text], name));
        return transfer;
      },
      [name, content.toString()] as const,
    );
    const zone = this.page.locator(".drop", { has: this.page.locator(`#${field}`) });
    await zone.dispatchEvent("dragover", { dataTransfer });
    await zone.dispatchEvent("drop", { dataTransfer });
  }

  async compare(): Promise<void> {
    await this.page.getByRole("button", { name: "Compare", exact: true }).click();
  }

  async done(): Promise<void> {
    await this.page.locator("body[data-state=done]").waitFor({ timeout: 60_000 });
  }

  /** The frame with the report, once it is there. */
  async report(): Promise<Frame> {
    await this.page.frameLocator("#report").locator("footer").waitFor();
    const frame = this.page.frames().find((frame) => frame.url().startsWith("blob:"));
    if (frame === undefined) {
      throw new Error("the page shows no report");
    }
    return frame;
  }

  /** Saves the report in a form; answers what the file is called and holds. */
  async saved(form: "HTML" | "CSV" | "JSON"): Promise<{ name: string; text: string }> {
    const waiting = this.page.waitForEvent("download");
    await this.page.getByRole("link", { name: `Save as ${form}` }).click();
    const download: Download = await waiting;
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) {
      chunks.push(chunk as Buffer);
    }
    return { name: download.suggestedFilename(), text: Buffer.concat(chunks).toString() };
  }

  /** What is said to be wrong, by the ids of the fields; what is about no field is under `problem`. */
  async wrong(): Promise<Record<string, string>> {
    const errors = this.page.locator(".error:not(:empty)");
    const told = await errors.evaluateAll((all) =>
      all.map(({ id, textContent }) => [id.replace(/-error$/, ""), textContent ?? ""]),
    );
    return Object.fromEntries(told) as Record<string, string>;
  }

  /** Waits until something is said to be wrong, and answers it. */
  async refused(): Promise<Record<string, string>> {
    await this.page.locator(".error:not(:empty)").first().waitFor({ timeout: 30_000 });
    return this.wrong();
  }
}
