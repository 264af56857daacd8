// How much of a message's allowance a text uses. The server counts Unicode characters and UTF-8 bytes;
// counting is skipped for the short texts that nearly all messages are.

import { CONTENT_BYTES_MAX, CONTENT_CHARS_MAX } from "@parlor/client";

/** From here on the writer is told what is left. */
export const WARN_CHARS_LEFT = 500;

const encoder = new TextEncoder();

/** Characters left, negative when there are too many, null while the end is far. */
export function charactersLeft(text: string): number | null {
  // A character has at most two UTF-16 units and three bytes per unit.
  if (text.length * 3 < CONTENT_BYTES_MAX - WARN_CHARS_LEFT * 4) return null;
  const chars = [...text].length;
  const bytes = encoder.encode(text).byteLength;
  const leftByBytes = Math.floor((CONTENT_BYTES_MAX - bytes) / Math.max(1, bytes / chars));
  const left = Math.min(CONTENT_CHARS_MAX - chars, leftByBytes);
  return left <= WARN_CHARS_LEFT ? left : null;
}

/** What is sent of what was typed: no blank lines around it. */
export function messageOf(text: string): string {
  return text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
}
