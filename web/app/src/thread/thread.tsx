// The thread itself: loads it, shows its rows in a virtual list, keeps its place, marks it read.

import type { ConversationView, ThreadMessage } from "@parlor/client";
import { useConversation, useMessages } from "@parlor/react";
import { MessageCircle, TriangleAlert } from "lucide-react";
import { words } from "../i18n";
import { useViewer } from "../session/viewer";
import { titleOf } from "../text/people";
import { Placeholder } from "../ui/placeholder";
import { MessageList } from "./message-list";

export function Thread({ conversation }: { conversation: ConversationView }) {
  const { user } = useViewer();
  const { handle } = useConversation(conversation.id);
  const { phase, messages, hasOlder } = useMessages(conversation.id);
  const title = titleOf(conversation, user.id);
  const isWaitingOnly = messages.every((message: ThreadMessage) => message.seq === null);
  if (messages.length > 0 && (phase === "ready" || !isWaitingOnly)) {
    return (
      <MessageList
        conversation={conversation}
        title={title}
        messages={messages}
        hasOlder={hasOlder}
      />
    );
  }
  if (phase === "failed") {
    return (
      <Placeholder icon={<TriangleAlert />} title={words.loadFailed} lead={words.errors.network}>
        <button type="button" className="primary" onClick={() => void handle.reload()}>
          {words.tryAgain}
        </button>
      </Placeholder>
    );
  }
  if (phase === "ready") {
    return (
      <Placeholder
        icon={<MessageCircle />}
        title={words.helloTitle}
        lead={words.helloLead(title)}
      />
    );
  }
  return <div className="thread-loading" role="status" aria-label={words.catchingUp} />;
}
