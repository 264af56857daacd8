// Where an invitation leads: what it is an invitation to, and the way in. Who is not signed in signs in or
// makes an account first, and comes back here.

import { type LinkPreview, ParlorError } from "@parlor/client";
import { useConversation, useParlor } from "@parlor/react";
import { LinkIcon, Unlink } from "lucide-react";
import { useEffect, useState } from "react";
import { errorSentence, failureSentence, words } from "../i18n";
import { goBack, navigate } from "../router";
import { auth, comeBackTo } from "../session/session";
import { Avatar } from "../ui/avatar";
import { Link } from "../ui/link";
import { Placeholder } from "../ui/placeholder";
import { AuthCard } from "./sign-in";
import "../styles/join.css";

type Preview =
  | { state: "loading" }
  | { state: "here"; preview: LinkPreview }
  | { state: "failed"; code: string };

function usePreview(ask: () => Promise<LinkPreview>, token: string): [Preview, () => void] {
  const [held, setHeld] = useState<Preview>({ state: "loading" });
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once for each token and attempt
  useEffect(() => {
    let current = true;
    setHeld({ state: "loading" });
    ask().then(
      (preview) => current && setHeld({ state: "here", preview }),
      (error: unknown) => {
        const code = error instanceof ParlorError ? error.code : "unknown";
        if (current) setHeld({ state: "failed", code });
      },
    );
    return () => {
      current = false;
    };
  }, [token, attempt]);
  return [held, () => setAttempt(attempt + 1)];
}

/** For who is signed in: in the place of a thread. */
export function JoinPage({ token }: { token: string }) {
  const parlor = useParlor();
  const [held, retry] = usePreview(() => parlor.links.preview(token), token);
  if (held.state === "loading") {
    return <div className="thread-loading" role="status" aria-label={words.catchingUp} />;
  }
  if (held.state === "here") return <Invited token={token} preview={held.preview} />;
  if (held.code === "not_found") {
    return (
      <Placeholder icon={<Unlink />} isPage title={words.linkGoneTitle} lead={words.linkGoneLead}>
        <ToChats />
      </Placeholder>
    );
  }
  return (
    <Placeholder
      icon={<LinkIcon />}
      isPage
      title={words.joinFailed}
      lead={errorSentence(held.code)}
    >
      <button type="button" className="primary" onClick={retry}>
        {words.tryAgain}
      </button>
    </Placeholder>
  );
}

function Invited({ token, preview }: { token: string; preview: LinkPreview }) {
  const parlor = useParlor();
  const { id, kind } = preview.conversation;
  const isMember = useConversation(id).conversation !== null;
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const open = () => navigate({ page: "conversation", id }, "replace");
  const join = async () => {
    setBusy(true);
    try {
      await parlor.links.join(token);
      open();
    } catch (error) {
      const gone = error instanceof ParlorError && error.code === "not_found";
      setFailure(gone ? words.linkGoneLead : failureSentence(error));
      setBusy(false);
    }
  };
  return (
    <div className="placeholder join-page">
      <Invitation preview={preview} isPage isMember={isMember} />
      {failure && (
        <p className="field-note error" role="alert">
          {failure}
        </p>
      )}
      {isMember ? (
        <button type="button" className="primary" onClick={open}>
          {words.openChat}
        </button>
      ) : (
        <button type="button" className="primary" disabled={busy} onClick={() => void join()}>
          {kind === "channel" ? words.joinChannel : words.joinGroup}
        </button>
      )}
      <button type="button" className="text-button" onClick={() => goBack({ page: "chats" })}>
        {words.notNow}
      </button>
    </div>
  );
}

function ToChats() {
  return (
    <button
      type="button"
      className="primary"
      onClick={() => navigate({ page: "chats" }, "replace")}
    >
      {words.toChats}
    </button>
  );
}

type InvitationProps = { preview: LinkPreview; isPage?: boolean; isMember?: boolean };

function Invitation({ preview, isPage = false, isMember = false }: InvitationProps) {
  const Heading = isPage ? "h1" : "h2";
  const { id, kind, title, label, memberCount } = preview.conversation;
  const name = title ?? (kind === "channel" ? words.channelWord : words.groupWord);
  return (
    <div className="invitation">
      <Avatar id={id} name={name} shape="square" size="xl" />
      <p className="invitation-lead">{isMember ? words.alreadyIn : words.invitedTo[kind]}</p>
      <Heading>{name}</Heading>
      <p className="invitation-facts">
        {label && <span className="label">{label}</span>}
        {words.members(memberCount)}
      </p>
    </div>
  );
}

/** For who is not signed in: a card before the forms. */
export function InvitationCard({ token }: { token: string }) {
  const [held] = usePreview(() => auth.preview(token), token);
  useEffect(() => comeBackTo({ page: "join", token }), [token]);
  if (held.state === "failed" && held.code === "not_found") {
    return (
      <AuthCard title={words.linkGoneTitle} lead={words.linkGoneLead}>
        <Forms />
      </AuthCard>
    );
  }
  return (
    <AuthCard title={words.invitedTitle} lead={words.invitedLead}>
      {held.state === "here" && <Invitation preview={held.preview} />}
      <Forms />
    </AuthCard>
  );
}

function Forms() {
  return (
    <div className="join-forms">
      <Link className="primary wide" to={{ page: "register" }}>
        {words.makeAccount}
      </Link>
      <p className="auth-foot">
        {words.haveAccount} <Link to={{ page: "sign-in" }}>{words.signIn}</Link>
      </p>
    </div>
  );
}
