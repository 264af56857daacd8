// A window onto a conversation's messages: stored messages in seq order without a hole between the first
// and the last. Pure functions; a merge that would leave a hole says so instead of making one.

import type { Message } from "../generated/protocol";
import { type Change, changed } from "./changes";

export type Window = readonly Message[];

export type Merge = { window: Window; fits: boolean };

export const lastSeqOf = (window: Window): number => window.at(-1)?.seq ?? 0;
export const firstSeqOf = (window: Window): number => window[0]?.seq ?? 0;

/** Puts `items` (ascending, without holes) into `window`; `fits` is false when a hole would remain. */
export function merge(window: Window, items: readonly Message[]): Merge {
  const first = items[0];
  if (!first) return { window, fits: true };
  if (window.length === 0) return { window: [...items], fits: true };
  if (first.seq > lastSeqOf(window) + 1 || lastSeqOf(items) < firstSeqOf(window) - 1) {
    return { window, fits: false };
  }
  const bySeq = new Map(window.map((message) => [message.seq, message]));
  let changed = false;
  for (const message of items) {
    const held = bySeq.get(message.seq);
    if (held && held.version >= message.version) continue;
    bySeq.set(message.seq, message);
    changed = true;
  }
  if (!changed) return { window, fits: true };
  return { window: [...bySeq.values()].sort((a, b) => a.seq - b.seq), fits: true };
}

/** Puts a change on the message it concerns, or a new message behind the last, if there it belongs. */
export function put(window: Window, change: Change): Window {
  // Without holes a message's place follows from its seq.
  const index = change.seq - firstSeqOf(window);
  const held = window[index];
  if (!held) {
    const isNext = window.length > 0 && change.seq === lastSeqOf(window) + 1;
    return isNext && change.added ? [...window, change.added] : window;
  }
  const next = changed(held, change);
  return next === held ? window : window.with(index, next);
}
