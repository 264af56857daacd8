// What a conversation is called, to be changed by who looks after it.

import {
  type ConversationView,
  LABEL_CHARS_MAX,
  ParlorError,
  TITLE_CHARS_MAX,
} from "@parlor/client";
import { useConversation } from "@parlor/react";
import { type FormEvent, useRef, useState } from "react";
import { failureSentence, words } from "../i18n";
import { Field, useFocusOnFailure } from "../ui/fields";

type EditFormProps = { conversation: ConversationView; onDone(): void };

export function EditForm({ conversation, onDone }: EditFormProps) {
  const { handle } = useConversation(conversation.id);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useFocusOnFailure(form, failure);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const title = String(given.get("title")).trim();
    const label = String(given.get("label")).trim() || null;
    const change = {
      ...(title === conversation.title ? {} : { title }),
      ...(label === conversation.label ? {} : { label }),
    };
    setBusy(true);
    setFailure(null);
    try {
      if (Object.keys(change).length > 0) await handle.update(change);
      onDone();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  const wrong = failure instanceof ParlorError ? failure.fields.map(({ field }) => field) : [];
  const errorOf = (field: string) => (wrong.includes(field) ? words.titleInvalid : undefined);
  return (
    <form ref={form} className="edit-form" onSubmit={submit}>
      <Field
        label={words.nameLabel}
        name="title"
        defaultValue={conversation.title ?? ""}
        maxLength={TITLE_CHARS_MAX}
        error={errorOf("title")}
        required
        autoFocus
      />
      <Field
        label={words.labelLabel}
        name="label"
        defaultValue={conversation.label ?? ""}
        maxLength={LABEL_CHARS_MAX}
        hint={words.labelHint}
        error={errorOf("label")}
      />
      {failure !== null && wrong.length === 0 && (
        <p className="field-note error" role="alert">
          {failureSentence(failure)}
        </p>
      )}
      <div className="menu-answers">
        <button type="button" className="quiet" onClick={onDone}>
          {words.cancel}
        </button>
        <button type="submit" className="primary" disabled={busy}>
          {words.save}
        </button>
      </div>
    </form>
  );
}
