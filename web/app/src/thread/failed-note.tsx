// Below a message that was refused: why, and what one can do.

import type { ConversationHandle, ThreadMessage } from "@parlor/client";
import { errorSentence, words } from "../i18n";

/** Refusals that the same text will meet again. */
const permanent = new Set(["invalid_request", "payload_too_large", "client_id_reused"]);

export function FailedNote(props: { message: ThreadMessage; handle: ConversationHandle }) {
  const { message, handle } = props;
  const { clientId } = message;
  if (clientId === null) return null;
  const code = message.code ?? "unknown";
  const discard = () => {
    handle.discard(clientId);
    // The button goes with the message; writing is what comes next.
    document.getElementById("composer")?.focus();
  };
  return (
    <div className="failed-note">
      <span>{errorSentence(code === "invalid_request" ? "message_invalid" : code)}</span>
      {!permanent.has(code) && (
        <button type="button" className="text-button" onClick={() => handle.retry(clientId)}>
          {words.tryAgain}
        </button>
      )}
      <button type="button" className="text-button" onClick={discard}>
        {words.discard}
      </button>
    </div>
  );
}
