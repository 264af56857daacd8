// One row of the thread: a message with the lines above it and the emoji below. Renders again only when its
// own parts change.

import type { ConversationHandle, ThreadMessage, UserSummary } from "@parlor/client";
import { Ban, Ellipsis } from "lucide-react";
import { memo } from "react";
import { times, words } from "../i18n";
import { hueOf } from "../text/people";
import type { ThreadRow } from "../text/rows";
import { Avatar } from "../ui/avatar";
import type { MenuAnchor } from "../ui/menu";
import { useLongPress } from "../ui/use-long-press";
import { Bubble } from "./bubble";
import { FailedNote } from "./failed-note";
import { Reactions } from "./reactions";
import { hasActions, type MessageActions } from "./use-message-actions";

type MessageRowProps = ThreadRow & {
  inGroup: boolean;
  /** The newest with a menu: Tab leads to its button, the arrow keys from there to the others. */
  isLast: boolean;
  handle: ConversationHandle;
  actions: MessageActions;
  onMenu(message: ThreadMessage, anchor: MenuAnchor): void;
};

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, day, isNewLine, startsRun, endsRun, inGroup } = props;
  const isSystem = message.kind === "system";
  const side = isSystem ? "system" : message.own ? "own" : "other";
  const classes = [
    "message-row",
    side,
    inGroup && side === "other" ? "with-avatar" : "",
    startsRun ? "starts" : "",
    endsRun ? "ends" : "",
  ];
  return (
    <div className="row-frame">
      {day && (
        <div className="day-line">
          <span>{times.day(day, Date.now())}</span>
        </div>
      )}
      {isNewLine && <div className="new-line">{words.newLine}</div>}
      <div className={classes.filter(Boolean).join(" ")} data-status={message.status}>
        {isSystem ? (
          <p className="system-text">{message.content}</p>
        ) : (
          <>
            {inGroup && !message.own && endsRun && message.sender && (
              <SenderAvatar sender={message.sender} />
            )}
            <div className="message-stack">
              {inGroup && !message.own && startsRun && message.sender && (
                <SenderName sender={message.sender} />
              )}
              <Said {...props} />
            </div>
          </>
        )}
      </div>
    </div>
  );
});

/** The bubble with its menu button, and what stands below it. */
function Said({ message, isLast, handle, actions, onMenu }: MessageRowProps) {
  const openAt = (element: Element) => onMenu(message, element.getBoundingClientRect());
  const press = useLongPress(openAt);
  if (message.deletedAt !== null) {
    return (
      <p className="deleted-text">
        <Ban aria-hidden="true" />
        {words.deletedMessage}
      </p>
    );
  }
  if (!hasActions(message)) {
    return (
      <>
        <Bubble message={message} />
        {message.status === "failed" && <FailedNote message={message} handle={handle} />}
      </>
    );
  }
  return (
    <>
      <div className="bubble-line" {...press}>
        <Bubble message={message} />
        <button
          type="button"
          className="icon-button small bubble-menu"
          aria-label={words.messageActions}
          aria-haspopup="menu"
          tabIndex={isLast ? 0 : -1}
          onClick={(event) => openAt(event.currentTarget)}
        >
          <Ellipsis aria-hidden="true" />
        </button>
      </div>
      {message.reactions.length > 0 && (
        <Reactions
          message={message}
          conversationId={handle.id}
          onToggle={(emoji, on) => actions.toggle(message, emoji, on)}
        />
      )}
    </>
  );
}

function SenderAvatar({ sender }: { sender: UserSummary }) {
  return <Avatar id={sender.id} name={sender.name} shape="round" size="sm" />;
}

function SenderName({ sender }: { sender: UserSummary }) {
  const hue = { "--h": hueOf(sender.id) } as React.CSSProperties;
  return (
    <div className="sender" style={hue}>
      {sender.name}
    </div>
  );
}
