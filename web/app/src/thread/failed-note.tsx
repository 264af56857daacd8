// Below a message that was refused: why, and the two things one can do.

import type { ConversationHandle, ThreadMessage } from "@parlor/client";
import { errorSentence, words } from "../i18n";

export function FailedNote(props: { message: ThreadMessage; handle: ConversationHandle }) {
  const { message, handle } = props;
  const { clientId } = message;
  if (clientId === null) return null;
  return (
    <div className="failed-note">
      <span>{errorSentence(message.code ?? "unknown")}</span>
      <button type="button" className="text-button" onClick={() => handle.retry(clientId)}>
        {words.tryAgain}
      </button>
      <button type="button" className="text-button" onClick={() => handle.discard(clientId)}>
        {words.discard}
      </button>
    </div>
  );
}
