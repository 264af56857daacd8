// Puts a conversation away for the viewer. It clears their history, so it asks once.

import { type ConversationHandle, ParlorError } from "@parlor/client";
import { useState } from "react";
import { errorSentence, words } from "../i18n";
import { navigate } from "../router";

export function HideConversation({ handle }: { handle: ConversationHandle }) {
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const hide = async () => {
    try {
      await handle.hide();
      navigate({ page: "chats" }, "replace");
    } catch (error) {
      setFailure(errorSentence(error instanceof ParlorError ? error.code : "unknown"));
    }
  };
  if (!asking) {
    return (
      <button type="button" className="quiet wide" onClick={() => setAsking(true)}>
        {words.hideChat}
      </button>
    );
  }
  return (
    <div className="hide-question">
      <p>{words.hideAsk}</p>
      {failure && (
        <p className="error" role="alert">
          {failure}
        </p>
      )}
      <div className="menu-answers">
        <button type="button" className="quiet" onClick={() => setAsking(false)}>
          {words.cancel}
        </button>
        <button type="button" className="quiet danger" onClick={() => void hide()}>
          {words.hide}
        </button>
      </div>
    </div>
  );
}
