// Where one writes: a new message, which keeps its draft, or another text for an own one. ArrowUp in an
// empty field takes up the last own message, Escape leaves it as it was.

import type { ConversationView, ThreadMessage } from "@parlor/client";
import { useConversation, useMessages } from "@parlor/react";
import { Pencil, X } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { words } from "../i18n";
import { useViewer } from "../session/viewer";
import { messageOf } from "../text/length";
import { previewOf } from "../text/markup";
import { titleOf } from "../text/people";
import { ComposerBox } from "./composer-box";
import { isEditable } from "./use-message-actions";

type ComposerProps = {
  conversation: ConversationView;
  /** The own message whose text is being changed. */
  editing: ThreadMessage | null;
  onEdit(message: ThreadMessage | null): void;
  onSave(message: ThreadMessage, content: string): void;
};

export function Composer({ conversation, editing, onEdit, onSave }: ComposerProps) {
  if (editing === null) return <NewMessage conversation={conversation} onEdit={onEdit} />;
  return (
    <EditMessage
      key={editing.key}
      message={editing}
      onCancel={() => onEdit(null)}
      onSave={(content) => {
        onEdit(null);
        if (content !== editing.content) onSave(editing, content);
      }}
    />
  );
}

type NewMessageProps = Pick<ComposerProps, "conversation" | "onEdit">;

function NewMessage({ conversation, onEdit }: NewMessageProps) {
  const { id } = conversation;
  const { user, drafts } = useViewer();
  const { handle } = useConversation(id);
  const { messages } = useMessages(id);
  const [text, setText] = useState(() => drafts.get(id));
  const write = (next: string) => {
    setText(next);
    drafts.set(id, next);
  };
  const type = (next: string) => {
    write(next);
    handle.typing(next.trim() !== "");
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "ArrowUp" || text !== "" || event.nativeEvent.isComposing) return;
    const last = messages.findLast(isEditable);
    if (!last) return;
    event.preventDefault();
    onEdit(last);
  };
  return (
    <ComposerBox
      text={text}
      label={words.writeTo(titleOf(conversation, user.id))}
      action="send"
      onText={type}
      onKey={onKey}
      onSubmit={() => {
        handle.send(messageOf(text));
        write("");
      }}
    />
  );
}

type EditMessageProps = {
  message: ThreadMessage;
  onCancel(): void;
  onSave(content: string): void;
};

function EditMessage({ message, onCancel, onSave }: EditMessageProps) {
  const [text, setText] = useState(message.content);
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
    event.stopPropagation();
    onCancel();
  };
  return (
    <ComposerBox
      text={text}
      label={words.editing}
      action="save"
      onText={setText}
      onKey={onKey}
      onSubmit={() => onSave(messageOf(text))}
    >
      <div className="composer-strip">
        <Pencil aria-hidden="true" />
        <span className="composer-strip-text">
          <b>{words.editing}</b>
          <bdi>{previewOf(message.content)}</bdi>
        </span>
        <button
          type="button"
          className="icon-button small"
          aria-label={words.cancelEdit}
          title={words.cancelEdit}
          onClick={onCancel}
        >
          <X aria-hidden="true" />
        </button>
      </div>
    </ComposerBox>
  );
}
