// Where one writes. Grows to eight lines, keeps its draft, sends with Enter. A text that is too long is
// refused with a sentence and never cut.

import type { ConversationView } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { ArrowUp } from "lucide-react";
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { words } from "../i18n";
import { useViewer } from "../session/viewer";
import { charactersLeft, messageOf } from "../text/length";
import { titleOf } from "../text/people";

/** The keyboard is there anyway: writing can begin at once. On a touch screen it would cover the thread. */
const hasKeyboard = (): boolean => window.matchMedia("(hover: hover) and (pointer: fine)").matches;

export function Composer({ conversation }: { conversation: ConversationView }) {
  const { id } = conversation;
  const { user, drafts } = useViewer();
  const { handle } = useConversation(id);
  const [text, setText] = useState(() => drafts.get(id));
  const area = useRef<HTMLTextAreaElement>(null);
  const left = charactersLeft(text);
  const tooLong = left !== null && left < 0;
  const content = messageOf(text);
  const sendable = content.trim() !== "" && !tooLong;

  useEffect(() => {
    if (hasKeyboard()) area.current?.focus({ preventScroll: true });
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.blockSize = "auto";
    element.style.blockSize = `${element.scrollHeight}px`;
  }, [text]);

  const write = (next: string) => {
    setText(next);
    drafts.set(id, next);
  };
  const send = () => {
    if (!sendable) return;
    handle.send(content);
    write("");
    area.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter chooses a candidate.
    const composing = event.nativeEvent.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    send();
  };

  return (
    <div className="composer">
      {left !== null && (
        <p className={tooLong ? "composer-note error" : "composer-note"} role="status">
          {tooLong ? words.tooLong(-left) : words.charactersLeft(left)}
        </p>
      )}
      <div className="composer-box">
        <textarea
          ref={area}
          id="composer"
          rows={1}
          dir="auto"
          value={text}
          placeholder={words.writeTo(titleOf(conversation, user.id))}
          aria-label={words.writeTo(titleOf(conversation, user.id))}
          aria-invalid={tooLong}
          enterKeyHint="send"
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button
          type="button"
          className="icon-button solid send"
          aria-label={words.send}
          title={words.send}
          disabled={!sendable}
          onClick={send}
        >
          <ArrowUp aria-hidden="true" />
        </button>
      </div>
    </div>
  );
}
