// What can be done to a member: another role, or out. What the viewer could not take back asks once.

import type { Member, Role } from "@parlor/client";
import { Crown, ShieldCheck, UserMinus, UserRound } from "lucide-react";
import { useState } from "react";
import { words } from "../i18n";
import { Item, Items, Menu, type MenuAnchor, Question } from "../ui/menu";
import type { Rights } from "./rights";

const icons = { member: <UserRound />, admin: <ShieldCheck />, owner: <Crown /> } as const;

type MemberMenuProps = {
  member: Member;
  isSelf: boolean;
  anchor: MenuAnchor;
  rights: Rights;
  onRole(role: Role): void;
  onRemove(): void;
  onClose(): void;
};

export function MemberMenu(props: MemberMenuProps) {
  const { member, isSelf, anchor, rights, onRole, onRemove, onClose } = props;
  const { name } = member.user;
  const [asking, setAsking] = useState<Role | "remove" | null>(null);
  const label = words.memberActions(name);
  return (
    <Menu label={label} anchor={anchor} atEnd onClose={onClose}>
      {(choose) => {
        if (asking === "remove") {
          return (
            <Question
              ask={words.removeAsk(name)}
              answer={words.removeMember}
              onAnswer={choose(onRemove)}
              onCancel={choose(() => undefined)}
            />
          );
        }
        if (asking) {
          return (
            <Question
              ask={words.stepDownAsk}
              answer={words.stepDown}
              onAnswer={choose(() => onRole(asking))}
              onCancel={choose(() => undefined)}
            />
          );
        }
        return (
          <Items label={label}>
            {rights.roles.map((role) => (
              <Item
                key={role}
                icon={icons[role]}
                text={isSelf && role !== "owner" ? words.stepDownTo[role] : words.makeRole[role]}
                onClick={isSelf ? () => setAsking(role) : choose(() => onRole(role))}
              />
            ))}
            {rights.mayRemove && (
              <Item
                icon={<UserMinus />}
                text={words.removeMember}
                tone="danger"
                onClick={() => setAsking("remove")}
              />
            )}
          </Items>
        );
      }}
    </Menu>
  );
}
