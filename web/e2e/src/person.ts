// A person with a browser of their own: `ada.sends("hi")`, `grace.sees("hi")`. Speaks only through what
// the page shows, by its accessible names.

import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { until } from "./until";

const SEEN_WITHIN_MS = 15_000;
export const PASSWORD = "correct horse battery";

export class Person {
  /** Errors of the page itself; a healthy run has none. */
  readonly pageErrors: string[] = [];

  private constructor(
    readonly name: string,
    readonly handle: string,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on("pageerror", (error) => this.pageErrors.push(error.message));
  }

  static async arrives(browser: Browser, baseURL: string, name: string): Promise<Person> {
    const context = await browser.newContext({
      baseURL,
      locale: "en-GB",
      viewport: { width: 1280, height: 800 },
    });
    context.setDefaultTimeout(SEEN_WITHIN_MS);
    return new Person(name, name.toLowerCase(), context, await context.newPage());
  }

  async registers(): Promise<void> {
    await this.page.goto("/");
    await this.page.getByRole("link", { name: "Make an account" }).click();
    await this.makesAccount();
    await this.seesChats();
  }

  /** Fills the form that is open. */
  async makesAccount(): Promise<void> {
    await this.page.getByLabel("Handle").fill(this.handle);
    await this.page.getByLabel("Name", { exact: true }).fill(this.name);
    await this.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await this.page.getByRole("button", { name: "Make account" }).click();
  }

  async signsIn(password = PASSWORD): Promise<void> {
    await this.page.goto("/sign-in");
    await this.page.getByLabel("Handle or email").fill(this.handle);
    await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  async signsOut(): Promise<void> {
    await this.page.getByRole("link", { name: "Me", exact: true }).first().click();
    await this.page.getByRole("button", { name: "Sign out" }).click();
    await this.page.getByRole("heading", { name: "Welcome back" }).waitFor();
  }

  async seesChats(): Promise<void> {
    await this.page.getByRole("heading", { name: "Chats" }).waitFor();
  }

  async startsTalkingTo(other: Person): Promise<void> {
    await this.page.getByRole("button", { name: "New conversation", exact: true }).click();
    const dialog = this.page.getByRole("dialog");
    await dialog.getByPlaceholder("Search by name or handle").fill(other.handle);
    await dialog.getByRole("button", { name: `@${other.handle}` }).click();
    await dialog.getByRole("button", { name: "Start conversation" }).click();
    await this.page.getByRole("heading", { name: other.name, level: 1 }).waitFor();
  }

  /** Makes a group or a channel, which begins with these people. */
  async makes(kind: "Group" | "Channel", title: string, others: readonly Person[]): Promise<void> {
    await this.page.getByRole("button", { name: "New conversation", exact: true }).click();
    const dialog = this.page.getByRole("dialog");
    for (const { handle } of others) {
      await dialog.getByPlaceholder("Search by name or handle").fill(handle);
      await dialog.getByRole("button", { name: `@${handle}` }).click();
    }
    await dialog.getByPlaceholder("Group name (optional)").fill(title);
    await dialog.getByText(kind, { exact: true }).click();
    await dialog.getByRole("button", { name: /^Make (group of|channel)/ }).click();
    await this.page.getByRole("heading", { name: title, level: 1 }).waitFor();
  }

  async opens(title: string): Promise<void> {
    await this.row(title).click();
    await this.page.getByRole("heading", { name: title, level: 1 }).waitFor();
  }

  get composer(): Locator {
    return this.page.getByRole("textbox", { name: /^Write to/ });
  }

  async sends(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press("Enter");
  }

  row(title: string): Locator {
    const name = this.page.locator(".row-title").filter({ hasText: title });
    return this.page.locator(".row").filter({ has: name });
  }

  bubble(text: string): Locator {
    return this.page.locator(".bubble").filter({ hasText: text });
  }

  async sees(text: string): Promise<void> {
    await this.bubble(text).first().waitFor();
  }

  /** Chooses from the menu of a row, going through its pages. */
  async chooses(title: string, ...items: readonly string[]): Promise<void> {
    await this.row(title).hover();
    const name = `Conversation actions for ${title}`;
    await this.page.getByRole("button", { name, exact: true }).click();
    for (const item of items) {
      await this.page.getByRole("menuitem", { name: item, exact: true }).click();
    }
  }

  get details(): Locator {
    return this.page.getByRole("complementary", { name: "Details" });
  }

  async opensDetails(): Promise<void> {
    await this.page.getByRole("button", { name: "Show details" }).click();
    await this.details.waitFor();
  }

  async closesDetails(): Promise<void> {
    await this.details.getByRole("button", { name: "Hide details" }).click();
    await this.details.waitFor({ state: "detached" });
  }

  /** Chooses from the menu of a member in the open details. */
  async choosesFor(name: string, item: string): Promise<void> {
    await this.details.getByRole("button", { name: `Actions for ${name}`, exact: true }).click();
    await this.page.getByRole("menuitem", { name: item, exact: true }).click();
  }

  /** Chooses from the menu of a message. */
  async asksFor(
    text: string,
    item: string,
    role: "menuitem" | "menuitemcheckbox" = "menuitem",
  ): Promise<void> {
    const line = this.page.locator(".bubble-line").filter({ hasText: text });
    await line.hover();
    await line.getByRole("button", { name: "Message actions" }).click();
    await this.page.getByRole(role, { name: item }).click();
  }

  /** How the tick of an own message is called: Waiting to be sent, Sent, Delivered, Read. */
  async seesTick(text: string, name: string): Promise<void> {
    await this.bubble(text).getByRole("img", { name, exact: true }).waitFor();
  }

  async seesUnread(title: string, count: number): Promise<void> {
    const badge = this.row(title).getByRole("img", { name: new RegExp(`^${count} unread`) });
    await badge.waitFor();
  }

  async seesTitle(title: string): Promise<void> {
    await until(`${this.name}'s title is “${title}”`, SEEN_WITHIN_MS, async () => {
      return (await this.page.title()) === title;
    });
  }

  async seesBubbles(text: string, count: number): Promise<void> {
    await until(`${this.name} sees “${text}” ${count} times`, SEEN_WITHIN_MS, async () => {
      return (await this.bubble(text).count()) === count;
    });
  }
}
