// One sentence about something that was refused, above the composer. It goes by itself, or with its button.

import { X } from "lucide-react";
import { useEffect } from "react";
import { words } from "../i18n";

/** Long enough to read the longest of these sentences twice. */
const SHOWN_MS = 8_000;

export function Notice({ sentence, onClose }: { sentence: string | null; onClose(): void }) {
  useEffect(() => {
    if (sentence === null) return;
    const timer = setTimeout(onClose, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [sentence, onClose]);
  return (
    <div className="notice-place" role="status">
      {sentence !== null && (
        <p className="notice">
          {sentence}
          <button
            type="button"
            className="icon-button small"
            aria-label={words.close}
            onClick={onClose}
          >
            <X aria-hidden="true" />
          </button>
        </p>
      )}
    </div>
  );
}
