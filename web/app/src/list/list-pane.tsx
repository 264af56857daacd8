// The list of conversations with its head: search among what is here, the way to a new one, and the shelf
// of what was archived.

import type { ConversationView } from "@parlor/client";
import { useArchived, useConversations } from "@parlor/react";
import { Archive, ChevronLeft, MessageSquarePlus, Plus, Search, X } from "lucide-react";
import { type KeyboardEvent, useDeferredValue, useState } from "react";
import { TabBar } from "../frame/rail";
import { words } from "../i18n";
import { goBack, type Route } from "../router";
import { useViewer } from "../session/viewer";
import { titleOf } from "../text/people";
import { ConnectionLine } from "../ui/connection-line";
import { Placeholder } from "../ui/placeholder";
import { ArchiveRow } from "./archive-row";
import { NewConversation } from "./new-conversation";
import { Rows } from "./rows";
import { ListSkeleton } from "./skeleton";
import "../styles/list.css";

type Shelf = "chats" | "archive";

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
  const here = document.activeElement?.closest(".row-front")?.querySelector(".row");
  const at = rows.indexOf((here ?? document.activeElement) as HTMLElement);
  const next = rows[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

/** The shelf that was looked at last stays while conversations are opened from it. */
function useShelf(route: Route): [Shelf, (shelf: Shelf) => void] {
  const [shelf, setShelf] = useState<Shelf>("chats");
  const asked = route.page === "archive" || route.page === "chats" ? route.page : null;
  const [last, setLast] = useState(asked);
  if (asked !== last) {
    setLast(asked);
    if (asked !== null) setShelf(asked);
  }
  return [shelf, setShelf];
}

export function ListPane({ route }: { route: Route }) {
  const [filter, setFilter] = useState("");
  const [making, setMaking] = useState(false);
  const [shelf, setShelf] = useShelf(route);
  const leaveArchive = () => {
    if (route.page === "archive") goBack({ page: "chats" });
    else setShelf("chats");
  };
  const selectedId = route.page === "conversation" ? route.id : null;
  return (
    <section className="list-pane" aria-label={words.chats} onKeyDown={walkRows}>
      <header className="list-head" data-shelf={shelf}>
        {shelf === "archive" && (
          <button
            type="button"
            className="icon-button"
            aria-label={words.toChats}
            onClick={leaveArchive}
          >
            <ChevronLeft aria-hidden="true" />
          </button>
        )}
        <h1>{shelf === "archive" ? words.archived : words.chats}</h1>
        {shelf === "chats" && (
          <button
            type="button"
            className="icon-button solid"
            aria-label={words.newConversation}
            title={words.newConversation}
            onClick={() => setMaking(true)}
          >
            <Plus aria-hidden="true" />
          </button>
        )}
      </header>
      <ListSearch filter={filter} onFilter={setFilter} />
      <Shown filter={filter} shelf={shelf} selectedId={selectedId} onNew={() => setMaking(true)} />
      <ConnectionLine place="list" />
      <TabBar />
      {making && <NewConversation onClose={() => setMaking(false)} />}
    </section>
  );
}

function ListSearch({ filter, onFilter }: { filter: string; onFilter(text: string): void }) {
  return (
    <div className="list-search">
      <Search aria-hidden="true" />
      <input
        type="search"
        value={filter}
        placeholder={words.filterChats}
        aria-label={words.filterChats}
        onChange={(event) => onFilter(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && onFilter("")}
      />
      {filter !== "" && (
        <button
          type="button"
          className="icon-button small"
          aria-label={words.clearFilter}
          onClick={() => onFilter("")}
        >
          <X aria-hidden="true" />
        </button>
      )}
    </div>
  );
}

type ShownProps = { filter: string; shelf: Shelf; selectedId: string | null; onNew(): void };

/** What is on the shelf; a search looks through both. */
function Shown({ filter, shelf, selectedId, onNew }: ShownProps) {
  const { phase, items } = useConversations();
  const archived = useArchived();
  const { user } = useViewer();
  const needle = useDeferredValue(filter.trim().toLocaleLowerCase());
  if (phase === "loading" && items.length === 0) return <ListSkeleton />;
  if (needle !== "") {
    const found = [...items, ...archived].filter((item) => matches(item, user.id, needle));
    if (found.length === 0) return <p className="list-note">{words.noMatch(filter.trim())}</p>;
    return <Rows items={found} selectedId={selectedId} foot={null} />;
  }
  if (shelf === "archive") {
    if (archived.length > 0) return <Rows items={archived} selectedId={selectedId} foot={null} />;
    return (
      <Placeholder icon={<Archive />} title={words.noArchivedTitle} lead={words.noArchivedLead} />
    );
  }
  if (items.length > 0 || archived.length > 0) {
    return <Rows items={items} selectedId={selectedId} foot={<ArchiveRow />} />;
  }
  return (
    <Placeholder icon={<MessageSquarePlus />} title={words.noChatsTitle} lead={words.noChatsLead}>
      <button type="button" className="primary" onClick={onNew}>
        {words.startOne}
      </button>
    </Placeholder>
  );
}
