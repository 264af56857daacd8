// The chat of one account: makes its client, keeps it connected while shown, and lays out the frame.

import { createParlor } from "@parlor/client";
import { ParlorProvider, useConnection, useConversations, useReadable } from "@parlor/react";
import { MapPinOff, MessagesSquare } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { Rail } from "./frame/rail";
import { words } from "./i18n";
import { ListPane } from "./list/list-pane";
import { navigate, type Route, useRoute } from "./router";
import type { Account } from "./session/accounts";
import { Drafts } from "./session/drafts";
import { accounts, endSession, tokensOf } from "./session/session";
import { ViewerContext } from "./session/viewer";
import { isMuted } from "./text/mute";
import { ConversationPage } from "./thread/conversation-page";
import { ConnectionLine } from "./ui/connection-line";
import { useTitle } from "./ui/hooks";
import { Placeholder } from "./ui/placeholder";
import { useAway } from "./ui/use-away";
import { JoinPage } from "./views/join";
import { MePage } from "./views/me";
import "./styles/frame.css";

export function ChatApp({ account }: { account: Account }) {
  const { user } = account;
  const [client] = useState(() =>
    createParlor({ url: window.location.origin, token: tokensOf(user.id), user }),
  );
  useEffect(() => {
    client.connect().catch(() => undefined);
    return () => client.disconnect();
  }, [client]);
  useAway(client);
  const drafts = useMemo(() => new Drafts(user.id, window.localStorage), [user.id]);
  const current = useReadable(client.me) ?? user;
  useEffect(() => accounts.rename(current), [current]);
  const viewer = useMemo(() => ({ user: current, account, drafts }), [current, account, drafts]);
  return (
    <ParlorProvider client={client}>
      <ViewerContext value={viewer}>
        <Frame />
        <SessionWatch userId={user.id} />
      </ViewerContext>
    </ParlorProvider>
  );
}

/** Sends to the form when the server has ended the session, and keeps the tab's title. */
function SessionWatch({ userId }: { userId: string }) {
  const { state } = useConnection();
  const { items } = useConversations();
  const nowMs = Date.now();
  const counted = items.filter((item) => !isMuted(item.me, nowMs));
  const unread = counted.reduce((sum, item) => sum + item.unreadCount, 0);
  useTitle(unread > 0 ? `(${unread}) Parlor` : "Parlor");
  useEffect(() => {
    if (state === "stopped") endSession(userId);
  }, [state, userId]);
  return null;
}

function Frame() {
  const route = useRoute();
  return (
    <div className="frame" data-page={route.page}>
      {route.page === "conversation" && (
        <a className="skip-link" href="#composer">
          {words.skipToThread}
        </a>
      )}
      <Rail />
      <main className="panes">
        <ListPane route={route} />
        <div className="main-pane">
          <Page route={route} />
        </div>
      </main>
    </div>
  );
}

function Page({ route }: { route: Route }) {
  if (route.page === "conversation") return <ConversationPage key={route.id} id={route.id} />;
  if (route.page === "me") return <MePage />;
  if (route.page === "join") return <JoinPage key={route.token} token={route.token} />;
  if (route.page === "missing") {
    return (
      <Placeholder icon={<MapPinOff />} isPage title={words.missingTitle} lead={words.missingLead}>
        <button
          type="button"
          className="primary"
          onClick={() => navigate({ page: "chats" }, "replace")}
        >
          {words.toChats}
        </button>
      </Placeholder>
    );
  }
  return (
    <>
      <ConnectionLine place="thread" />
      <Placeholder icon={<MessagesSquare />} title={words.pickTitle} lead={words.pickLead} />
    </>
  );
}
