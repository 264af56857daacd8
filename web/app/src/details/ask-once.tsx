// A button for what can't be undone: it asks once, in its own place.

import { useState } from "react";
import { failureSentence, words } from "../i18n";

type AskOnceProps = {
  text: string;
  ask: string;
  answer: string;
  act(): Promise<void>;
};

export function AskOnce({ text, ask, answer, act }: AskOnceProps) {
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const confirm = () => act().catch((error: unknown) => setFailure(failureSentence(error)));
  const cancel = () => {
    setAsking(false);
    setFailure(null);
  };
  if (!asking) {
    return (
      <button type="button" className="quiet wide" onClick={() => setAsking(true)}>
        {text}
      </button>
    );
  }
  return (
    <div className="ask-once">
      <p>{ask}</p>
      {failure && (
        <p className="error" role="alert">
          {failure}
        </p>
      )}
      <div className="menu-answers">
        <button type="button" className="quiet" onClick={cancel}>
          {words.cancel}
        </button>
        <button type="button" className="quiet danger" onClick={() => void confirm()}>
          {answer}
        </button>
      </div>
    </div>
  );
}
