// The bar above a thread: the way back on a phone, whose thread it is, and the details.

import type { ConversationView } from "@parlor/client";
import { ChevronLeft, PanelRight } from "lucide-react";
import type { Ref } from "react";
import { words } from "../i18n";
import { goBack } from "../router";
import { useViewer } from "../session/viewer";
import { titleOf } from "../text/people";
import { ConversationAvatar } from "../ui/conversation-avatar";
import { Subtitle } from "./subtitle";

type ThreadBarProps = {
  conversation: ConversationView;
  detailed: boolean;
  toggleRef: Ref<HTMLButtonElement>;
  onToggle(): void;
};

export function ThreadBar({ conversation, detailed, toggleRef, onToggle }: ThreadBarProps) {
  const { user } = useViewer();
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
      <ConversationAvatar conversation={conversation} size="md" />
      <div className="thread-names">
        <h1>{title}</h1>
        <Subtitle conversation={conversation} />
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
