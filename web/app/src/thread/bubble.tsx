// A message's bubble: its text as elements, its time, and for own ones its ticks.

import type { ThreadMessage } from "@parlor/client";
import { memo } from "react";
import { times, words } from "../i18n";
import { type Block, type Inline, isEmojiOnly, parseMessage } from "../text/markup";
import { Ticks } from "../ui/ticks";

function Part({ part }: { part: Inline }) {
  switch (part.type) {
    case "text":
      return part.text;
    case "code":
      return <code>{part.text}</code>;
    case "link":
      return (
        <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
          {part.text}
        </a>
      );
  }
}

function BlockView({ block }: { block: Block }) {
  if (block.type === "code") {
    return (
      <pre dir="ltr">
        <code>{block.text}</code>
      </pre>
    );
  }
  // Parts have no identity of their own; they only change together with the whole text.
  return (
    <span className="paragraph" dir="auto">
      {block.parts.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <Part key={index} part={part} />
      ))}
    </span>
  );
}

const Content = memo(function Content({ content }: { content: string }) {
  return parseMessage(content).map((block, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: blocks change only together with the whole text
    <BlockView key={index} block={block} />
  ));
});

export function Bubble({ message }: { message: ThreadMessage }) {
  const large = isEmojiOnly(message.content);
  return (
    <div className={large ? "bubble emoji-only" : "bubble"}>
      <Content content={message.content} />
      <span className="stamp">
        {message.editedAt && <span title={times.full(message.editedAt)}>{words.edited}</span>}
        <time dateTime={message.createdAt} title={times.full(message.createdAt)}>
          {times.clock(message.createdAt)}
        </time>
        {message.own && <Ticks status={message.status} />}
      </span>
    </div>
  );
}
