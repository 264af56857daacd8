// The panel beside a thread: who is in the conversation, and as what.

import type { ConversationView, Member } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { X } from "lucide-react";
import { useEffect, useState } from "react";
import { words } from "../i18n";
import { useViewer } from "../session/viewer";
import { peerOf, titleOf } from "../text/people";
import { Avatar } from "../ui/avatar";
import { HideConversation } from "./hide-conversation";
import "../styles/details.css";

type DetailsProps = { conversation: ConversationView; onClose(): void };

/** The first members come with the conversation; the rest is read when the panel opens. */
function useMembers(conversation: ConversationView): readonly Member[] {
  const { handle } = useConversation(conversation.id);
  const [loaded, setLoaded] = useState<readonly Member[]>([]);
  const incomplete = conversation.memberCount > conversation.members.length;
  useEffect(() => {
    if (!incomplete) return;
    let current = true;
    handle.members().then(
      (page) => current && setLoaded(page.items),
      () => undefined, // The first twenty stay; the count below says that there are more.
    );
    return () => {
      current = false;
    };
  }, [handle, incomplete]);
  return loaded.length > conversation.members.length ? loaded : conversation.members;
}

const roleWord = (role: Member["role"]): string | null =>
  role === "owner" ? words.owner : role === "admin" ? words.admin : null;

export function Details({ conversation, onClose }: DetailsProps) {
  const { user } = useViewer();
  const { handle } = useConversation(conversation.id);
  const members = useMembers(conversation);
  const peer = peerOf(conversation, user.id);
  const title = titleOf(conversation, user.id);
  const more = conversation.memberCount - members.length;
  const subtitle = peer ? `@${peer.user.handle}` : conversation.label;
  return (
    <aside className="details" aria-label={words.details}>
      <button
        type="button"
        className="icon-button details-close"
        aria-label={words.hideDetails}
        onClick={onClose}
      >
        <X aria-hidden="true" />
      </button>
      <div className="details-hero">
        <Avatar
          id={peer?.user.id ?? conversation.id}
          name={title}
          shape={conversation.kind === "direct" ? "round" : "square"}
          size="xl"
        />
        <h2>{title}</h2>
        {subtitle && <p>{subtitle}</p>}
      </div>
      <h3>{peer ? words.direct : words.members(conversation.memberCount)}</h3>
      <ul className="members">
        {members.map((member) => (
          <li key={member.user.id}>
            <Avatar id={member.user.id} name={member.user.name} shape="round" size="sm" />
            <span>
              {member.user.id === user.id ? words.youSuffix(member.user.name) : member.user.name}
            </span>
            {!peer && <small>{roleWord(member.role)}</small>}
          </li>
        ))}
      </ul>
      {more > 0 && <p className="details-more">{words.moreMembers(more)}</p>}
      <HideConversation handle={handle} />
    </aside>
  );
}
