// The few things done most often to a conversation, as a row of tiles under its name.

import type { ConversationView } from "@parlor/client";
import { Bell, BellOff, Link2, Pin, PinOff, UserPlus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { words } from "../i18n";
import { useOwnSide } from "../list/use-own-side";
import { isMuted } from "../text/mute";
import { Menu, type MenuAnchor } from "../ui/menu";
import { MuteItems } from "../ui/mute-items";
import { mayManage } from "./rights";

type TilesProps = {
  conversation: ConversationView;
  onAdd(): void;
  onLinks(): void;
  onNotice(sentence: string): void;
};

export function Tiles({ conversation, onAdd, onLinks, onNotice }: TilesProps) {
  const { id, me } = conversation;
  const own = useOwnSide(onNotice);
  const [muting, setMuting] = useState<MenuAnchor | null>(null);
  const muted = isMuted(me, Date.now());
  return (
    <div className="tiles">
      <Tile
        icon={muted ? <Bell /> : <BellOff />}
        text={muted ? words.unmute : words.mute}
        onClick={(anchor) => (muted ? own.mute(id, null) : setMuting(anchor))}
      />
      <Tile
        icon={me.pinned ? <PinOff /> : <Pin />}
        text={me.pinned ? words.unpin : words.pin}
        onClick={() => own.pin(id, !me.pinned)}
      />
      {mayManage(conversation) && (
        <>
          <Tile icon={<UserPlus />} text={words.add} onClick={onAdd} />
          <Tile icon={<Link2 />} text={words.links} onClick={onLinks} />
        </>
      )}
      {muting && (
        <Menu label={words.mute} anchor={muting} onClose={() => setMuting(null)}>
          {(choose) => <MuteItems choose={choose} onMute={(until) => own.mute(id, until)} />}
        </Menu>
      )}
    </div>
  );
}

type TileProps = { icon: ReactNode; text: string; onClick(anchor: MenuAnchor): void };

function Tile({ icon, text, onClick }: TileProps) {
  return (
    <button
      type="button"
      className="tile"
      onClick={(event) => onClick(event.currentTarget.getBoundingClientRect())}
    >
      <span aria-hidden="true">{icon}</span>
      {text}
    </button>
  );
}
