/** Files, whatever they come as, in pieces of bytes. @module */
import { invalidField, RefundLedgerError } from "../errors.js";
import type { FileContent } from "./types.js";

/** How much goes into the module at once. */
const PIECE_BYTES = 1024 * 1024;

const ACCEPTED = "must be text, bytes, a `Blob`, or the pieces of a file in their order";

const encoder = new TextEncoder();

/** The pieces of a file; `name` is what an error calls it. What the file's source throws is the `cause`. */
export async function* piecesOf(content: FileContent, name: string): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const piece of partsOf(content, name)) {
      const bytes = bytesOf(piece, name);
      for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
        yield bytes.subarray(from, from + PIECE_BYTES);
      }
    }
  } catch (cause) {
    throw cause instanceof RefundLedgerError ? cause : invalidField(name, "not_allowed", "can't be read; see `cause`", { cause });
  }
}

function partsOf(content: unknown, name: string): Iterable<unknown> | AsyncIterable<unknown> {
  if (isBytes(content)) {
    return [content];
  }
  if (typeof content !== "object" || content === null) {
    throw invalidField(name, "wrong_type", ACCEPTED);
  }
  if ("arrayBuffer" in content && typeof content.arrayBuffer === "function") {
    return whole(content as { arrayBuffer(): Promise<ArrayBuffer> });
  }
  if (Symbol.asyncIterator in content || Symbol.iterator in content) {
    return content as Iterable<unknown> | AsyncIterable<unknown>;
  }
  throw invalidField(name, "wrong_type", ACCEPTED);
}

async function* whole(file: { arrayBuffer(): Promise<ArrayBuffer> }): AsyncGenerator<ArrayBuffer, void, void> {
  yield await file.arrayBuffer();
}

function isBytes(value: unknown): value is string | ArrayBuffer | ArrayBufferView {
  return typeof value === "string" || ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

function bytesOf(piece: unknown, name: string): Uint8Array {
  if (typeof piece === "string") {
    return encoder.encode(piece);
  }
  if (ArrayBuffer.isView(piece)) {
    return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  }
  if (piece instanceof ArrayBuffer) {
    return new Uint8Array(piece);
  }
  throw invalidField(name, "wrong_type", `has a piece that is neither text nor bytes`);
}

/** Lines as a file has them, some at once. */
export async function* fileOf(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, void> {
  let waiting: string[] = [];
  let length = 0;
  for await (const line of lines) {
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
