// The people found, each a button that picks or unpicks.

import type { UserSummary } from "@parlor/client";
import { Check } from "lucide-react";
import { errorSentence, words } from "../i18n";
import { Avatar } from "../ui/avatar";
import type { People } from "./use-people";

type ResultsProps = People & {
  query: string;
  hint: string;
  picked: readonly UserSummary[];
  onToggle(person: UserSummary): void;
};

export function PeopleResults({ state, items, code, query, hint, picked, onToggle }: ResultsProps) {
  const typed = query.trim();
  const note =
    state === "failed"
      ? errorSentence(code ?? "unknown")
      : items.length > 0
        ? null
        : typed === ""
          ? hint
          : state === "ready"
            ? words.noPeople(typed)
            : null;
  return (
    <div className="people" aria-busy={state === "searching"}>
      {note && <p className="people-note">{note}</p>}
      {items.map((person) => {
        const chosen = picked.some((it) => it.id === person.id);
        return (
          <button
            key={person.id}
            type="button"
            className="person"
            aria-pressed={chosen}
            onClick={() => onToggle(person)}
          >
            <Avatar id={person.id} name={person.name} shape="round" size="md" />
            <span className="person-name">
              {person.name}
              <small>@{person.handle}</small>
            </span>
            {chosen && <Check aria-hidden="true" />}
          </button>
        );
      })}
    </div>
  );
}
