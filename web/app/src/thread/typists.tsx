// Who writes, at the foot of the log. The room for it is always there, so that nothing moves.

import type { ConversationView } from "@parlor/client";
import { useTyping } from "@parlor/react";
import { words } from "../i18n";
import { typingSentence } from "../text/typists";

export function Typists({ conversation }: { conversation: ConversationView }) {
  const { typists } = useTyping(conversation.id);
  const sentence = typingSentence(conversation, typists, words);
  return (
    <div className="log-foot">
      {sentence !== null && (
        <div className="typists">
          <span className="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {conversation.kind !== "direct" && sentence}
        </div>
      )}
    </div>
  );
}
