// What can be done to a message. Deleting asks once.

import type { ThreadMessage } from "@parlor/client";
import { Copy, EyeOff, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { words } from "../i18n";
import { Item, Items, Menu, type MenuAnchor, Question } from "../ui/menu";
import type { MessageActions } from "./use-message-actions";

const QUICK_EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "🙏"];

type MenuProps = {
  message: ThreadMessage;
  anchor: MenuAnchor;
  actions: MessageActions;
  onClose(): void;
};

export function MessageMenu({ message, anchor, actions, onClose }: MenuProps) {
  const [asking, setAsking] = useState(false);
  return (
    <Menu label={words.messageActions} anchor={anchor} atEnd={message.own} onClose={onClose}>
      {(choose) =>
        asking ? (
          <Question
            ask={words.deleteAsk}
            answer={words.deleteMessage}
            onAnswer={choose(() => actions.remove(message))}
            onCancel={choose(() => undefined)}
          />
        ) : (
          <Items label={words.messageActions}>
            {/* biome-ignore lint/a11y/useSemanticElements: a group of menu items is no fieldset */}
            <div className="menu-emoji" role="group">
              {QUICK_EMOJI.map((emoji) => {
                const mine = message.reactions.some((it) => it.emoji === emoji && it.mine);
                return (
                  <button
                    key={emoji}
                    type="button"
                    role="menuitemcheckbox"
                    aria-checked={mine}
                    aria-label={words.reactWith(emoji)}
                    onClick={choose(() => actions.toggle(message, emoji, !mine))}
                  >
                    {emoji}
                  </button>
                );
              })}
            </div>
            {actions.mayEdit(message) && (
              <Item
                icon={<Pencil />}
                text={words.edit}
                onClick={choose(() => actions.edit(message))}
              />
            )}
            <Item
              icon={<Copy />}
              text={words.copyText}
              onClick={choose(() => actions.copy(message))}
            />
            {!message.own && (
              <Item
                icon={<EyeOff />}
                text={words.markUnread}
                onClick={choose(() => actions.markUnread(message))}
              />
            )}
            {actions.mayDelete(message) && (
              <Item
                icon={<Trash2 />}
                text={words.deleteMessage}
                tone="danger"
                onClick={() => setAsking(true)}
              />
            )}
          </Items>
        )
      }
    </Menu>
  );
}
