// The viewer's own page: who they are here, how the app looks, and the ways out.

import { Check, LogOut, UserPlus } from "lucide-react";
import { useState } from "react";
import { TabBar } from "../frame/rail";
import { language, words } from "../i18n";
import { accounts, signOut, switchTo } from "../session/session";
import { useViewer } from "../session/viewer";
import { setTheme, type Theme, useTheme } from "../theme";
import { Avatar } from "../ui/avatar";
import { Link } from "../ui/link";
import { Segments } from "../ui/segments";
import { ProfileForm } from "./profile-form";
import "../styles/me.css";

export function MePage() {
  const { user, account } = useViewer();
  return (
    <div className="me-page">
      <div className="me-scroll">
        <div className="me-column">
          <Profile />
          <h2>{words.appearance}</h2>
          <ThemeSwitch />
          <h2>{words.accounts}</h2>
          <AccountList currentId={user.id} />
          <button type="button" className="me-sign-out" onClick={() => void signOut(account)}>
            <LogOut aria-hidden="true" />
            {words.signOut}
          </button>
        </div>
      </div>
      <TabBar />
    </div>
  );
}

const since = new Intl.DateTimeFormat(language, { dateStyle: "long" });

function Profile() {
  const { user } = useViewer();
  const [editing, setEditing] = useState(false);
  return (
    <>
      <section className="me-hero" aria-label={words.profile}>
        <Avatar id={user.id} name={user.name} shape="round" size="xl" />
        <h1>{user.name}</h1>
        <p>@{user.handle}</p>
      </section>
      {editing ? (
        <ProfileForm onDone={() => setEditing(false)} />
      ) : (
        <>
          <dl className="me-facts">
            {user.bio && <Fact name={words.bio} value={user.bio} />}
            {user.email && <Fact name={words.email} value={user.email} />}
          </dl>
          <p className="me-since">{words.memberSince(since.format(new Date(user.createdAt)))}</p>
          <button type="button" className="quiet me-edit" onClick={() => setEditing(true)}>
            {words.editProfile}
          </button>
        </>
      )}
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const themes: readonly { value: Theme; text: string }[] = [
  { value: "system", text: words.themeSystem },
  { value: "light", text: words.themeLight },
  { value: "dark", text: words.themeDark },
];

function ThemeSwitch() {
  const current = useTheme();
  return <Segments label={words.appearance} options={themes} value={current} onChange={setTheme} />;
}

function AccountList({ currentId }: { currentId: string }) {
  return (
    <ul className="accounts">
      {accounts.all().map(({ user }) => (
        <li key={user.id}>
          <button
            type="button"
            disabled={user.id === currentId}
            title={user.id === currentId ? undefined : words.switchTo(user.name)}
            onClick={() => switchTo(user.id)}
          >
            <Avatar id={user.id} name={user.name} shape="round" size="md" />
            <span className="person-name">
              {user.name}
              <small>@{user.handle}</small>
            </span>
            {user.id === currentId && <Check aria-hidden="true" />}
          </button>
        </li>
      ))}
      <li>
        <Link to={{ page: "sign-in" }}>
          <span className="account-add">
            <UserPlus aria-hidden="true" />
          </span>
          {words.addAccount}
        </Link>
      </li>
    </ul>
  );
}
