// The page of a menu that asks for how long a conversation is to be silent.

import { BellOff, Clock } from "lucide-react";
import { words } from "../i18n";
import { endOf, silences } from "../text/mute";
import { type Choose, Item, Items } from "./menu";

type MuteItemsProps = { choose: Choose; onMute(until: string): void };

export function MuteItems({ choose, onMute }: MuteItemsProps) {
  return (
    <Items label={words.mute}>
      {silences.map((silence) => (
        <Item
          key={silence}
          icon={silence === "forever" ? <BellOff /> : <Clock />}
          text={words.silences[silence]}
          onClick={choose(() => onMute(endOf(silence, Date.now())))}
        />
      ))}
    </Items>
  );
}
