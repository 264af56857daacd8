// The dialog that starts a conversation: find people, pick one to talk to or several for a group.

import {
  type CreateConversation,
  ParlorError,
  TITLE_CHARS_MAX,
  type UserSummary,
} from "@parlor/client";
import { useParlor } from "@parlor/react";
import { X } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { errorSentence, words } from "../i18n";
import { navigate } from "../router";
import { Avatar } from "../ui/avatar";
import { PeopleResults } from "./people-results";
import { usePeople } from "./use-people";
import "../styles/dialog.css";

function requestOf(picked: readonly UserSummary[], title: string): CreateConversation {
  const memberIds = picked.map((person) => person.id);
  if (title !== "") return { kind: "group", memberIds, title };
  return { kind: memberIds.length === 1 ? "direct" : "group", memberIds };
}

export function NewConversation({ onClose }: { onClose(): void }) {
  const parlor = useParlor();
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState("");
  const [picked, setPicked] = useState<readonly UserSummary[]>([]);
  const [title, setTitle] = useState("");
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const people = usePeople(query);
  const search = useRef<HTMLInputElement>(null);
  /** Enter came before the answer did: its first person is picked when it is there. */
  const [pickFirst, setPickFirst] = useState(false);
  useEffect(() => {
    dialog.current?.showModal();
    // A modal dialog focuses its first button by itself.
    search.current?.focus();
  }, []);

  const toggle = (person: UserSummary) => {
    const without = picked.filter((it) => it.id !== person.id);
    setPicked(without.length < picked.length ? without : [...picked, person]);
    setQuery("");
  };
  const first = people.items[0];
  useEffect(() => {
    if (!pickFirst || people.state === "searching") return;
    setPickFirst(false);
    if (first) toggle(first);
  });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (picked.length === 0 || busy) return;
    setBusy(true);
    try {
      const made = await parlor.conversations.create(requestOf(picked, title.trim()));
      dialog.current?.close();
      navigate({ page: "conversation", id: made.id });
    } catch (error) {
      setFailure(errorSentence(error instanceof ParlorError ? error.code : "unknown"));
      setBusy(false);
    }
  };
  const isGroup = picked.length > 1 || title.trim() !== "";

  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="new-conversation" onClose={onClose}>
      <form onSubmit={submit}>
        <header className="dialog-head">
          <h2 id="new-conversation">{words.newConversation}</h2>
          <button
            type="button"
            className="icon-button"
            aria-label={words.close}
            onClick={() => dialog.current?.close()}
          >
            <X aria-hidden="true" />
          </button>
        </header>
        <div className="dialog-body">
          <Picked people={picked} onRemove={toggle} />
          <input
            className="dialog-input"
            ref={search}
            type="search"
            value={query}
            placeholder={words.searchPeople}
            aria-label={words.searchPeople}
            onChange={(event) => setQuery(event.target.value)}
            // Enter in the search picks the first person found instead of sending the form.
            onKeyDown={(event) => {
              if (event.key !== "Enter" || query.trim() === "" || event.nativeEvent.isComposing)
                return;
              event.preventDefault();
              setPickFirst(true);
            }}
          />
          <PeopleResults {...people} query={query} picked={picked} onToggle={toggle} />
          {picked.length > 0 && (
            <input
              className="dialog-input"
              value={title}
              maxLength={TITLE_CHARS_MAX}
              placeholder={words.groupTitle}
              aria-label={words.groupTitle}
              title={words.groupTitleHint}
              onChange={(event) => setTitle(event.target.value)}
            />
          )}
          {failure && (
            <p className="field-note error" role="alert">
              {failure}
            </p>
          )}
        </div>
        <footer className="dialog-foot">
          <button type="submit" className="primary wide" disabled={picked.length === 0 || busy}>
            {isGroup ? words.startGroup(picked.length + 1) : words.startDirect}
          </button>
        </footer>
      </form>
    </dialog>
  );
}

type PickedProps = { people: readonly UserSummary[]; onRemove(person: UserSummary): void };

function Picked({ people, onRemove }: PickedProps) {
  if (people.length === 0) return null;
  return (
    <ul className="picked">
      {people.map((person) => (
        <li key={person.id}>
          <button type="button" title={words.remove(person.name)} onClick={() => onRemove(person)}>
            <Avatar id={person.id} name={person.name} shape="round" size="sm" />
            {person.name}
            <X aria-hidden="true" />
          </button>
        </li>
      ))}
    </ul>
  );
}
