// Messages as a virtual list. A row's index is its seq, so putting older pages above changes no index and
// moves nothing that is being read. Follows the newest while the reader is there, and counts what comes
// in below while they are not.

import type { ConversationView, ThreadMessage } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { ArrowDown } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { Virtuoso } from "react-virtuoso";
import { words } from "../i18n";
import { type ThreadRow, threadRows } from "../text/rows";
import { usePageFocus } from "../ui/hooks";
import { Announcer } from "./announcer";
import { MessageRow } from "./message-row";
import { keepPlace, placeOf } from "./places";
import { useStick } from "./use-stick";

/** Threads up to here nearly fit a screen; they need no leap to their start, and must not wait for one. */
const SHORT_ROWS = 12;

type MessageListProps = {
  conversation: ConversationView;
  title: string;
  messages: readonly ThreadMessage[];
  hasOlder: boolean;
};

/** After which seq messages are "new", for as long as this visit lasts; null when none are. */
function useNewLine(conversation: ConversationView, focused: boolean): number | null {
  const { unreadCount, me } = conversation;
  const [after, setAfter] = useState(unreadCount > 0 ? me.readSeq : null);
  const [wasFocused, setWasFocused] = useState(focused);
  if (wasFocused !== focused) {
    setWasFocused(focused);
    // What comes while nobody looks is new when they return.
    if (!focused) setAfter(Math.max(me.readSeq, unreadCount === 0 ? conversation.lastSeq : 0));
  }
  return after;
}

function firstSeqOf(rows: readonly ThreadRow[]): number {
  return rows[0]?.message.seq ?? 1;
}

function startIndex(id: string, rows: readonly ThreadRow[], firstSeq: number) {
  const kept = placeOf(id);
  if (kept !== null && kept >= firstSeq && kept < firstSeq + rows.length) {
    return { index: kept - firstSeq, align: "start" as const };
  }
  const firstNew = rows.findIndex((row) => row.isNewLine);
  if (firstNew > 0) return { index: firstNew, align: "center" as const };
  return { index: rows.length - 1, align: "end" as const };
}

export function MessageList({ conversation, title, messages, hasOlder }: MessageListProps) {
  const { id, kind, lastSeq, me } = conversation;
  const { handle } = useConversation(id);
  const focused = usePageFocus();
  const newAfter = useNewLine(conversation, focused);
  const [seenSeq, setSeenSeq] = useState(lastSeq);
  const rows = useMemo(
    () => threadRows(messages, newAfter, hasOlder),
    [messages, newAfter, hasOlder],
  );
  const firstSeq = firstSeqOf(rows);
  const [start] = useState(() => startIndex(id, rows, firstSeq));
  const [leaps] = useState(rows.length > SHORT_ROWS);
  const { atBottom, scrollerRef, settle, toBottom, reached } = useStick(start.align === "end");

  if (atBottom && seenSeq !== lastSeq) setSeenSeq(lastSeq);
  const below = messages.filter((it) => !it.own && it.seq !== null && it.seq > seenSeq).length;

  useEffect(() => {
    if (focused && atBottom && lastSeq > me.readSeq) handle.markRead(lastSeq);
  }, [focused, atBottom, lastSeq, me.readSeq, handle]);

  const newest = messages.at(-1);
  // An own message is always shown, wherever the reader was.
  const written = newest?.seq === null ? newest.key : null;
  useEffect(() => {
    if (written !== null) toBottom();
  }, [written, toBottom]);

  return (
    <div className="log-frame">
      <Virtuoso
        scrollerRef={scrollerRef}
        className="log"
        role="log"
        aria-label={words.messageLog(title)}
        aria-live="off"
        tabIndex={0}
        data={rows}
        firstItemIndex={firstSeq}
        {...(leaps ? { initialTopMostItemIndex: start } : {})}
        computeItemKey={(_, row) => row.message.key}
        itemContent={(_, row) => (
          <MessageRow {...row} inGroup={kind !== "direct"} handle={handle} />
        )}
        startReached={() => void handle.loadOlder()}
        totalListHeightChanged={settle}
        itemSize={exactSize}
        atBottomStateChange={reached}
        rangeChanged={({ startIndex: top }) => keepPlace(id, atBottom ? null : top)}
        increaseViewportBy={{ top: 1200, bottom: 600 }}
        alignToBottom
        components={{ Footer }}
      />
      {!atBottom && (
        <button
          type="button"
          className="to-newest"
          aria-label={below > 0 ? words.toNewestCount(below) : words.toNewest}
          onClick={toBottom}
        >
          {below > 0 && <span className="badge">{below}</span>}
          <ArrowDown aria-hidden="true" />
        </button>
      )}
      <Announcer newest={newest} />
    </div>
  );
}

/** Rounded heights, as the list would take by itself, add up to a visible jump over a page of rows. */
function exactSize(element: HTMLElement, field: "offsetHeight" | "offsetWidth"): number {
  const { height, width } = element.getBoundingClientRect();
  return field === "offsetHeight" ? height : width;
}

function Footer() {
  return <div className="log-foot" />;
}
