// How the viewer is called and found, and a line about them, to be changed by themselves.

import { NAME_CHARS_MAX, ParlorError } from "@parlor/client";
import { useParlor } from "@parlor/react";
import { type FormEvent, useRef, useState } from "react";
import { errorSentence, failureSentence, words } from "../i18n";
import { useViewer } from "../session/viewer";
import { Field, useFocusOnFailure } from "../ui/fields";

const BIO_CHARS_MAX = 280;

/** What would be right, in the reader's language. */
const wanted: Record<string, string> = {
  handle: words.handleHint,
  name: words.nameInvalid,
  bio: words.titleInvalid,
};

function errorAt(field: string, failure: unknown): string | undefined {
  if (!(failure instanceof ParlorError)) return undefined;
  if (field === "handle" && failure.code === "handle_taken") return errorSentence(failure.code);
  return failure.fields.some((it) => it.field === field) ? wanted[field] : undefined;
}

export function ProfileForm({ onDone }: { onDone(): void }) {
  const { user } = useViewer();
  const parlor = useParlor();
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useFocusOnFailure(form, failure);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const name = String(given.get("name")).trim();
    const handle = String(given.get("handle")).trim().toLowerCase();
    const bio = String(given.get("bio")).trim() || null;
    const change = {
      ...(name === user.name ? {} : { name }),
      ...(handle === user.handle ? {} : { handle }),
      ...(bio === user.bio ? {} : { bio }),
    };
    setBusy(true);
    setFailure(null);
    try {
      if (Object.keys(change).length > 0) await parlor.me.update(change);
      onDone();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  const atField = Object.keys(wanted).some((field) => errorAt(field, failure) !== undefined);
  return (
    <form ref={form} className="profile-form" onSubmit={submit}>
      <Field
        label={words.nameLabel}
        name="name"
        autoComplete="name"
        defaultValue={user.name}
        maxLength={NAME_CHARS_MAX}
        error={errorAt("name", failure)}
        required
        autoFocus
      />
      <Field
        label={words.handleLabel}
        name="handle"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        defaultValue={user.handle}
        pattern="[A-Za-z0-9_.\-]{2,32}"
        title={words.handleHint}
        hint={words.handleHint}
        error={errorAt("handle", failure)}
        required
      />
      <Field
        label={words.bio}
        name="bio"
        defaultValue={user.bio ?? ""}
        maxLength={BIO_CHARS_MAX}
        hint={words.bioHint}
        error={errorAt("bio", failure)}
      />
      {failure !== null && !atField && (
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
