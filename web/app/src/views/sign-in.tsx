// The sign-in card, and the card that both forms share.

import { useReadable } from "@parlor/react";
import { type FormEvent, type ReactNode, useRef, useState } from "react";
import { failureSentence, words } from "../i18n";
import { accounts, auth, enter, type Session, session, switchTo } from "../session/session";
import { Field, PasswordField, useFocusOnFailure } from "../ui/fields";
import { Link } from "../ui/link";
import { Logo } from "../ui/logo";
import "../styles/auth.css";

export function AuthCard(props: { title: string; lead: string; children?: ReactNode }) {
  return (
    <div className="auth-page">
      <main className="auth-card">
        <Logo size="large" />
        <h1>{props.title}</h1>
        <p className="auth-lead">{props.lead}</p>
        {props.children}
      </main>
    </div>
  );
}

function noticeSentence(notice: Session["notice"]): string | null {
  switch (notice) {
    case "session-ended":
      return words.sessionEnded;
    case "link-used":
      return words.linkUsed;
    case "link-unreachable":
      return words.errors.network;
    case null:
      return null;
  }
}

export function SignInPage() {
  const { notice } = useReadable(session);
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useFocusOnFailure(form, failure);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setFailure(null);
    setBusy(true);
    try {
      enter(await auth.login(String(given.get("login")).trim(), String(given.get("password"))));
    } catch (error) {
      setFailure(failureSentence(error));
      setBusy(false);
    }
  };

  const sentence = failure ?? noticeSentence(notice);
  const others = accounts.all();
  return (
    <AuthCard title={words.signInTitle} lead={words.signInLead}>
      <form ref={form} onSubmit={submit}>
        {sentence && (
          <p className={failure ? "auth-notice error" : "auth-notice"} role="alert">
            {sentence}
          </p>
        )}
        <Field label={words.loginLabel} name="login" autoComplete="username" required autoFocus />
        <PasswordField autoComplete="current-password" />
        <button type="submit" className="primary wide" disabled={busy}>
          {busy ? words.signingIn : words.signIn}
        </button>
      </form>
      {others.length > 0 && (
        <div className="auth-others">
          {others.map(({ user }) => (
            <button key={user.id} type="button" className="wide" onClick={() => switchTo(user.id)}>
              {words.switchTo(user.name)}
            </button>
          ))}
        </div>
      )}
      <p className="auth-foot">
        {words.newHere} <Link to={{ page: "register" }}>{words.makeAccount}</Link>
      </p>
    </AuthCard>
  );
}
