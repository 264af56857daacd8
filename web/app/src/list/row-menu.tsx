// What can be done to a conversation in the list, for the viewer alone. Hiding asks once.

import type { ConversationView } from "@parlor/client";
import { useConversation } from "@parlor/react";
import {
  Archive,
  ArchiveRestore,
  Bell,
  BellOff,
  EyeOff,
  MailOpen,
  MessageSquareDot,
  Pin,
  PinOff,
} from "lucide-react";
import { useState } from "react";
import { words } from "../i18n";
import { isMuted } from "../text/mute";
import { type Choose, Item, Items, Menu, type MenuAnchor, Question } from "../ui/menu";
import { MuteItems } from "../ui/mute-items";
import type { OwnSide } from "./use-own-side";

/** Which page of the menu is shown first. */
export type MenuPage = "items" | "mute" | "hide";
export type AskedMenu = { id: string; anchor: MenuAnchor; page: MenuPage };

type RowMenuProps = AskedMenu & { own: OwnSide; onClose(): void };

/** The first message that would be unread again; null when there is none. */
export function unreadFrom({ lastMessage, me }: ConversationView, viewerId: string): number | null {
  if (!lastMessage || lastMessage.deletedAt !== null || lastMessage.senderId === viewerId) {
    return null;
  }
  return lastMessage.seq <= me.readSeq ? lastMessage.seq : null;
}

export function RowMenu(props: RowMenuProps & { viewerId: string }) {
  const { id, anchor, own, onClose, viewerId } = props;
  const { conversation } = useConversation(id);
  const [page, setPage] = useState(props.page);
  if (!conversation) return null;
  return (
    <Menu label={words.chatActions} anchor={anchor} atEnd onClose={onClose}>
      {(choose) => {
        if (page === "mute") {
          return <MuteItems choose={choose} onMute={(until) => own.mute(id, until)} />;
        }
        if (page === "hide") {
          return (
            <Question
              ask={words.hideAsk}
              answer={words.hide}
              onAnswer={choose(() => own.hide(id))}
              onCancel={choose(() => undefined)}
            />
          );
        }
        return (
          <RowItems
            conversation={conversation}
            unreadSeq={unreadFrom(conversation, viewerId)}
            choose={choose}
            own={own}
            onPage={setPage}
          />
        );
      }}
    </Menu>
  );
}

type RowItemsProps = {
  conversation: ConversationView;
  unreadSeq: number | null;
  choose: Choose;
  own: OwnSide;
  onPage(page: MenuPage): void;
};

function RowItems({ conversation, unreadSeq, choose, own, onPage }: RowItemsProps) {
  const { id, me, unreadCount } = conversation;
  const { pinned, archived } = me;
  return (
    <Items label={words.chatActions}>
      <Item
        icon={pinned ? <PinOff /> : <Pin />}
        text={pinned ? words.unpin : words.pin}
        onClick={choose(() => own.pin(id, !pinned))}
      />
      {isMuted(me, Date.now()) ? (
        <Item icon={<Bell />} text={words.unmute} onClick={choose(() => own.mute(id, null))} />
      ) : (
        <Item icon={<BellOff />} text={words.muteFor} onClick={() => onPage("mute")} />
      )}
      {unreadCount > 0 && (
        <Item
          icon={<MailOpen />}
          text={words.markRead}
          onClick={choose(() => own.unread(id, null))}
        />
      )}
      {unreadCount === 0 && unreadSeq !== null && (
        <Item
          icon={<MessageSquareDot />}
          text={words.markChatUnread}
          onClick={choose(() => own.unread(id, unreadSeq))}
        />
      )}
      <Item
        icon={archived ? <ArchiveRestore /> : <Archive />}
        text={archived ? words.unarchive : words.archive}
        onClick={choose(() => own.archive(id, !archived))}
      />
      <Item icon={<EyeOff />} text={words.hideChat} tone="danger" onClick={() => onPage("hide")} />
    </Items>
  );
}
