// The sections of the app: a rail on wide screens, a bar at the bottom on the others. Only what exists.

import { useConversations } from "@parlor/react";
import { CircleUser, MessageSquare } from "lucide-react";
import { words } from "../i18n";
import { useRoute } from "../router";
import { useViewer } from "../session/viewer";
import { Avatar } from "../ui/avatar";
import { Link } from "../ui/link";
import { Logo } from "../ui/logo";

function useAnyUnread(): boolean {
  return useConversations().items.some((item) => item.unreadCount > 0);
}

export function Rail() {
  const { user } = useViewer();
  const onMe = useRoute().page === "me";
  const unread = useAnyUnread();
  return (
    <nav className="rail" aria-label={words.sections}>
      <Logo size="small" />
      <Link
        className="rail-item"
        to={{ page: "chats" }}
        aria-label={words.chats}
        title={words.chats}
        aria-current={onMe ? undefined : "page"}
      >
        <MessageSquare aria-hidden="true" />
        {unread && <span className="rail-dot" />}
      </Link>
      <span className="rail-space" />
      <Link
        className="rail-me"
        to={{ page: "me" }}
        aria-label={words.me}
        title={words.me}
        aria-current={onMe ? "page" : undefined}
      >
        <Avatar id={user.id} name={user.name} shape="round" size="md" />
      </Link>
    </nav>
  );
}

export function TabBar() {
  const onMe = useRoute().page === "me";
  const unread = useAnyUnread();
  return (
    <nav className="tab-bar" aria-label={words.sections}>
      <Link className="tab" to={{ page: "chats" }} aria-current={onMe ? undefined : "page"}>
        <span className="tab-icon">
          <MessageSquare aria-hidden="true" />
          {unread && <span className="rail-dot" />}
        </span>
        {words.chats}
      </Link>
      <Link className="tab" to={{ page: "me" }} aria-current={onMe ? "page" : undefined}>
        <span className="tab-icon">
          <CircleUser aria-hidden="true" />
        </span>
        {words.me}
      </Link>
    </nav>
  );
}
