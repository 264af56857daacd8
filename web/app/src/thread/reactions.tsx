// The emoji on a message: one chip for each, with how many chose it; the viewer's own stand out. A click
// puts it on or takes it off.

import type { ThreadMessage, ThreadReaction } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { words } from "../i18n";
import { useViewer } from "../session/viewer";

type ReactionsProps = {
  message: ThreadMessage;
  conversationId: string;
  onToggle(emoji: string, on: boolean): void;
};

/** "You, Grace and 3 more": the names that are known here, and how many others there are. */
function namesOf({ userIds, count }: ThreadReaction, names: ReadonlyMap<string, string>): string {
  const known = userIds.flatMap((id) => names.get(id) ?? []);
  const more = count - known.length;
  return [...known, ...(more > 0 ? [words.moreMembers(more)] : [])].join(", ");
}

export function Reactions({ message, conversationId, onToggle }: ReactionsProps) {
  const { user } = useViewer();
  const { conversation } = useConversation(conversationId);
  const members = (conversation?.members ?? []).map((it) => [it.user.id, it.user.name] as const);
  const names = new Map([...members, [user.id, words.you] as const]);
  return (
    <div className="reactions">
      {message.reactions.map((reaction) => {
        const label = words.reactedBy(reaction.emoji, namesOf(reaction, names));
        return (
          <button
            key={reaction.emoji}
            type="button"
            className="reaction"
            aria-pressed={reaction.mine}
            aria-label={label}
            title={label}
            onClick={() => onToggle(reaction.emoji, !reaction.mine)}
          >
            <span aria-hidden="true">{reaction.emoji}</span>
            <span aria-hidden="true">{reaction.count}</span>
          </button>
        );
      })}
    </div>
  );
}
