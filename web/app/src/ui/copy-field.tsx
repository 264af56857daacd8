// A text to be taken elsewhere: shown whole, with a button that copies it. Where the browser lets no page
// copy, the text is selected instead.

import { Check, Copy } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { words } from "../i18n";
import "../styles/fields.css";

const COPIED_SHOWN_MS = 2_000;

export function CopyField({ text, label }: { text: string; label: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // Selected, it is one key away.
    }
  };
  return (
    <div className="copy-field">
      <input
        ref={field}
        readOnly
        value={text}
        aria-label={label}
        onFocus={(event) => event.currentTarget.select()}
      />
      <button type="button" className="quiet" onClick={() => void copy()}>
        {copied ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
        {copied ? words.copied : words.copy}
      </button>
    </div>
  );
}
