// Messages as a virtual list. A row's index is its seq, so putting older pages above changes no index and
// moves nothing that is being read. Follows the newest while the reader is there, and counts what comes
// in below while they are not.

import type { ConversationView, ThreadMessage } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { ArrowDown } from "lucide-react";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Virtuoso } from "react-virtuoso";
import { words } from "../i18n";
import { type ThreadRow, threadRows } from "../text/rows";
import { usePageFocus } from "../ui/hooks";
import type { MenuAnchor } from "../ui/menu";
import { Announcer } from "./announcer";
import { MessageMenu } from "./message-menu";
import { MessageRow } from "./message-row";
import { keepPlace, placeOf } from "./places";
import { Typists } from "./typists";
import { hasActions, type MessageActions } from "./use-message-actions";
import { useStick } from "./use-stick";

/** Threads up to here nearly fit a screen; they need no leap to their start, and must not wait for one. */
const SHORT_ROWS = 12;

type MessageListProps = {
  conversation: ConversationView;
  title: string;
  messages: readonly ThreadMessage[];
  hasOlder: boolean;
  actions: MessageActions;
};

/** After which seq messages are "new", for as long as this visit lasts; null when none are. */
function useNewLine(conversation: ConversationView, focused: boolean): number | null {
  const { unreadCount, me } = conversation;
  const [after, setAfter] = useState(unreadCount > 0 ? me.readSeq : null);
  const [wasFocused, setWasFocused] = useState(focused);
  const [readSeq, setReadSeq] = useState(me.readSeq);
  if (readSeq !== me.readSeq) {
    setReadSeq(me.readSeq);
    // Set back, here or on another device: what is unread again is new.
    if (me.readSeq < readSeq) setAfter(me.readSeq);
  }
  if (wasFocused !== focused) {
    setWasFocused(focused);
    // What comes while nobody looks is new when they return.
    if (!focused) setAfter(Math.max(me.readSeq, unreadCount === 0 ? conversation.lastSeq : 0));
  }
  return after;
}

/** Says that the newest was read, when it comes or when the reader does; not when they set it back. */
function useReading(conversation: ConversationView, reading: boolean): void {
  const { id, lastSeq, me } = conversation;
  const { handle } = useConversation(id);
  const readSeq = useRef(me.readSeq);
  readSeq.current = me.readSeq;
  useEffect(() => {
    if (reading && lastSeq > readSeq.current) handle.markRead(lastSeq);
  }, [reading, lastSeq, handle]);
}

/** The arrow keys walk from one message's menu button to the next. */
function walkMenus(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>(".bubble-menu")];
  const at = buttons.indexOf(document.activeElement as HTMLElement);
  const next = buttons[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
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

export function MessageList(props: MessageListProps) {
  const { conversation, title, messages, hasOlder, actions } = props;
  const { id, kind, lastSeq } = conversation;
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

  useReading(conversation, focused && atBottom);
  const [menu, setMenu] = useState<{ message: ThreadMessage; anchor: MenuAnchor } | null>(null);
  const onMenu = useCallback((message: ThreadMessage, anchor: MenuAnchor) => {
    setMenu({ message, anchor });
  }, []);

  const newest = messages.at(-1);
  const lastWithMenu = messages.findLast(hasActions);
  // An own message is always shown, wherever the reader was.
  const written = newest?.seq === null ? newest.key : null;
  useEffect(() => {
    if (written !== null) toBottom();
  }, [written, toBottom]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons inside are what has the focus
    <div className="log-frame" onKeyDown={walkMenus}>
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
          <MessageRow
            {...row}
            inGroup={kind !== "direct"}
            isLast={row.message === lastWithMenu}
            handle={handle}
            actions={actions}
            onMenu={onMenu}
          />
        )}
        startReached={() => void handle.loadOlder()}
        totalListHeightChanged={settle}
        itemSize={exactSize}
        atBottomStateChange={reached}
        rangeChanged={({ startIndex: top }) => keepPlace(id, atBottom ? null : top)}
        increaseViewportBy={{ top: 1200, bottom: 600 }}
        alignToBottom
        context={conversation}
        components={components}
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
      {menu && <MessageMenu {...menu} actions={actions} onClose={() => setMenu(null)} />}
    </div>
  );
}

/** Rounded heights, as the list would take by itself, add up to a visible jump over a page of rows. */
function exactSize(element: HTMLElement, field: "offsetHeight" | "offsetWidth"): number {
  const { height, width } = element.getBoundingClientRect();
  return field === "offsetHeight" ? height : width;
}

function Footer({ context }: { context?: ConversationView }) {
  return context && <Typists conversation={context} />;
}

const components = { Footer };
