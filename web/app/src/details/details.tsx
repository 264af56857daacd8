// The panel beside a thread: what the conversation is called, who is in it and as what, and what the viewer
// may do with it.

import type { ConversationView } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { Pencil, X } from "lucide-react";
import { useCallback, useState } from "react";
import { words } from "../i18n";
import { navigate } from "../router";
import { useViewer } from "../session/viewer";
import { peerOf, titleOf } from "../text/people";
import { ConversationAvatar } from "../ui/conversation-avatar";
import { Notice } from "../ui/notice";
import { AddPeople } from "./add-people";
import { AskOnce } from "./ask-once";
import { EditForm } from "./edit-form";
import { Links } from "./links";
import { Members } from "./members";
import { mayManage } from "./rights";
import { Tiles } from "./tiles";
import "../styles/details.css";

type DetailsProps = { conversation: ConversationView; onClose(): void };

export function Details({ conversation, onClose }: DetailsProps) {
  const { user } = useViewer();
  const [open, setOpen] = useState<"edit" | "add" | "links" | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const quiet = useCallback(() => setNotice(null), []);
  const close = () => setOpen(null);
  const peer = peerOf(conversation, user.id);
  return (
    <aside className="details" aria-label={words.details}>
      <div className="details-scroll">
        <button
          type="button"
          className="icon-button details-close"
          aria-label={words.hideDetails}
          onClick={onClose}
        >
          <X aria-hidden="true" />
        </button>
        {open === "edit" ? (
          <EditForm conversation={conversation} onDone={close} />
        ) : (
          <Hero conversation={conversation} onEdit={() => setOpen("edit")} />
        )}
        <Tiles
          conversation={conversation}
          onAdd={() => setOpen("add")}
          onLinks={() => setOpen("links")}
          onNotice={setNotice}
        />
        <h3>{peer ? words.direct : words.members(conversation.memberCount)}</h3>
        <Members conversation={conversation} onNotice={setNotice} />
        <Ways conversation={conversation} />
      </div>
      <Notice sentence={notice} onClose={quiet} />
      {open === "add" && <AddPeople conversation={conversation} onClose={close} />}
      {open === "links" && <Links conversation={conversation} onClose={close} />}
    </aside>
  );
}

function Hero({ conversation, onEdit }: { conversation: ConversationView; onEdit(): void }) {
  const { user } = useViewer();
  const peer = peerOf(conversation, user.id);
  const title = titleOf(conversation, user.id);
  const subtitle = peer ? `@${peer.user.handle}` : conversation.label;
  return (
    <div className="details-hero">
      <ConversationAvatar conversation={conversation} size="xl" />
      <h2>
        {title}
        {mayManage(conversation) && (
          <button
            type="button"
            className="icon-button small"
            aria-label={words.editChat}
            title={words.editChat}
            onClick={onEdit}
          >
            <Pencil aria-hidden="true" />
          </button>
        )}
      </h2>
      {subtitle && <p>{subtitle}</p>}
    </div>
  );
}

/** The ways out of it. */
function Ways({ conversation }: { conversation: ConversationView }) {
  const { handle } = useConversation(conversation.id);
  const toChats = () => navigate({ page: "chats" }, "replace");
  const hide = () => handle.hide().then(toChats);
  const leave = () => handle.leave().then(toChats);
  return (
    <div className="details-ways">
      <AskOnce text={words.hideChat} ask={words.hideAsk} answer={words.hide} act={hide} />
      {conversation.kind !== "direct" && (
        <AskOnce text={words.leave} ask={words.leaveAsk} answer={words.leaveShort} act={leave} />
      )}
    </div>
  );
}
