// Finds people and keeps who was picked: for a new conversation, and to add somebody to one.

import type { UserSummary } from "@parlor/client";
import { X } from "lucide-react";
import { useEffect, useState } from "react";
import { words } from "../i18n";
import { Avatar } from "../ui/avatar";
import { PeopleResults } from "./people-results";
import { usePeople } from "./use-people";

type PickerProps = {
  picked: readonly UserSummary[];
  onPicked(people: readonly UserSummary[]): void;
  /** Who is not to be offered. */
  without?: ReadonlySet<string>;
  hint: string;
};

const nobody: ReadonlySet<string> = new Set();

export function PeoplePicker({ picked, onPicked, without = nobody, hint }: PickerProps) {
  const [query, setQuery] = useState("");
  const found = usePeople(query);
  const people = { ...found, items: found.items.filter((person) => !without.has(person.id)) };
  /** Enter came before the answer did: its first person is picked when it is there. */
  const [pickFirst, setPickFirst] = useState(false);
  const toggle = (person: UserSummary) => {
    const others = picked.filter((it) => it.id !== person.id);
    onPicked(others.length < picked.length ? others : [...picked, person]);
    setQuery("");
  };
  const first = people.items[0];
  useEffect(() => {
    if (!pickFirst || people.state === "searching") return;
    setPickFirst(false);
    if (first) toggle(first);
  });
  return (
    <>
      <Picked people={picked} onRemove={toggle} />
      <input
        className="dialog-input"
        data-first
        type="search"
        value={query}
        placeholder={words.searchPeople}
        aria-label={words.searchPeople}
        onChange={(event) => setQuery(event.target.value)}
        // Enter in the search picks the first person found instead of sending the form.
        onKeyDown={(event) => {
          if (event.key !== "Enter" || query.trim() === "" || event.nativeEvent.isComposing) return;
          event.preventDefault();
          setPickFirst(true);
        }}
      />
      <PeopleResults {...people} query={query} hint={hint} picked={picked} onToggle={toggle} />
    </>
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
