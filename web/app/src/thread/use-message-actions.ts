// What the viewer may do to a message and what becomes of it: the client shows it at once; a refusal is
// told in a sentence. The server decides; what is not offered here only spares people a refusal.

import type { ConversationView, ThreadMessage } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { useMemo } from "react";
import { failureSentence } from "../i18n";

export type MessageActions = {
  mayEdit(message: ThreadMessage): boolean;
  mayDelete(message: ThreadMessage): boolean;
  edit(message: ThreadMessage): void;
  remove(message: ThreadMessage): void;
  toggle(message: ThreadMessage, emoji: string, on: boolean): void;
  copy(message: ThreadMessage): void;
  markUnread(message: ThreadMessage): void;
};

/** Whether there is anything to do to it: it is stored, and said by somebody. */
export function hasActions(message: ThreadMessage): boolean {
  return (
    message.kind === "text" &&
    message.id !== null &&
    message.seq !== null &&
    message.deletedAt === null
  );
}

export const isEditable = (message: ThreadMessage): boolean => message.own && hasActions(message);

type Told = {
  onEdit(message: ThreadMessage): void;
  onNotice(sentence: string): void;
};

export function useMessageActions(
  { id, kind, me }: ConversationView,
  { onEdit, onNotice }: Told,
): MessageActions {
  const { handle } = useConversation(id);
  return useMemo(() => {
    const tell = (error: unknown) => onNotice(failureSentence(error));
    const mayModerate = kind !== "direct" && me.role !== "member";
    return {
      mayEdit: isEditable,
      mayDelete: (message) => message.own || mayModerate,
      edit: onEdit,
      remove: ({ id }) => void (id && handle.remove(id).catch(tell)),
      toggle: ({ id }, emoji, on) =>
        void (id && (on ? handle.react(id, emoji) : handle.unreact(id, emoji)).catch(tell)),
      copy: ({ content }) => void navigator.clipboard?.writeText(content).catch(tell),
      markUnread: ({ seq }) => void (seq !== null && handle.markUnread(seq).catch(tell)),
    };
  }, [handle, kind, me.role, onEdit, onNotice]);
}
