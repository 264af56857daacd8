// One conversation: its bar, its thread, its composer, and its details on demand.

import type { ConversationView, ThreadMessage } from "@parlor/client";
import { useConversation, useConversations } from "@parlor/react";
import { CircleOff } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { Details } from "../details/details";
import { failureSentence, words } from "../i18n";
import { navigate } from "../router";
import { ConnectionLine } from "../ui/connection-line";
import { Notice } from "../ui/notice";
import { Placeholder } from "../ui/placeholder";
import { Composer } from "./composer";
import { Thread } from "./thread";
import { ThreadBar } from "./thread-bar";
import "../styles/thread.css";

export function ConversationPage({ id }: { id: string }) {
  const { conversation } = useConversation(id);
  const { phase } = useConversations();
  if (conversation) return <Opened conversation={conversation} />;
  if (phase === "loading") {
    return (
      <>
        <div className="thread-bar" />
        <ConnectionLine place="thread" />
      </>
    );
  }
  return (
    <Placeholder icon={<CircleOff />} isPage title={words.goneTitle} lead={words.goneLead}>
      <button
        type="button"
        className="primary"
        onClick={() => navigate({ page: "chats" }, "replace")}
      >
        {words.toChats}
      </button>
    </Placeholder>
  );
}

/** The server decides; this only spares people a refusal. */
function mayWrite({ kind, me }: ConversationView): boolean {
  return kind !== "channel" || me.role !== "member";
}

/** The part where one reads and writes, and which own message is being changed. */
function Talk({ conversation }: { conversation: ConversationView }) {
  const { handle } = useConversation(conversation.id);
  const [editing, setEditing] = useState<ThreadMessage | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const quiet = useCallback(() => setNotice(null), []);
  const save = ({ id }: ThreadMessage, content: string) => {
    const tell = (error: unknown) => setNotice(failureSentence(error));
    if (id !== null) handle.edit(id, content).catch(tell);
  };
  return (
    <>
      <Thread conversation={conversation} onEdit={setEditing} onNotice={setNotice} />
      <Notice sentence={notice} onClose={quiet} />
      {mayWrite(conversation) ? (
        <Composer conversation={conversation} editing={editing} onEdit={setEditing} onSave={save} />
      ) : (
        <p className="composer-closed">{words.onlyAdminsWrite}</p>
      )}
    </>
  );
}

function Opened({ conversation }: { conversation: ConversationView }) {
  const [detailed, setDetailed] = useState(false);
  const toggle = useRef<HTMLButtonElement>(null);
  const close = () => {
    setDetailed(false);
    toggle.current?.focus();
  };
  useEffect(() => {
    if (!detailed) return;
    const onKey = (event: KeyboardEvent) => {
      // Over the panel a dialog or a menu may stand, which the key closes first.
      if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
      setDetailed(false);
      toggle.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [detailed]);
  return (
    <div className="conversation" data-detailed={detailed}>
      <section className="thread">
        <ThreadBar
          conversation={conversation}
          detailed={detailed}
          toggleRef={toggle}
          onToggle={() => setDetailed(!detailed)}
        />
        <ConnectionLine place="thread" />
        <Talk conversation={conversation} />
      </section>
      {detailed && <Details conversation={conversation} onClose={close} />}
    </div>
  );
}
