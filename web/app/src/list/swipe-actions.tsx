// What a swipe uncovers: at the row's start what keeps it near, at its end what puts it away.

import type { ConversationView } from "@parlor/client";
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
import type { ReactNode } from "react";
import { words } from "../i18n";
import { isMuted } from "../text/mute";
import { type MenuPage, unreadFrom } from "./row-menu";
import type { OwnSide } from "./use-own-side";
import type { SwipeSide } from "./use-swipe";

const ACTION_PX = 84;
export const SWIPE_WIDTHS = { start: 2 * ACTION_PX, end: 3 * ACTION_PX };

type SwipeActionsProps = {
  conversation: ConversationView;
  viewerId: string;
  side: SwipeSide;
  own: OwnSide;
  onDone(): void;
  onMenu(element: Element, page: MenuPage): void;
};

export function SwipeActions(props: SwipeActionsProps) {
  const { conversation, viewerId, side, own, onDone, onMenu } = props;
  const { id, me, unreadCount } = conversation;
  const { pinned, archived } = me;
  const unreadSeq = unreadFrom(conversation, viewerId);
  const act = (todo: () => void) => () => {
    onDone();
    todo();
  };
  if (side === "start") {
    return (
      <div className="swipe-actions start">
        <Action
          icon={pinned ? <PinOff /> : <Pin />}
          text={pinned ? words.unpin : words.pin}
          onClick={act(() => own.pin(id, !pinned))}
        />
        <Action
          icon={unreadCount > 0 ? <MailOpen /> : <MessageSquareDot />}
          text={unreadCount > 0 ? words.read : words.unreadWord}
          disabled={unreadCount === 0 && unreadSeq === null}
          onClick={act(() => own.unread(id, unreadCount > 0 ? null : unreadSeq))}
        />
      </div>
    );
  }
  const muted = isMuted(me, Date.now());
  return (
    <div className="swipe-actions end">
      <Action
        icon={muted ? <Bell /> : <BellOff />}
        text={muted ? words.unmute : words.mute}
        onClick={(element) => (muted ? act(() => own.mute(id, null))() : onMenu(element, "mute"))}
      />
      <Action
        icon={archived ? <ArchiveRestore /> : <Archive />}
        text={archived ? words.unarchive : words.archive}
        onClick={act(() => own.archive(id, !archived))}
      />
      <Action icon={<EyeOff />} text={words.hide} onClick={(element) => onMenu(element, "hide")} />
    </div>
  );
}

type ActionProps = {
  icon: ReactNode;
  text: string;
  disabled?: boolean;
  onClick(element: Element): void;
};

function Action({ icon, text, disabled = false, onClick }: ActionProps) {
  return (
    <button
      type="button"
      className="swipe-action"
      disabled={disabled}
      onClick={(event) => onClick(event.currentTarget)}
    >
      <span aria-hidden="true">{icon}</span>
      {text}
    </button>
  );
}
