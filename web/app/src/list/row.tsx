// One conversation in the list: who, what was said last, when, and what of it is unread or was received.

import type { ConversationView, Message, MessageStatus } from "@parlor/client";
import { useReadable, useTyping } from "@parlor/react";
import { BellOff, Ellipsis, Pin } from "lucide-react";
import { memo } from "react";
import { times, words } from "../i18n";
import { useViewer } from "../session/viewer";
import { previewOf } from "../text/markup";
import { isMuted } from "../text/mute";
import { titleOf } from "../text/people";
import { typingSentence } from "../text/typists";
import { ConversationAvatar } from "../ui/conversation-avatar";
import { Link } from "../ui/link";
import type { MenuAnchor } from "../ui/menu";
import { Ticks } from "../ui/ticks";
import type { MenuPage } from "./row-menu";
import { SwipeActions } from "./swipe-actions";
import type { OwnSide } from "./use-own-side";
import { useRowGestures } from "./use-row-gestures";

type RowProps = {
  conversation: ConversationView;
  selected: boolean;
  today: number;
  own: OwnSide;
  onMenu(id: string, anchor: MenuAnchor, page: MenuPage): void;
};

function ownStatus(conversation: ConversationView, last: Message): MessageStatus {
  if (last.seq <= conversation.peerReadSeq) return "read";
  return last.seq <= conversation.peerDeliveredSeq ? "delivered" : "sent";
}

/** A row, and the ways to what can be done to it. */
export const ConversationRow = memo(function ConversationRow(props: RowProps) {
  const { conversation, own, onMenu } = props;
  const { user } = useViewer();
  const openAt = (anchor: MenuAnchor, page: MenuPage = "items") => {
    onMenu(conversation.id, anchor, page);
  };
  const { front, side, close, handlers } = useRowGestures(openAt);
  return (
    <div className="row-slot" {...handlers}>
      {side !== null && (
        <SwipeActions
          conversation={conversation}
          viewerId={user.id}
          side={side}
          own={own}
          onDone={close}
          onMenu={(element, page) => {
            openAt(element.getBoundingClientRect(), page);
            close();
          }}
        />
      )}
      <div className="row-front" ref={front}>
        <RowLink {...props} />
        <button
          type="button"
          className="icon-button small row-menu"
          aria-label={words.chatActionsOf(titleOf(conversation, user.id))}
          aria-haspopup="menu"
          onClick={(event) => openAt(event.currentTarget.getBoundingClientRect())}
        >
          <Ellipsis aria-hidden="true" />
        </button>
      </div>
    </div>
  );
});

function RowLink({ conversation, selected, today }: RowProps) {
  const { user, drafts } = useViewer();
  const title = titleOf(conversation, user.id);
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
      draggable={false}
    >
      <ConversationAvatar conversation={conversation} size="lg" />
      <span className="row-middle">
        <span className="row-line">
          <span className="row-name">
            <span className="row-title">{title}</span>
            {label && <span className="label">{label}</span>}
            {isMuted(conversation.me, Date.now()) && (
              <BellOff className="row-state" role="img" aria-label={words.muted} />
            )}
            {conversation.me.pinned && (
              <Pin className="row-state" role="img" aria-label={words.pinned} />
            )}
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
}

type MarkProps = { conversation: ConversationView; own: Message | null };

/** What stands at the end of the second line: unread, else own ticks. */
function Mark({ conversation, own }: MarkProps) {
  const { unreadCount, me } = conversation;
  if (unreadCount > 0) {
    return (
      <span
        className={isMuted(me, Date.now()) ? "badge muted" : "badge"}
        role="img"
        aria-label={words.unread(unreadCount)}
      >
        {unreadCount > 999 ? "999+" : unreadCount}
      </span>
    );
  }
  if (own) return <Ticks status={ownStatus(conversation, own)} />;
  return null;
}

type PreviewProps = { conversation: ConversationView; draft: string | undefined; own: boolean };

function Preview({ conversation, draft, own }: PreviewProps) {
  const last = conversation.lastMessage;
  const { typists } = useTyping(conversation.id);
  const typing = typingSentence(conversation, typists, words);
  if (typing !== null) return <span className="row-preview typing-line">{typing}</span>;
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
