// Messages as rows of the thread: which begin or end a run of one sender, which carry a day line or the
// line above what is new. Lines belong to a message's row, so the number of rows is the number of messages
// and older pages can be put above without counting.

import type { ThreadMessage } from "@parlor/client";
import { daysBetween } from "./time";

export type ThreadRow = {
  message: ThreadMessage;
  /** ISO time whose day is shown above, or null. */
  day: string | null;
  isNewLine: boolean;
  startsRun: boolean;
  endsRun: boolean;
};

const RUN_MS_MAX = 5 * 60_000;

function sameRun(a: ThreadMessage, b: ThreadMessage): boolean {
  if (a.senderId !== b.senderId || a.kind !== "text" || b.kind !== "text") return false;
  return Math.abs(Date.parse(b.createdAt) - Date.parse(a.createdAt)) <= RUN_MS_MAX;
}

function sameDay(a: ThreadMessage, b: ThreadMessage): boolean {
  return daysBetween(new Date(a.createdAt), new Date(b.createdAt)) === 0;
}

/**
 * `newAfterSeq`: messages of others beyond it are new, null when nothing is. While older messages are not
 * loaded, the first one is left out: whether it begins a run or a day is not known yet, and a row that
 * changes its height later would move what is being read.
 */
export function threadRows(
  messages: readonly ThreadMessage[],
  newAfterSeq: number | null,
  hasOlder: boolean,
): ThreadRow[] {
  const isNew = (it: ThreadMessage) =>
    newAfterSeq !== null && !it.own && it.seq !== null && it.seq > newAfterSeq;
  const firstNew = messages.findIndex(isNew);
  const begins = (index: number): boolean => {
    const message = messages[index];
    const before = messages[index - 1];
    if (!message || !before) return true;
    return index === firstNew || !sameDay(before, message) || !sameRun(before, message);
  };
  const rows = messages.map((message, index) => {
    const before = messages[index - 1];
    const changesDay = !before || !sameDay(before, message);
    return {
      message,
      day: changesDay ? message.createdAt : null,
      isNewLine: index === firstNew,
      startsRun: begins(index),
      endsRun: index === messages.length - 1 || begins(index + 1),
    };
  });
  return hasOlder ? rows.slice(1) : rows;
}
