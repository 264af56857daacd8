// The bar above a thread: the way back on a phone, whose thread it is, and the details.

import type { ConversationView } from "@parlor/client";
import { ChevronLeft, PanelRight } from "lucide-react";
import type { Ref } from "react";
import { words } from "../i18n";
import { goBack } from "../router";
import { useViewer } from "../session/viewer";
import { peerOf, titleOf } from "../text/people";
import { Avatar } from "../ui/avatar";

type ThreadBarProps = {
  conversation: ConversationView;
  detailed: boolean;
  toggleRef: Ref<HTMLButtonElement>;
  onToggle(): void;
};

export function ThreadBar({ conversation, detailed, toggleRef, onToggle }: ThreadBarProps) {
  const { user } = useViewer();
  const peer = peerOf(conversation, user.id);
  const title = titleOf(conversation, user.id);
  return (
    <header className="thread-bar">
      <button
        type="button"
        className="icon-button back-button"
        aria-label={words.back}
        onClick={() => goBack({ page: "chats" })}
      >
        <ChevronLeft aria-hidden="true" />
      </button>
      <Avatar
        id={peer?.user.id ?? conversation.id}
        name={title}
        shape={conversation.kind === "direct" ? "round" : "square"}
        size="md"
      />
      <div className="thread-names">
        <h1>{title}</h1>
        <p>{peer ? `@${peer.user.handle}` : words.members(conversation.memberCount)}</p>
      </div>
      <button
        type="button"
        ref={toggleRef}
        className="icon-button"
        aria-label={detailed ? words.hideDetails : words.showDetails}
        aria-expanded={detailed}
        title={words.details}
        onClick={onToggle}
      >
        <PanelRight aria-hidden="true" />
      </button>
    </header>
  );
}
