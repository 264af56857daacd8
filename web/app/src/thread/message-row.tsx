// One row of the thread: a message with the lines above it. Renders again only when its own parts change.

import type { ConversationHandle, UserSummary } from "@parlor/client";
import { memo } from "react";
import { times, words } from "../i18n";
import { hueOf } from "../text/people";
import type { ThreadRow } from "../text/rows";
import { Avatar } from "../ui/avatar";
import { Bubble } from "./bubble";
import { FailedNote } from "./failed-note";

type MessageRowProps = ThreadRow & { inGroup: boolean; handle: ConversationHandle };

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, day, isNewLine, startsRun, endsRun, inGroup, handle } = props;
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
              <Bubble message={message} />
              {message.status === "failed" && <FailedNote message={message} handle={handle} />}
            </div>
          </>
        )}
      </div>
    </div>
  );
});

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
