// One conversation in the list: who, what was said last, when, and what of it is unread or was received.

import type { ConversationView, Message, MessageStatus } from "@parlor/client";
import { useReadable } from "@parlor/react";
import { Pin } from "lucide-react";
import { memo } from "react";
import { times, words } from "../i18n";
import { useViewer } from "../session/viewer";
import { previewOf } from "../text/markup";
import { peerOf, titleOf } from "../text/people";
import { Avatar } from "../ui/avatar";
import { Link } from "../ui/link";
import { Ticks } from "../ui/ticks";

type RowProps = { conversation: ConversationView; selected: boolean; today: number };

function ownStatus(conversation: ConversationView, last: Message): MessageStatus {
  if (last.seq <= conversation.peerReadSeq) return "read";
  return last.seq <= conversation.peerDeliveredSeq ? "delivered" : "sent";
}

export const ConversationRow = memo(function ConversationRow(props: RowProps) {
  const { conversation, selected, today } = props;
  const { user, drafts } = useViewer();
  const title = titleOf(conversation, user.id);
  const peer = peerOf(conversation, user.id);
  const last = conversation.lastMessage;
  const held = useReadable(drafts)[conversation.id];
  // The open conversation shows its text in the composer already.
  const draft = selected ? undefined : held;
  const label = conversation.label ?? (conversation.kind === "channel" ? words.channel : null);
  const own = last !== null && last.senderId === user.id && last.kind === "text";
  return (
    <Link
      className="row"
      to={{ page: "conversation", id: conversation.id }}
      aria-current={selected ? "page" : undefined}
    >
      <Avatar
        id={peer?.user.id ?? conversation.id}
        name={title}
        shape={conversation.kind === "direct" ? "round" : "square"}
        size="lg"
      />
      <span className="row-middle">
        <span className="row-line">
          <span className="row-name">
            <span className="row-title">{title}</span>
            {label && <span className="label">{label}</span>}
          </span>
          <span className="row-time">
            {times.listTime(last?.createdAt ?? conversation.createdAt, Math.max(today, Date.now()))}
          </span>
        </span>
        <span className="row-line">
          <Preview conversation={conversation} draft={draft} own={own} />
          <Mark conversation={conversation} own={own && !draft ? last : null} />
        </span>
      </span>
    </Link>
  );
});

type MarkProps = { conversation: ConversationView; own: Message | null };

/** What stands at the end of the second line: unread, else own ticks, else the pin. */
function Mark({ conversation, own }: MarkProps) {
  const { unreadCount, me } = conversation;
  if (unreadCount > 0) {
    const muted = me.mutedUntil !== null && Date.parse(me.mutedUntil) > Date.now();
    return (
      <span
        className={muted ? "badge muted" : "badge"}
        role="img"
        aria-label={words.unread(unreadCount)}
      >
        {unreadCount > 999 ? "999+" : unreadCount}
      </span>
    );
  }
  if (own) return <Ticks status={ownStatus(conversation, own)} />;
  return me.pinned && <Pin className="row-pin" aria-hidden="true" />;
}

type PreviewProps = { conversation: ConversationView; draft: string | undefined; own: boolean };

function Preview({ conversation, draft, own }: PreviewProps) {
  const last = conversation.lastMessage;
  if (draft) {
    return (
      <span className="row-preview">
        <em>{words.draft}</em> <bdi>{previewOf(draft)}</bdi>
      </span>
    );
  }
  if (!last) return <span className="row-preview">{words.noMessagesYet}</span>;
  const named = last.kind === "text" && (own || conversation.kind !== "direct");
  return (
    <span className="row-preview">
      {named && <b>{own ? words.youPrefix : `${last.sender.name}:`}</b>}
      {named && " "}
      <bdi>{last.deletedAt === null ? previewOf(last.content) : words.deletedMessage}</bdi>
    </span>
  );
}
