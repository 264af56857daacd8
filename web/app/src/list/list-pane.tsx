// The list of conversations with its head: search among what is here, and the way to a new one.

import type { ConversationView } from "@parlor/client";
import { useConversations } from "@parlor/react";
import { MessageSquarePlus, Plus, Search, X } from "lucide-react";
import { type KeyboardEvent, useDeferredValue, useState } from "react";
import { Virtuoso } from "react-virtuoso";
import { TabBar } from "../frame/rail";
import { words } from "../i18n";
import { useViewer } from "../session/viewer";
import { titleOf } from "../text/people";
import { ConnectionLine } from "../ui/connection-line";
import { useToday } from "../ui/hooks";
import { Placeholder } from "../ui/placeholder";
import { NewConversation } from "./new-conversation";
import { ConversationRow } from "./row";
import { ListSkeleton } from "./skeleton";
import "../styles/list.css";

/**
 * The row's height is fixed, so the list never measures and never jumps. As in list.css it grows with the
 * reader's text size.
 */
const ROW_PX = (66 / 16) * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

function matches(conversation: ConversationView, viewerId: string, needle: string): boolean {
  const names = conversation.members.flatMap((member) =>
    member.user.id === viewerId ? [] : [member.user.name, member.user.handle],
  );
  const texts = [titleOf(conversation, viewerId), conversation.label ?? "", ...names];
  return texts.some((text) => text.toLocaleLowerCase().includes(needle));
}

/** Arrow keys walk the rows, as in any list. */
function walkRows(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>(".row, .list-search input")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = rows[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

export function ListPane({ selectedId }: { selectedId: string | null }) {
  const [filter, setFilter] = useState("");
  const [making, setMaking] = useState(false);
  return (
    <section className="list-pane" aria-label={words.chats} onKeyDown={walkRows}>
      <header className="list-head">
        <h1>{words.chats}</h1>
        <button
          type="button"
          className="icon-button solid"
          aria-label={words.newConversation}
          title={words.newConversation}
          onClick={() => setMaking(true)}
        >
          <Plus aria-hidden="true" />
        </button>
      </header>
      <div className="list-search">
        <Search aria-hidden="true" />
        <input
          type="search"
          value={filter}
          placeholder={words.filterChats}
          aria-label={words.filterChats}
          onChange={(event) => setFilter(event.target.value)}
          onKeyDown={(event) => event.key === "Escape" && setFilter("")}
        />
        {filter !== "" && (
          <button
            type="button"
            className="icon-button small"
            aria-label={words.clearFilter}
            onClick={() => setFilter("")}
          >
            <X aria-hidden="true" />
          </button>
        )}
      </div>
      <Rows filter={filter} selectedId={selectedId} onNew={() => setMaking(true)} />
      <ConnectionLine place="list" />
      <TabBar />
      {making && <NewConversation onClose={() => setMaking(false)} />}
    </section>
  );
}

type RowsProps = { filter: string; selectedId: string | null; onNew(): void };

function Rows({ filter, selectedId, onNew }: RowsProps) {
  const { phase, items } = useConversations();
  const { user } = useViewer();
  const today = useToday();
  const needle = useDeferredValue(filter.trim().toLocaleLowerCase());
  if (phase === "loading" && items.length === 0) return <ListSkeleton />;
  if (items.length === 0) {
    return (
      <Placeholder icon={<MessageSquarePlus />} title={words.noChatsTitle} lead={words.noChatsLead}>
        <button type="button" className="primary" onClick={onNew}>
          {words.startOne}
        </button>
      </Placeholder>
    );
  }
  const shown = needle === "" ? items : items.filter((item) => matches(item, user.id, needle));
  if (shown.length === 0) return <p className="list-note">{words.noMatch(filter.trim())}</p>;
  return (
    <Virtuoso
      className="rows"
      // Its rows are links: the box around them need not be a stop of its own.
      tabIndex={-1}
      data={shown}
      fixedItemHeight={ROW_PX}
      increaseViewportBy={ROW_PX * 8}
      computeItemKey={(_, item) => item.id}
      itemContent={(_, item) => (
        <ConversationRow conversation={item} selected={item.id === selectedId} today={today} />
      )}
    />
  );
}
