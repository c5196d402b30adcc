/** What of a page can be measured that everybody is to be able to read. @module */
import type { Frame, Page } from "playwright-core";

/** The contrast that WCAG 2 (AA) asks of text. */
const CONTRAST_MIN = 4.5;

/** What is wrong with the structure that a screen reader tells: headings, tables, names of fields. */
export function structureFaults(page: Page | Frame): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const seen = (element: Element): boolean => element.closest("[hidden]") === null;
    if (document.documentElement.lang === "" || document.title === "") {
      faults.push("the page has no language or no title");
    }
    const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(seen);
    const levels = headings.map(({ tagName }) => Number(tagName.slice(1)));
    if (levels[0] !== 1 || levels.filter((level) => level === 1).length !== 1) {
      faults.push(`the headings are of levels ${levels.join(" ")}; the first alone should be of level 1`);
    }
    levels.forEach((level, at) => {
      if (level > (levels[at - 1] ?? 0) + 1) {
        faults.push(`the heading "${headings[at]?.textContent}" skips a level`);
      }
    });
    for (const table of document.querySelectorAll("table")) {
      if ((table.caption?.textContent ?? "") === "") {
        faults.push(`a table of ${table.rows.length} rows has no caption`);
      }
    }
    for (const header of document.querySelectorAll("th")) {
      if (header.scope === "") {
        faults.push(`the table header "${header.textContent}" has no scope`);
      }
    }
    for (const field of document.querySelectorAll("input, select, textarea")) {
      if (![...((field as HTMLInputElement).labels ?? [])].some(({ textContent }) => textContent?.trim() !== "")) {
        faults.push(`the field \`${field.id}\` has no label`);
      }
    }
    for (const image of document.querySelectorAll("svg, img")) {
      const name = image.getAttribute("aria-label") ?? image.getAttribute("alt") ?? "";
      if (image.closest("[aria-hidden=true]") === null && name === "") {
        faults.push("an image has no text");
      }
    }
    return faults;
  });
}

/** Texts whose colour is too near to that behind it, each once; and how many were measured. */
export function contrastFaults(page: Page | Frame): Promise<{ measured: number; faults: string[] }> {
  return page.evaluate((min) => {
    type Colour = readonly [red: number, green: number, blue: number, alpha: number];

    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const read = (text: string): Colour => {
      if (canvas === null) {
        throw new Error("there is no canvas to read colours with");
      }
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
      return [red, green, blue, alpha / 255];
    };
    const over = (front: Colour, back: Colour): Colour => {
      const mix = (at: 0 | 1 | 2): number => front[at] * front[3] + back[at] * (1 - front[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const luminance = (colour: Colour): number => {
      const linear = (at: 0 | 1 | 2): number => {
        const part = colour[at] / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * linear(0) + 0.7152 * linear(1) + 0.0722 * linear(2);
    };
    const behind = (element: Element | null): Colour => {
      if (element === null) {
        return read("Canvas");
      }
      const colour = read(getComputedStyle(element).backgroundColor);
      return colour[3] === 1 ? colour : over(colour, behind(element.parentElement));
    };

    const faults = new Set<string>();
    let measured = 0;
    const measure = (element: Element, style: CSSStyleDeclaration, text: string): void => {
      const back = behind(element);
      const [one, other] = [luminance(over(read(style.color), back)), luminance(back)];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      measured += 1;
      if (contrast < min) {
        faults.add(`"${text.trim().slice(0, 40)}" in ${style.color}: ${contrast.toFixed(2)}`);
      }
    };
    for (const element of document.body.querySelectorAll("*")) {
      if (!element.checkVisibility() || element.closest("svg, script") !== null) {
        continue;
      }
      const texts = [...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE);
      const text = texts.map(({ textContent }) => textContent).join("");
      if (text.trim() !== "" || element.matches("input, select")) {
        measure(element, getComputedStyle(element), text);
      }
      for (const part of ["::before", "::after", "::file-selector-button"]) {
        const style = getComputedStyle(element, part);
        if (part === "::file-selector-button" ? element.matches("[type=file]") : /^"./.test(style.content)) {
          measure(element, style, style.content);
        }
      }
    }
    return { measured, faults: [...faults] };
  }, CONTRAST_MIN);
}

/** By how many pixels the page is wider than its window. */
export function overflow(page: Page | Frame): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}
