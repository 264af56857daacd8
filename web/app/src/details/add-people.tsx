// The dialog that adds people to a conversation.

import type { ConversationView, UserSummary } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { useMemo, useState } from "react";
import { failureSentence, words } from "../i18n";
import { PeoplePicker } from "../list/people-picker";
import { Dialog } from "../ui/dialog";

type AddPeopleProps = { conversation: ConversationView; onClose(): void };

export function AddPeople({ conversation, onClose }: AddPeopleProps) {
  const { handle } = useConversation(conversation.id);
  const [picked, setPicked] = useState<readonly UserSummary[]>([]);
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { members } = conversation;
  const inside = useMemo(() => new Set(members.map((member) => member.user.id)), [members]);
  const submit = async () => {
    if (busy || picked.length === 0) return false;
    setBusy(true);
    try {
      await handle.addMembers(picked.map((person) => person.id));
      return true;
    } catch (error) {
      setFailure(failureSentence(error));
      setBusy(false);
      return false;
    }
  };
  return (
    <Dialog
      title={words.addPeople}
      tall
      onSubmit={submit}
      onClose={onClose}
      foot={
        <button type="submit" className="primary wide" disabled={picked.length === 0 || busy}>
          {picked.length === 0 ? words.addPeople : words.addCount(picked.length)}
        </button>
      }
    >
      <PeoplePicker
        picked={picked}
        onPicked={setPicked}
        without={inside}
        hint={words.addPeopleHint}
      />
      {failure && (
        <p className="field-note error" role="alert">
          {failure}
        </p>
      )}
    </Dialog>
  );
}
