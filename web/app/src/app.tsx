// Which of the two worlds is shown: the forms for who is not signed in, or the chat of this tab's account.

import { ParlorError } from "@parlor/client";
import { useReadable } from "@parlor/react";
import { useEffect, useState } from "react";
import { ChatApp } from "./chat-app";
import { words } from "./i18n";
import { useRoute } from "./router";
import { auth, enter, session, showNotice, takeLinkCode } from "./session/session";
import { InvitationCard } from "./views/join";
import { RegisterPage } from "./views/register";
import { AuthCard, SignInPage } from "./views/sign-in";

/** A login link signs in once and leaves no trace in the history. */
function useLoginLink(): boolean {
  const [code, setCode] = useState(takeLinkCode);
  useEffect(() => {
    if (code === null) return;
    auth
      .link(code)
      .then(enter, (error: unknown) => {
        const unreachable = error instanceof ParlorError && error.status === 0;
        showNotice(unreachable ? "link-unreachable" : "link-used");
      })
      .finally(() => setCode(null));
  }, [code]);
  return code !== null;
}

export function App() {
  const { account } = useReadable(session);
  const route = useRoute();
  const linking = useLoginLink();
  if (linking) return <AuthCard title={words.signInTitle} lead={words.openingLink} />;
  if (route.page === "register") return <RegisterPage />;
  if (route.page === "join" && !account) return <InvitationCard token={route.token} />;
  if (route.page === "sign-in" || !account) return <SignInPage />;
  return <ChatApp key={account.user.id} account={account} />;
}
