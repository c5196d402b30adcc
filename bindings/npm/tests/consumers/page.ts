/** What pages of users come to in Chromium. @module */
import { after, before } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM, serveFolder } from "../support/pages.js";

/** A browser for the tests of a file: it starts before the first, and ends behind the last. */
export function browserForTests(): () => Browser {
  let browser: Browser | undefined;
  before(async () => {
    browser = await chromium.launch(CHROMIUM);
  });
  after(() => browser?.close());
  return () => {
    if (browser === undefined) {
      throw new Error("the browser starts with the first test");
    }
    return browser;
  };
}

/** What opens pages: a browser, which gives each storage of its own, or a context, in which they share it. */
export interface Pages {
  newPage(): Promise<Page>;
}

/** How long a page may take: the machine may be busy. */
const PAGE_MS_MAX = 60_000;

/**
 * Opens a page and answers with the text that it comes to. Rejects with everything that the browser
 * complained about: errors, what the policy kept back, requests to another place.
 */
export async function textOf(pages: Pages, url: string): Promise<string> {
  const page = await pages.newPage();
  const complaints: string[] = [];
  const failed = new Promise<never>((_, reject) => {
    page.on("pageerror", (error) => {
      reject(new Error([...complaints, error.message].join("\n")));
    });
  });
  // Where the page does not fail, nobody waits for it.
  failed.catch(() => undefined);
  page.on("console", (message) => {
    // Nobody has given the page an icon.
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) {
      complaints.push(message.text());
    }
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) {
      complaints.push(`it asked for ${request.url()}`);
    }
  });
  try {
    await page.goto(url);
    const body = page.locator("body:not(:empty)");
    await Promise.race([body.waitFor({ timeout: PAGE_MS_MAX }), failed]);
    const text = await body.innerText();
    if (complaints.length > 0) {
      throw new Error(complaints.join("\n"));
    }
    return text;
  } finally {
    await page.close();
  }
}

/** What the page in a folder comes to under a policy. */
export async function served(pages: Pages, folder: string, policy: string): Promise<string> {
  const { origin, close } = await serveFolder(folder, policy);
  try {
    return await textOf(pages, `${origin}/`);
  } finally {
    await close();
  }
}
