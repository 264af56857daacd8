// The thread itself: loads it, shows its rows in a virtual list, keeps its place, marks it read.

import type { ConversationView, ThreadMessage } from "@parlor/client";
import { useConversation, useMessages } from "@parlor/react";
import { MessageCircle, TriangleAlert } from "lucide-react";
import { words } from "../i18n";
import { useViewer } from "../session/viewer";
import { titleOf } from "../text/people";
import { Placeholder } from "../ui/placeholder";
import { MessageList } from "./message-list";
import { useMessageActions } from "./use-message-actions";

type ThreadProps = {
  conversation: ConversationView;
  onEdit(message: ThreadMessage): void;
  onNotice(sentence: string): void;
};

export function Thread({ conversation, onEdit, onNotice }: ThreadProps) {
  const { user } = useViewer();
  const { handle } = useConversation(conversation.id);
  const { phase, messages, hasOlder } = useMessages(conversation.id);
  const actions = useMessageActions(conversation, { onEdit, onNotice });
  const title = titleOf(conversation, user.id);
  const isWaitingOnly = messages.every((message: ThreadMessage) => message.seq === null);
  if (messages.length > 0 && (phase === "ready" || !isWaitingOnly)) {
    return (
      <MessageList
        conversation={conversation}
        title={title}
        messages={messages}
        hasOlder={hasOlder}
        actions={actions}
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
