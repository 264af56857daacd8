// The field of the composer and its button. Grows to eight lines, submits with Enter. A text that is too long
// is refused with a sentence and never cut. Whose text it is, and what becomes of it, is the composer's.

import { ArrowUp, Check } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef } from "react";
import { words } from "../i18n";
import { charactersLeft, messageOf } from "../text/length";

/** The keyboard is there anyway: writing can begin at once. On a touch screen it would cover the thread. */
const hasKeyboard = (): boolean => window.matchMedia("(hover: hover) and (pointer: fine)").matches;

type ComposerBoxProps = {
  text: string;
  label: string;
  action: "send" | "save";
  onText(text: string): void;
  onKey(event: KeyboardEvent): void;
  onSubmit(): void;
  /** What stands above the field. */
  children?: ReactNode;
};

export function ComposerBox(props: ComposerBoxProps) {
  const { text, label, action, onText, onKey, onSubmit, children } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const left = charactersLeft(text);
  const tooLong = left !== null && left < 0;
  const isReady = messageOf(text).trim() !== "" && !tooLong;

  // Whoever edits has asked for the field, also on a phone.
  useEffect(() => {
    const element = area.current;
    if (!element || !(action === "save" || hasKeyboard())) return;
    element.focus({ preventScroll: true });
    element.setSelectionRange(element.value.length, element.value.length);
  }, [action]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.blockSize = "auto";
    element.style.blockSize = `${element.scrollHeight}px`;
  }, [text]);

  const submit = () => {
    if (!isReady) return;
    onSubmit();
    area.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter chooses a candidate.
    const composing = event.nativeEvent.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || composing) return onKey(event);
    event.preventDefault();
    submit();
  };

  return (
    <div className="composer">
      {left !== null && (
        <p className={tooLong ? "composer-note error" : "composer-note"} role="status">
          {tooLong ? words.tooLong(-left) : words.charactersLeft(left)}
        </p>
      )}
      {children}
      <div className="composer-box">
        <textarea
          ref={area}
          id="composer"
          rows={1}
          dir="auto"
          value={text}
          placeholder={label}
          aria-label={label}
          aria-invalid={tooLong}
          enterKeyHint="send"
          onChange={(event) => onText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button
          type="button"
          className="icon-button solid send"
          aria-label={words[action]}
          title={words[action]}
          disabled={!isReady}
          onClick={submit}
        >
          {action === "send" ? <ArrowUp aria-hidden="true" /> : <Check aria-hidden="true" />}
        </button>
      </div>
    </div>
  );
}
