// The card that makes an account.

import { PASSWORD_CHARS_MIN, ParlorError } from "@parlor/client";
import { type FormEvent, useRef, useState } from "react";
import { errorSentence, words } from "../i18n";
import { auth, enter } from "../session/session";
import { Field, PasswordField, useFocusOnFailure } from "../ui/fields";
import { Link } from "../ui/link";
import { AuthCard } from "./sign-in";

type Failure = { sentence: string; fields: Record<string, string> };

/** What would be right, in the reader's language; the server's own words are for developers. */
const wanted: Record<string, string> = {
  handle: words.handleHint,
  name: words.nameInvalid,
  password: words.passwordHint,
};

function failureOf(error: unknown): Failure {
  if (!(error instanceof ParlorError)) return { sentence: errorSentence("unknown"), fields: {} };
  const sentence = errorSentence(error.code);
  if (error.code === "handle_taken") return { sentence: "", fields: { handle: sentence } };
  const fields = error.fields.map(({ field }) => [field, wanted[field] ?? sentence]);
  return { sentence: fields.length > 0 ? "" : sentence, fields: Object.fromEntries(fields) };
}

export function RegisterPage() {
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useFocusOnFailure(form, failure);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const name = String(given.get("name")).trim();
    setFailure(null);
    setBusy(true);
    try {
      enter(
        await auth.register({
          handle: String(given.get("handle")).trim().toLowerCase(),
          password: String(given.get("password")),
          ...(name === "" ? {} : { name }),
        }),
      );
    } catch (error) {
      setFailure(failureOf(error));
      setBusy(false);
    }
  };

  return (
    <AuthCard title={words.registerTitle} lead={words.registerLead}>
      <form ref={form} onSubmit={submit} onInput={() => setFailure(null)}>
        {failure !== null && failure.sentence !== "" && (
          <p className="auth-notice error" role="alert">
            {failure.sentence}
          </p>
        )}
        <Field
          label={words.handleLabel}
          name="handle"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          hint={words.handleHint}
          error={failure?.fields.handle}
          pattern="[A-Za-z0-9_.\-]{2,32}"
          title={words.handleHint}
          required
          autoFocus
        />
        <Field
          label={words.nameLabel}
          name="name"
          autoComplete="name"
          hint={words.nameHint}
          error={failure?.fields.name}
          maxLength={64}
        />
        <PasswordField
          autoComplete="new-password"
          hint={words.passwordHint}
          error={failure?.fields.password}
          minLength={PASSWORD_CHARS_MIN}
        />
        <button type="submit" className="primary wide" disabled={busy}>
          {busy ? words.creating : words.create}
        </button>
      </form>
      <p className="auth-foot">
        {words.haveAccount} <Link to={{ page: "sign-in" }}>{words.signIn}</Link>
      </p>
    </AuthCard>
  );
}
