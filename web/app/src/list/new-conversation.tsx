// The dialog that starts a conversation: one person to talk to, or a name and whoever is wanted for a group
// or a channel.

import { type CreateConversation, TITLE_CHARS_MAX, type UserSummary } from "@parlor/client";
import { useParlor } from "@parlor/react";
import { useState } from "react";
import { failureSentence, words } from "../i18n";
import { navigate } from "../router";
import { useViewer } from "../session/viewer";
import { Dialog } from "../ui/dialog";
import { Segments } from "../ui/segments";
import { PeoplePicker } from "./people-picker";

type Kind = "group" | "channel";

const kinds: readonly { value: Kind; text: string }[] = [
  { value: "group", text: words.groupWord },
  { value: "channel", text: words.channelWord },
];

/** A group must be called something: without a name by its people, as lists of them are. */
function requestOf(
  viewerName: string,
  picked: readonly UserSummary[],
  title: string,
  kind: Kind,
): CreateConversation {
  const memberIds = picked.map((person) => person.id);
  if (title === "" && memberIds.length === 1) return { kind: "direct", memberIds };
  const names = [viewerName, ...picked.map((person) => person.name)].join(", ");
  return { kind, memberIds, title: title || [...names].slice(0, TITLE_CHARS_MAX).join("") };
}

export function NewConversation({ onClose }: { onClose(): void }) {
  const parlor = useParlor();
  const { user } = useViewer();
  const [picked, setPicked] = useState<readonly UserSummary[]>([]);
  const [title, setTitle] = useState("");
  const [kind, setKind] = useState<Kind>("group");
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const name = title.trim();
  const hasName = name !== "";
  const isGroup = picked.length > 1 || hasName;
  const submit = async () => {
    if (busy || (picked.length === 0 && !hasName)) return false;
    setBusy(true);
    try {
      const made = await parlor.conversations.create(requestOf(user.name, picked, name, kind));
      navigate({ page: "conversation", id: made.id });
      return true;
    } catch (error) {
      setFailure(failureSentence(error));
      setBusy(false);
      return false;
    }
  };
  const start = !isGroup
    ? words.startDirect
    : kind === "channel"
      ? words.startChannel
      : words.startGroup(picked.length + 1);
  return (
    <Dialog
      title={words.newConversation}
      tall
      onSubmit={submit}
      onClose={onClose}
      foot={
        <button
          type="submit"
          className="primary wide"
          disabled={(picked.length === 0 && !hasName) || busy}
        >
          {start}
        </button>
      }
    >
      <PeoplePicker picked={picked} onPicked={setPicked} hint={words.searchPeopleHint} />
      {isGroup && <Segments label={words.kindOf} options={kinds} value={kind} onChange={setKind} />}
      <input
        className="dialog-input"
        value={title}
        maxLength={TITLE_CHARS_MAX}
        placeholder={words.groupTitle}
        aria-label={words.groupTitle}
        title={words.groupTitleHint}
        onChange={(event) => setTitle(event.target.value)}
      />
      {kind === "channel" && isGroup && <p className="field-note">{words.channelHint}</p>}
      {failure && (
        <p className="field-note error" role="alert">
          {failure}
        </p>
      )}
    </Dialog>
  );
}
