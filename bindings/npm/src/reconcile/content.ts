/** Files, whatever they come as, in pieces of bytes. @module */
import { invalidField, RefundLedgerError } from "../errors.js";
import type { Exporting, FileContent } from "./types.js";

/** How much goes into the module at once. */
const PIECE_BYTES = 1024 * 1024;

const ACCEPTED = "must be text, bytes, a `Blob`, a stream, or the pieces of a file in their order";

const encoder = new TextEncoder();

/** The pieces of a file; `name` is what an error calls it. What the file's source throws is the `cause`. */
export async function* piecesOf(content: FileContent, name: string): AsyncGenerator<Uint8Array, void, void> {
  const texts = new Texts();
  try {
    for await (const piece of partsOf(content, name)) {
      if (typeof piece === "string") {
        yield* cut(texts.encode(piece));
      } else {
        yield* cut(texts.end());
        yield* cut(bytesOf(piece, name));
      }
    }
    yield* cut(texts.end());
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

/** The pieces of what a ledger exports. What its store throws is the `cause`. */
export async function* piecesOfLedger(ledger: Exporting): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* fileOf(ledger.exportCommands());
  } catch (cause) {
    throw unreadable("ledger", cause);
  }
}

/** Whether it is a ledger, and no file of one. */
export function isExporting(ledger: unknown): ledger is Exporting {
  try {
    return typeof ledger === "object" && ledger !== null && hasMethod(ledger, "exportCommands");
  } catch (cause) {
    throw unreadable("ledger", cause);
  }
}

function unreadable(name: string, cause: unknown): RefundLedgerError {
  return cause instanceof RefundLedgerError ? cause : invalidField(name, "not_allowed", "can't be read; see `cause`", { cause });
}

/** Text in pieces, as bytes. A character may begin in one piece and end in the next. */
class Texts {
  #begun = "";

  encode(piece: string): Uint8Array {
    const text = this.#begun + piece;
    const last = text.charCodeAt(text.length - 1);
    this.#begun = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : "";
    return encoder.encode(this.#begun === "" ? text : text.slice(0, -1));
  }

  /** What no further text ends. */
  end(): Uint8Array {
    const bytes = encoder.encode(this.#begun);
    this.#begun = "";
    return bytes;
  }
}

function* cut(bytes: Uint8Array): Generator<Uint8Array, void, void> {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    yield bytes.subarray(from, from + PIECE_BYTES);
  }
}

function partsOf(content: unknown, name: string): Iterable<unknown> | AsyncIterable<unknown> {
  if (isBytes(content)) {
    return [content];
  }
  if (typeof content !== "object" || content === null) {
    throw invalidField(name, "wrong_type", ACCEPTED);
  }
  if (hasMethod(content, "arrayBuffer")) {
    return whole(content as { arrayBuffer(): Promise<ArrayBuffer> });
  }
  if (hasMethod(content, Symbol.asyncIterator) || hasMethod(content, Symbol.iterator)) {
    return content as Iterable<unknown> | AsyncIterable<unknown>;
  }
  if (hasMethod(content, "getReader")) {
    return chunksOf(content as ReadableStream<unknown>);
  }
  throw invalidField(name, "wrong_type", ACCEPTED);
}

async function* whole(file: { arrayBuffer(): Promise<ArrayBuffer> }): AsyncGenerator<ArrayBuffer, void, void> {
  yield await file.arrayBuffer();
}

/** The pieces of a stream. Not all browsers can iterate over one. */
async function* chunksOf(stream: ReadableStream<unknown>): AsyncGenerator<unknown, void, void> {
  const reader = stream.getReader();
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      yield chunk.value;
    }
  } finally {
    await reader.cancel();
  }
}

function hasMethod(value: object, name: string | symbol): boolean {
  return typeof Reflect.get(value, name) === "function";
}

function isBytes(value: unknown): value is string | ArrayBufferView | ArrayBufferLike {
  return typeof value === "string" || ArrayBuffer.isView(value) || isBuffer(value);
}

const BUFFERS = [ArrayBuffer, ...(typeof SharedArrayBuffer === "undefined" ? [] : [SharedArrayBuffer])];
const LENGTHS = BUFFERS.map((kind) => Object.getOwnPropertyDescriptor(kind.prototype, "byteLength")?.get);

/** Whether it is a buffer, of whatever realm: those of a frame or of a test's sandbox have constructors of their own. */
function isBuffer(value: unknown): value is ArrayBufferLike {
  return LENGTHS.some((length) => {
    try {
      return length?.call(value) !== undefined;
    } catch {
      return false;
    }
  });
}

function bytesOf(piece: unknown, name: string): Uint8Array {
  if (ArrayBuffer.isView(piece)) {
    return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  }
  if (isBuffer(piece)) {
    return new Uint8Array(piece);
  }
  throw invalidField(name, "wrong_type", `has a piece that is neither text nor bytes`);
}

/** Lines as a file has them, some at once. */
async function* fileOf(lines: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, void> {
  let waiting: string[] = [];
  let length = 0;
  for await (const line of lines) {
    if (typeof line !== "string") {
      throw invalidField("ledger", "wrong_type", "exports something that is no text");
    }
    waiting.push(line, "\n");
    length += line.length;
    if (length >= PIECE_BYTES / 4) {
      yield encoder.encode(waiting.join(""));
      waiting = [];
      length = 0;
    }
  }
  yield encoder.encode(waiting.join(""));
}
