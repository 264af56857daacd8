// Who writes, in words: by name while there are few.

import type { ConversationView } from "@parlor/client";
import type { Dictionary } from "../i18n/dictionary";

/** Null while nobody does. */
export function typingSentence(
  { kind, members }: Pick<ConversationView, "kind" | "members">,
  typists: readonly string[],
  words: Dictionary,
): string | null {
  if (typists.length === 0) return null;
  if (kind === "direct") return words.typing;
  const names = typists.flatMap((id) => {
    const name = members.find((member) => member.user.id === id)?.user.name;
    return name === undefined ? [] : [name];
  });
  const [first, second] = names;
  // The members who came first are known by name; of the others there is only a number.
  if (first !== undefined && typists.length === 1) return words.typingOne(first);
  if (first !== undefined && second !== undefined && typists.length === 2) {
    return words.typingTwo(first, second);
  }
  return words.typingMany(typists.length);
}
